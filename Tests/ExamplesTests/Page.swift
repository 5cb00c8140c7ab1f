/// A README as a script: its `sh` blocks in order, each with the output that the `text` block behind it promises.

import Foundation
import Support
import Testing

struct Page: Sendable, CustomTestStringConvertible {
    struct Step: Sendable {
        let line: Int
        var commands: [String] = []
        /// `nil` where no `text` block follows.
        var output: [String]?
    }
    let path: String
    let steps: [Step]
    var testDescription: String { path }

    /// Every README that says how something is done.
    static let all: [Page] = {
        let examples = (try? FileManager.default.contentsOfDirectory(atPath: Fixtures.repository + "/examples")) ?? []
        let paths = ["Handlers/README.md"] + examples.sorted().map { "examples/\($0)/README.md" }
        return paths.compactMap { path in
            (try? String(contentsOfFile: Fixtures.repository + "/" + path, encoding: .utf8)).map { Page(path, $0) }
        }
    }()

    init(_ path: String, _ text: String) {
        var steps: [Step] = []
        var fence: String?
        for (number, line) in text.components(separatedBy: "\n").enumerated() {
            if line.hasPrefix("```") {
                let isOpening = fence == nil
                fence = isOpening ? String(line.dropFirst(3)) : nil
                if fence == "sh" { steps.append(Step(line: number + 1)) }
                if fence == "text", let last = steps.indices.last, steps[last].output == nil {
                    steps[last].output = []
                }
            } else if let last = steps.indices.last {
                if fence == "sh" { steps[last].commands.append(line) }
                if fence == "text" { steps[last].output?.append(line) }
            }
        }
        self.path = path
        self.steps = steps
    }

    /// What stands between the outputs of two steps.
    static let mark = "\u{1E}"

    /// One shell runs all of it, as a reader's does, and stops at the first command that fails.
    var script: String {
        "set -e\n" + steps.map { $0.commands.joined(separator: "\n") + "\nprintf '\(Page.mark)'\n" }.joined()
    }
}

/// Compares what was printed with what was promised: `...` stands for anything, on a line of its own for any lines.
enum Promise {
    static func isKept(_ promised: [String], by printed: [String]) -> Bool {
        guard let line = promised.first else { return printed.isEmpty }
        let rest = Array(promised.dropFirst())
        if line.trimmingCharacters(in: .whitespaces) == "..." {
            return (0...printed.count).contains { isKept(rest, by: Array(printed.dropFirst($0))) }
        }
        guard let first = printed.first, matches(first, line) else { return false }
        return isKept(rest, by: Array(printed.dropFirst()))
    }

    /// Without empty lines around it.
    static func trimmed(_ lines: [String]) -> [String] {
        let isEmpty = { (line: String) in line.trimmingCharacters(in: .whitespaces).isEmpty }
        return Array(lines.drop(while: isEmpty).reversed().drop(while: isEmpty).reversed())
    }

    private static func matches(_ printed: String, _ promised: String) -> Bool {
        let parts = promised.components(separatedBy: "...").map(NSRegularExpression.escapedPattern)
        return printed.range(of: "^" + parts.joined(separator: ".*") + "\\s*$", options: .regularExpression) != nil
    }
}
