import Foundation
import Support
import Testing

/// Decisions/0023: what hurt others has a test here, or a reason why it cannot happen.
@Suite struct LessonTests {
    private static let page = "Runtime/Decisions/0023-lessons-of-others.md"
    private static let lessons = 66

    /// The number and the last cell of each row.
    private func rows() throws -> [(number: Int, answer: String)] {
        let text = try String(contentsOfFile: Fixtures.repository + "/" + Self.page, encoding: .utf8)
        return text.components(separatedBy: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard line.hasPrefix("| "), cells.count == 3, let number = Int(cells[0]) else { return nil }
            return (number, cells[2])
        }
    }

    /// What stands in backquotes: `PipelineTests/HeldTests.aBeatUnderWayIsAwaitedBeforeAGiveBack`.
    private func tests(in answer: String) -> [(file: String, function: String)] {
        answer.matches(of: /`(\w+Tests\/\w+)\.(\w+)`/).map { ("Tests/\($0.output.1).swift", String($0.output.2)) }
    }

    @Test func everyLessonHasOneAnswer() throws {
        let rows = try rows()
        #expect(rows.map(\.number) == Array(1...Self.lessons))
        for (number, answer) in rows where tests(in: answer).isEmpty {
            #expect(answer.hasSuffix(".") && answer.count > 40, "lesson \(number) has neither a test nor a reason")
        }
    }

    @Test func everyTestThatIsNamedIsThere() throws {
        for (number, answer) in try rows() {
            for (file, function) in tests(in: answer) {
                guard let source = TidyTests.sources.first(where: { $0.path == file }) else {
                    Issue.record("lesson \(number): there is no \(file)")
                    continue
                }
                // The annotation stands before it, with its arguments in several lines where there are some.
                let parts = source.text.components(separatedBy: "func \(function)(")
                let before = parts[0].components(separatedBy: "func ").last ?? ""
                let isTest = parts.count == 2 && before.contains("@Test")
                #expect(isTest, "lesson \(number): no test \(function) in \(file)")
            }
        }
    }

    /// Code that was loaded may be referred to for ever: by a thread, a destructor, a signal handler.
    @Test func nothingIsEverUnloaded() throws {
        let folder = Fixtures.repository + "/"
        for root in ["Runtime", "Handlers"] {
            let names = FileManager.default.enumerator(atPath: folder + root)?.compactMap { $0 as? String } ?? []
            for name in names where [".swift", ".c", ".h"].contains(where: name.hasSuffix) {
                let text = try String(contentsOfFile: folder + root + "/" + name, encoding: .utf8)
                #expect(!text.contains("dlclose("), "\(root)/\(name)")
            }
        }
    }
}
