import Events
import Plugins
import Synchronization
import WorkerProtocol

/// Everything that a worker and its handler said while they were tried.
final class BenchJournal: WorkerObserver {
    private struct Content {
        var events: [WorkerEvent] = []
        var processes: Set<Int32> = []
        var skipped = 0
    }
    private static let eventsAtMost = 20_000
    private let content = Mutex(Content())

    func note(_ event: WorkerEvent, of worker: WorkerName) {
        content.withLock { content in
            if worker.process > 0 { content.processes.insert(worker.process) }
            if content.events.count < Self.eventsAtMost { content.events.append(event) } else { content.skipped += 1 }
        }
    }

    var events: [WorkerEvent] { content.withLock { $0.events } }
    var processes: Set<Int32> { content.withLock { $0.processes } }

    /// What the plugin says of itself.
    var description: PluginDescription? {
        events.lazy.compactMap { if case .described(let plugin) = $0 { plugin } else { nil } }.first
    }
    var sandbox: SandboxReport? {
        events.lazy.compactMap { if case .started(let report) = $0 { report } else { nil } }.first
    }
    /// The handler's own lines.
    var lines: [HandlerLine] { allLines.filter { !$0.message.hasPrefix(WP_CONTRACT) } }
    /// The lines that the worker wrote on a breach of the contract, without their beginning.
    var breaches: [String] {
        allLines.filter { $0.message.hasPrefix(WP_CONTRACT) }.map { String($0.message.dropFirst(WP_CONTRACT.count)) }
    }
    private var allLines: [HandlerLine] { events.compactMap { if case .line(let line) = $0 { line } else { nil } } }
    var output: [String] { events.compactMap { if case .output(let line) = $0 { line } else { nil } } }
    var samples: [HandlerSample] {
        events.flatMap { if case .samples(let samples) = $0 { samples } else { [HandlerSample]() } }
    }
    var kills: [Failure] { events.compactMap { if case .killed(let failure) = $0 { failure } else { nil } } }
    /// How the worker ended, if it has.
    var end: String? { events.compactMap { if case .ended(let cause, _) = $0 { cause } else { nil } }.last }
    var isLate: Bool { events.contains { if case .late = $0 { true } else { false } } }
    var denied: [RoutePattern] {
        events.compactMap { event in
            guard case .denied(_, let source, let detailType) = event else { return nil }
            return RoutePattern(source: source, detailType: detailType)
        }
    }
    /// Lines and samples beyond a bound.
    var dropped: (lines: Int, samples: Int) {
        events.reduce(into: (0, 0)) { sum, event in
            guard case .dropped(let lines, let samples) = event else { return }
            sum = (sum.0 + lines, sum.1 + samples)
        }
    }
}
