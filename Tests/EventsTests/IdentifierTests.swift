import Events
import Testing

/// What may name rows, labels and log fields.
@Suite struct IdentifierTests {
    /// One by one: what ``Identifier/isText(_:)`` looks at by eights.
    private func isPlain(_ bytes: [UInt8]) -> Bool {
        bytes.indices.allSatisfy { place in
            let byte = bytes[place]
            let isC1 = byte < 0xA0 && place > 0 && bytes[place - 1] == 0xC2
            return byte >= 0x20 && byte != 0x7F && !isC1
        }
    }

    @Test func noControlCharacterPassesWhereverItStands() {
        for count in 0...20 {
            for place in 0..<count {
                for byte in UInt8.min...UInt8.max {
                    for neighbour in [0x20, 0x41, 0x7E, 0xC2, 0xA0] as [UInt8] {
                        var bytes = [UInt8](repeating: neighbour == 0xC2 ? 0x41 : neighbour, count: count)
                        if neighbour == 0xC2, place > 0 { bytes[place - 1] = 0xC2 }
                        bytes[place] = byte
                        guard Identifier.isText(bytes) != isPlain(bytes) else { continue }
                        Issue.record("\(bytes)")
                        return
                    }
                }
            }
        }
    }

    @Test func aNameIsAsLongAsItMayBe() {
        #expect(Identifier.isText([UInt8](repeating: 0x41, count: Limits.identifierBytes)))
        #expect(!Identifier.isText([UInt8](repeating: 0x41, count: Limits.identifierBytes + 1)))
        #expect(Identifier.isText("Zahlung.Ausgeführt ✓ é".utf8))
        #expect(!Identifier.isText("a\u{85}b".utf8))
    }
}
