// Hostile files: each gets one clear problem, and nothing crashes or grows.
import Events
import Settings
import Support
import Testing

struct DocumentTests {
    private func only(_ bytes: [UInt8]) throws -> String {
        let (configuration, problems) = Configuration.parse(bytes, file: "f.yaml")
        #expect(configuration == nil)
        #expect(problems.count == 1)
        let problem = try #require(problems.first)
        #expect(problem.code == .settingsUnreadable)
        return problem.description
    }
    private func only(_ text: String) throws -> String { try only(Array(text.utf8)) }

    @Test func everyUnreadableFileSaysWhy() throws {
        let deepFlow = "a: " + String(repeating: "[", count: 100_000)
        let deepBlock = (0..<200).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        let cases: [(String, [UInt8])] = [
            ("empty", []),
            ("only comments", Array("# nothing\n\n".utf8)),
            ("null", Array("---\nnull\n".utf8)),
            ("a list", Array("- a\n".utf8)),
            ("a word", Array("word\n".utf8)),
            ("tabs", Array("queues:\n\t- name: a\n".utf8)),
            ("duplicate key", Array("log: {level: info}\nbus:\n  name: a\nlog: {level: info}\n".utf8)),
            ("duplicate key, once quoted", Array("\"log\": {}\nlog: {}\n".utf8)),
            ("a key that is a list", Array("[a, b]: c\n".utf8)),
            ("two documents", Array("a: 1\n---\nb: 2\n".utf8)),
            ("unclosed quote", Array("a: \"b\n".utf8)),
            ("bad indentation", Array("a:\n  b: 1\n c: 2\n".utf8)),
            ("invalid UTF-8", Array("a: 1\nb: ".utf8) + [0xC3, 0x28, 0x0A]),
            ("UTF-16", [0xFF, 0xFE, 0x61, 0x00]),
            ("NUL", Array("a: 1\nb: \u{0}\n".utf8)),
            ("alias", Array("a: &x {b: 1}\nc: *x\n".utf8)),
            ("undefined alias", Array("c: *x\n".utf8)),
            ("deep in brackets", Array(deepFlow.utf8)),
            ("deep by indentation", Array(deepBlock.utf8)),
            ("huge", Array(repeating: UInt8(ascii: "#"), count: 2_000_000)),
        ]
        var catalogue = ""
        for (name, bytes) in cases { catalogue += "## \(name)\n" + (try only(bytes)) + "\n\n" }
        #expect(try Snapshot.difference(of: catalogue, from: "Tests/Fixtures/settings/unreadable.txt") == nil)
    }

    @Test func aBillionLaughsAreRefusedUnread() throws {
        var text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        for level in 1..<40 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ") + "]\n"
        }
        // As a key the library itself would walk all of it.
        text += "? *a39\n: 1\n"
        #expect(try only(text).contains("is an alias"))
    }

    @Test func starsAndAmpersandsInTextAreNoAliases() {
        let text = Base.replacing(
            "url: https://keys.example.com/keys/jwks-pqc", "url: https://keys.example.com/?a=1&b=2")
        #expect(Base.load(text).1.isEmpty)
    }

    @Test func whatIsNoFileIsRefused() throws {
        let folder = try TemporaryFolder()
        for path in [folder.path, folder.file("missing.yaml"), "/dev/zero", "/proc/self/mem", ""] {
            let (configuration, problems) = Configuration.load(path: path, environment: [:])
            #expect(configuration == nil)
            #expect(problems.map(\.code) == [.settingsUnreadable], "\(path): \(problems)")
        }
    }

    @Test func relativePathsStartAtTheFile() throws {
        let text = Base.replacing("/opt/outrigger/libbilling.so", "plugins/libbilling.so")
        let (configuration, _) = Configuration.parse(Array(text.utf8), file: "/etc/outrigger/outrigger.yaml")
        #expect(configuration?.handlers.first?.plugin == "/etc/outrigger/plugins/libbilling.so")
    }

    @Test func aByteOrderMarkAndWindowsLineEndsAreRead() {
        #expect(Base.load("\u{FEFF}" + Base.yaml).1.isEmpty)
        #expect(Base.load(Base.yaml.replacing("\n", with: "\r\n")).1.isEmpty)
    }

    @Test func noTruncationOfAFileCrashesTheReader() {
        let bytes = Array(Base.yaml.utf8)
        for end in stride(from: 0, to: bytes.count, by: 7) {
            let (configuration, problems) = Configuration.parse(Array(bytes[..<end]), file: "f.yaml")
            #expect(configuration != nil || !problems.isEmpty)
        }
    }
}
