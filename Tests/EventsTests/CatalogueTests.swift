import Events
import Testing

@Suite struct CatalogueTests {
    @Test(arguments: FailureCode.allCases)
    func everyCodeSaysWhatItMeansAndWhatToDo(code: FailureCode) {
        let modules = ["api", "call", "journal", "keys", "plugin", "publish", "redrive", "settings", "store"]
        let areas = Stage.allCases.map(\.rawValue) + modules
        #expect(areas.contains(code.area))
        #expect(code.entry.meaning.hasSuffix("."))
        #expect(!code.entry.remedy.isEmpty)
    }

    @Test func noTwoCodesHaveOneMeaning() {
        let meanings = Dictionary(grouping: FailureCode.allCases) { $0.entry.meaning }
        for (meaning, codes) in meanings { #expect(codes.count == 1, "\(meaning): \(codes)") }
    }

    @Test func aDigestKeepsItsBytes() throws {
        let bytes = (0..<32).map { UInt8($0 * 7 & 0xFF) }
        let digest = try #require(Digest(bytes))
        #expect(digest.bytes == bytes)
        #expect(digest.hexadecimal.hasPrefix("00070e15"))
        #expect(Digest(bytes.dropLast()) == nil)
    }
}
