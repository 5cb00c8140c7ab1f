import Conformance
import Events
import Foundation
import Support
import Testing

/// Files that are no plugins, each in words that say what it is.
@Suite struct LibraryFileTests {
    private func refusal(_ path: String) -> Failure? {
        do throws(Failure) {
            _ = try LibraryFile(reading: path)
            return nil
        } catch { return error }
    }

    private func refusal(of content: [UInt8]) throws -> String? {
        let folder = try TemporaryFolder()
        let path = folder.file("plugin.so")
        try Data(content).write(to: URL(filePath: path))
        return refusal(path)?.cause
    }

    @Test func theSymbolsOfAPluginAreRead() throws {
        let file = try LibraryFile(reading: "\(Fixtures.products)/libfixture-careless.so")
        #expect(file.exported == ["eh_plugin_entry_v1"] && file.missingEntry == nil)
        #expect(file.needed.contains { $0.hasPrefix("libc.so") })
        let nameless = try LibraryFile(reading: "\(Fixtures.products)/libfixture-nameless.so")
        #expect(nameless.exported == ["eh_plugin_entry", "nameless_helper"])
    }

    @Test(arguments: [("/", "a directory"), ("/nowhere.so", "No such file"), ("/dev/null", "not a regular file")])
    func whatIsNoFileIsNamed(_ path: String, _ words: String) {
        #expect(refusal(path)?.code == .pluginUnreadable && refusal(path)?.cause.contains(words) == true)
    }

    @Test(arguments: [
        ("", "an empty file"), ("int main() {}\n", "a text file"), ("!<arch>\n1234", "a static library"),
        ("MZ\u{0}\u{1}", "a library for Windows"), ("\u{7f}ELF", "cut off"),
    ]) func whatIsNoLibraryIsNamed(_ content: String, _ words: String) throws {
        #expect(try refusal(of: Array(content.utf8))?.contains(words) == true)
    }

    @Test(arguments: [(18, 183, "built for aarch64"), (18, 3, "built for x86 (32 bits)"), (16, 1, "an object file")])
    func aLibraryForAnotherMachineIsNamed(_ offset: Int, _ value: UInt8, _ words: String) throws {
        var content = try Array(Data(contentsOf: URL(filePath: "\(Fixtures.products)/libfixture-careless.so")))
        #if arch(arm64)
            if value == 183 { return }
        #endif
        content[offset] = value
        content[offset + 1] = 0
        #expect(try refusal(of: content)?.hasPrefix(words) == true)
    }

    @Test func aProgramIsNoLibrary() {
        #expect(refusal("\(Fixtures.products)/outrigger-worker")?.cause.hasPrefix("a program") == true)
    }

    @Test func damagedTablesNeverCrash() throws {
        let whole = try Array(Data(contentsOf: URL(filePath: "\(Fixtures.products)/libfixture-careless.so")))
        let folder = try TemporaryFolder()
        let path = folder.file("plugin.so")
        var numbers = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            var content = whole
            let sections = whole[40..<48].reversed().reduce(0) { $0 << 8 | Int($1) }
            for _ in 0..<4 {
                content[Int.random(in: 0..<64, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
                let place = Int.random(in: sections..<whole.count, using: &numbers)
                content[place] = UInt8.random(in: 0...255, using: &numbers)
            }
            if Bool.random(using: &numbers) { content.removeLast(Int.random(in: 0..<content.count, using: &numbers)) }
            try Data(content).write(to: URL(filePath: path))
            if let failure = refusal(path) { #expect(!failure.cause.isEmpty) }
        }
    }
}
