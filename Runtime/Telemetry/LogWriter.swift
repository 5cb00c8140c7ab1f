// Writing log lines: level, rate and the file descriptor.
public import Events
import Glibc
import Synchronization

/// Where rendered lines go. Called with the writer's lock held: one line at a time, in order.
public protocol LogSink: Sendable {
    /// False if the line could not be taken now; it is dropped and counted.
    func write(_ line: [UInt8]) -> Bool
}

/// A file descriptor that lines are written to, each by one `write`.
///
/// It never waits: a pipe that has no room for a whole line loses it, since a slow reader of logs must not stop events.
public struct DescriptorSink: LogSink {
    private let descriptor: Int32

    /// - Parameter descriptor: stays the caller's; standard error by default.
    public init(_ descriptor: Int32 = 2) { self.descriptor = descriptor }

    public func write(_ line: [UInt8]) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&request, 1, 0) == 1, request.revents & Int16(POLLOUT) != 0 else { return false }
        return Glibc.write(descriptor, line, line.count) == line.count
    }
}

/// Writes lines of at least a level, so many a second of each source; the rest are counted, and the count is written.
public final class LogWriter: Sendable {
    private let sink: any LogSink
    private let registry: Registry
    private let threshold: Atomic<Int>
    private let limiter = Mutex(RateLimiter())

    public init(_ sink: any LogSink = DescriptorSink(), level: LogLevel = .info, registry: Registry) {
        self.sink = sink
        self.registry = registry
        threshold = Atomic(level.rawValue)
    }

    public var level: LogLevel { LogLevel(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
    public func setLevel(_ level: LogLevel) { threshold.store(level.rawValue, ordering: .relaxed) }
    /// False for what is below the level: asked first, so that a silent line costs nothing.
    public func writes(_ level: LogLevel) -> Bool { level.rawValue >= threshold.load(ordering: .relaxed) }

    /// - Parameter line: not evaluated below the level.
    public func write(at now: Instant, _ level: LogLevel, from source: LogSource, _ line: @autoclosure () -> LogLine) {
        guard writes(level) else { return }
        limiter.withLock { limiter in
            for summary in limiter.roll(to: now) { write(summary, at: now) }
            guard limiter.admits(source, at: now) else {
                registry.add(.logLines, ["limit"])
                return
            }
            write(line(), at: now)
        }
    }

    /// Writes what was left out in seconds that are over. Called now and then, and at the end.
    public func flush(at now: Instant) {
        limiter.withLock { limiter in
            for summary in limiter.roll(to: now) { write(summary, at: now) }
        }
    }

    private func write(_ line: LogLine, at now: Instant) {
        if !sink.write(line.rendered(at: now)) { registry.add(.logLines, ["blocked"]) }
    }
}

/// Whose lines share a limit.
public enum LogSource: Hashable, Sendable {
    /// The sidecar itself: what it says once, about itself. Not limited.
    case sidecar
    case code(FailureCode)
    case handler(HandlerID)
    case library(String)
    /// The event path at level debug: an operator asked for it. Not limited.
    case path

    /// Lines in one second; a handler's worker holds to the same number.
    var linesPerSecond: Int? {
        switch self {
        case .sidecar, .path: nil
        case .code, .library: Limits.logLinesPerCode
        case .handler: 200
        }
    }
}

/// Counts lines by source and second. Pure.
struct RateLimiter: Sendable {
    private struct Window {
        var lines = 0
        var leftOut = 0
    }
    /// Libraries name their loggers as they like; those beyond share one limit.
    private static let sourcesAtMost = 512
    private static let others = LogSource.library("other")

    private var second: Int64 = 0
    private var windows: [LogSource: Window] = [:]

    /// Starts the second of `now`; the answer tells what was left out in the one before.
    mutating func roll(to now: Instant) -> [LogLine] {
        let current = now.unixMilliseconds / 1000
        guard current != second else { return [] }
        second = current
        defer { windows.removeAll(keepingCapacity: true) }
        return windows.filter { $0.value.leftOut > 0 }.map { source, window in
            var line = LogLine(
                .warning, "lines left out", fields: [Attribute(name: "count", value: String(window.leftOut))])
            switch source {
            case .code(let code): line.code = code
            case .handler(let id): line.handler = id
            case .library(let label): line.fields.append(Attribute(name: "library", value: label))
            case .sidecar, .path: break
            }
            return line
        }.sorted {
            ($0.code?.rawValue ?? "", $0.handler?.text ?? "") < ($1.code?.rawValue ?? "", $1.handler?.text ?? "")
        }
    }

    mutating func admits(_ source: LogSource, at now: Instant) -> Bool {
        guard let limit = source.linesPerSecond else { return true }
        let source = windows.count < Self.sourcesAtMost || windows[source] != nil ? source : Self.others
        if windows[source, default: Window()].lines < limit {
            windows[source, default: Window()].lines += 1
            return true
        }
        windows[source, default: Window()].leftOut += 1
        return false
    }
}
