import Events
import Foundation
import Telemetry

/// Log lines to a file, so that the table stays readable.
struct FileSink: LogSink {
    private let sink: DescriptorSink

    init(_ path: String) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure(.settingsUnreadable, path, String(cString: strerror(errno))) }
        sink = DescriptorSink(descriptor)
    }

    func write(_ line: [UInt8]) -> Bool { sink.write(line) }
}
