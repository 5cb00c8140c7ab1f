import Foundation
import Support
import Testing

/// The wall clock of a sidecar, which a test sets as an operator or a time server does, at any time. No other clock of
/// the process knows.
struct SetClock {
    let environment: [String: String]
    private let file: String

    init(_ house: House, ahead: Duration = .zero) throws {
        file = house.folder.file("clock")
        let library = house.folder.file("clock.so")
        let built = try Shell.run("cc -O1 -shared -fPIC -o '\(library)' '\(Fixtures.path("clock/clock.c"))'")
        try #require(built.status == 0, "\(built.output)")
        environment = ["LD_PRELOAD": library, "CLOCK_FILE": file]
        try set(ahead: ahead)
    }

    func set(ahead: Duration) throws {
        let bytes = withUnsafeBytes(of: ahead.components.seconds) { Data($0) }
        // In place: it is mapped.
        if !FileManager.default.fileExists(atPath: file) { try bytes.write(to: URL(filePath: file)) }
        let handle = try #require(FileHandle(forWritingAtPath: file))
        try handle.write(contentsOf: bytes)
        try handle.close()
    }
}
