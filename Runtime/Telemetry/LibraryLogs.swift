// What the libraries log, in our lines.
import Events
public import Logging
public import Pipeline

/// A swift-log handler that writes through ``LogWriter``. Values of metadata are cut like all fields.
public struct LibraryLogHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var logLevel: Logger.Level
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let writer: LogWriter
    private let clock: any WallClock

    /// - Parameter level: the least severe lines; the writer's own level holds as well.
    public init(label: String, writer: LogWriter, clock: any WallClock, level: Logger.Level = .warning) {
        self.label = label
        self.writer = writer
        self.clock = clock
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let level = Self.level(event.level)
        writer.write(at: clock.now, level, from: .library(label), line(event, level))
    }

    private func line(_ event: LogEvent, _ level: LogLevel) -> LogLine {
        let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
        var fields = [Attribute(name: "library", value: label)]
        if let error = event.error { fields.append(Attribute(name: "error", value: String(describing: error))) }
        fields += all.sorted { $0.key < $1.key }.map { Attribute(name: $0.key, value: "\($0.value)") }
        return LogLine(level, "\(event.message)", fields: fields)
    }

    private static func level(_ level: Logger.Level) -> LogLevel {
        switch level {
        case .trace: .trace
        case .debug: .debug
        case .info, .notice: .info
        case .warning: .warning
        case .error, .critical: .error
        }
    }
}
