public import Events

/// One worker process, or its like in the sidecar.
public struct WorkerName: Sendable, Hashable, CustomStringConvertible {
    public let handler: HandlerID
    /// Of a second build that is tried beside the serving one.
    public let isTrial: Bool
    public let generation: Int
    /// Its place among the handler's workers, from 0.
    public let index: Int
    /// 0 for an inline one.
    public let process: Int32
    public var description: String { "\(handler)\(isTrial ? "/trial" : "")/\(generation)/\(index)" }
}

/// What happens to workers and what handlers say, as values: each log line and metric derives from one of these.
public enum WorkerEvent: Sendable {
    /// The plugin is loaded; this is in force around it.
    case started(SandboxReport)
    /// What the plugin says of itself, whether or not it has the handler that was asked for.
    case described(PluginDescription)
    /// `create` succeeded: the worker takes batches.
    case ready
    /// `create` asks for patience.
    case notReady(Reason)
    /// The host ends it: it overran its deadline, sent no frame, or its generation is over.
    case killed(Failure)
    /// It was to end, inline, and its handler does not return: `handle.stuck`. Only a restart of the sidecar helps,
    /// unless it returns after all: then it has ``ended(cause:restart:)``.
    case stuck(Failure)
    /// What it uses now, looked at now and then: bytes of its own, and threads.
    case used(memory: Int, threads: Int)
    /// It uses more than `memory-soft`: another is started, and takes its place when it is ready.
    case outgrew(memory: Int, soft: Int)
    /// Another took its place; it finishes what it runs, and ends.
    case replaced
    /// It is gone and reaped. `restart` is when the next one starts in its place, `nil` if none does.
    case ended(cause: String, restart: Duration?)
    /// Answers that came after deadline or revocation, and were ignored.
    case late(answers: Int)
    case line(HandlerLine)
    /// A line of stdout or stderr.
    case output(String)
    /// What was beyond a bound: lines a second, series of a handler, malformed metric names.
    case dropped(lines: Int, samples: Int)
    case samples([HandlerSample])
    /// Published, and not listed: `handle.denied`.
    case denied(EventID, source: String, detailType: String)
    /// Called, and not listed: `call.denied`.
    case callDenied(EventID, service: String)
}

/// A log line of a handler.
public struct HandlerLine: Sendable, Hashable {
    public enum Level: UInt8, Sendable { case trace, debug, info, warning, error }
    public let level: Level
    public let message: String
    public let fields: [Attribute]
    public let event: EventID?
    public let traceParent: String
}

/// What a handler counted or observed since its worker's last report.
public struct HandlerSample: Sendable, Hashable {
    public enum Value: Sendable, Hashable {
        case count(UInt64)
        /// `buckets[i]` are the values at most `bounds[i]` and above the bound before; the last, those above all.
        case histogram(count: UInt64, sum: Double, buckets: [UInt64])
    }
    /// `[a-z_][a-z0-9_]*`
    public let name: String
    /// Sorted by name.
    public let labels: [Attribute]
    public let value: Value

    public static let bounds: [Double] = [
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000,
    ]
}

/// Hears what happens to workers, on the plugin host's own thread: it must not block.
public protocol WorkerObserver: Sendable {
    func note(_ event: WorkerEvent, of worker: WorkerName)
    /// Called by whoever runs a batch.
    func note(_ event: TrialEvent, of handler: HandlerID)
}

extension WorkerObserver {
    public func note(_ event: TrialEvent, of handler: HandlerID) {}
}
