import Foundation
import Support
import Testing

/// Every input that was worth keeping, in every test run. What libFuzzer finds becomes one of them.
@Suite struct CorpusTests {
    @Test(arguments: Target.all.map(\.name)) func everyInputOfTheCorpusIsBorne(name: String) throws {
        let target = try #require(Target.all.first { $0.name == name })
        let folder = Fixtures.repository + "/Tests/Fuzz/\(name)/corpus"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        var ways: Set<String> = []
        for file in files {
            let input = [UInt8](try Data(contentsOf: URL(filePath: folder).appending(path: file)))
            do { ways.insert(try target.run(input)) } catch { Issue.record("\(name)/corpus/\(file): \(error)") }
        }
        // A corpus in which all goes one way tries nothing.
        #expect(ways.count > 1, "\(name): \(ways)")
    }

    @Test(arguments: [("token", "accepted"), ("envelope", "accepted"), ("keyset", "taken"), ("settings", "taken")])
    func theCorpusHoldsWhatIsBelieved(name: String, way: String) throws {
        let target = try #require(Target.all.first { $0.name == name })
        let folder = URL(filePath: Fixtures.repository + "/Tests/Fuzz/\(name)/corpus")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(try files.contains { try target.run([UInt8](try Data(contentsOf: $0))) == way })
    }

    @Test func theScriptKnowsEveryTarget() throws {
        let script = try String(contentsOfFile: Fixtures.repository + "/Tests/Fuzz/run", encoding: .utf8)
        let line = try #require(script.split(separator: "\n").first { $0.hasPrefix("names=(") })
        #expect(line.dropFirst(7).dropLast().split(separator: " ").map(String.init) == Target.all.map(\.name))
    }
}
