import Foundation

/// Golden files: what a test made is compared with what was once looked at and kept.
///
/// `RECORD_SNAPSHOTS=1 swift test` rewrites them; look at the difference before committing it.
public enum Snapshot {
    private static let isRecording = ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1"

    /// Compares a text with a file of the repository.
    /// - Parameter path: from the root of the repository.
    /// - Returns: `nil` if they are the same; else the first line that differs, for the test's message.
    public static func difference(of text: String, from path: String) throws -> String? {
        let url = URL(filePath: Fixtures.repository).appending(path: path)
        if isRecording {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
            return nil
        }
        guard let data = try? Data(contentsOf: url) else { return "\(path) is missing: record it" }
        let kept = String(decoding: data, as: UTF8.self)
        if kept == text { return nil }
        let old = kept.split(separator: "\n", omittingEmptySubsequences: false)
        let new = text.split(separator: "\n", omittingEmptySubsequences: false)
        let line =
            zip(old, new).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(old.count, new.count)
        func at(_ lines: [Substring]) -> String { line < lines.count ? String(lines[line]) : "(end)" }
        return "\(path):\(line + 1)\n  kept: \(at(old))\n  now:  \(at(new))"
    }
}
