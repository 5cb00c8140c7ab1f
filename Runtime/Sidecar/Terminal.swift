import Foundation

/// Words for the person at the terminal; log lines go another way.
enum Terminal {
    static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }

    static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
    static func complain(_ text: String) { FileHandle.standardError.write(Data(("outrigger: " + text + "\n").utf8)) }
    static func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
