import Foundation

/// Words for the person at the terminal; log lines go another way.
enum Terminal {
    static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }

    static func say(_ text: String) { write(text + "\n") }
    static func complain(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data("outrigger: \(text)\n".utf8))
    }
    /// Nobody may be reading any more: then nobody misses it.
    static func write(_ text: String) { try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) }
}
