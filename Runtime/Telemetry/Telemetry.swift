// What happens, as metrics and log lines. The one place where events of the house become either.
public import Events
public import Pipeline
import Synchronization

/// Hears everything, from any thread, without blocking.
public final class Telemetry: Sendable {
    public let registry: Registry
    public let writer: LogWriter
    struct State: Sendable {
        var generation = 0
        var keySetsFetched: [String: Instant] = [:]
        var outboxOldest: Instant?
    }
    let state = Mutex(State())
    private let queues = Mutex<[QueueSeries]>([])

    public init(registry: Registry, writer: LogWriter) {
        self.registry = registry
        self.writer = writer
    }

    /// The Content-Type of ``exposition(at:)``.
    public static let contentType = Exposition.contentType

    /// All metrics as Prometheus text, with the ages as they are now.
    public func exposition(at now: Instant) -> String {
        let (fetched, oldest) = state.withLock { ($0.keySetsFetched, $0.outboxOldest) }
        for (name, instant) in fetched { registry.set(.keySetAge, [name], to: (now - instant).inSeconds) }
        registry.set(.outboxAge, to: oldest.map { max(0, (now - $0).inSeconds) } ?? 0)
        return Exposition(registry.snapshot()).rendered
    }

    // MARK: - lines

    /// A line of the sidecar about itself.
    public func log(_ level: LogLevel, _ message: String, _ fields: [Attribute] = [], at now: Instant) {
        write(at: now, level, from: .sidecar, LogLine(level, message, fields: fields))
    }

    /// A failure outside of a queue's pipeline, at the level of its disposition.
    public func report(_ failure: Failure, handler: HandlerID? = nil, at now: Instant) {
        var line = Self.line(failure)
        line.handler = handler
        write(at: now, line.level, from: .code(failure.code), line)
    }

    /// Writes what was left out of the log. To be called every few seconds, and at the end.
    public func flush(at now: Instant) { writer.flush(at: now) }

    func write(at now: Instant, _ level: LogLevel, from source: LogSource, _ line: @autoclosure () -> LogLine) {
        guard writer.writes(level) else { return }
        let generation = state.withLock { $0.generation }
        func complete() -> LogLine {
            var line = line()
            if generation > 0 { line.generation = generation }
            return line
        }
        writer.write(at: now, level, from: source, complete())
    }

    static func line(_ failure: Failure) -> LogLine {
        var line = LogLine(
            failure.code.disposition.level, failure.cause.isEmpty ? failure.code.entry.meaning : failure.cause)
        line.code = failure.code
        if !failure.subject.isEmpty { line.fields = [Attribute(name: "subject", value: failure.subject)] }
        return line
    }
}

extension Disposition {
    /// How loud a failure of this disposition is.
    var level: LogLevel {
        switch self {
        case .quarantine, .deadLetter, .pause: .warning
        case .retry, .note, .answer: .info
        case .refuse: .error
        }
    }
}

extension Telemetry: PipelineObserver {
    public func note(_ event: PipelineEvent, of queue: QueueName, at now: Instant) {
        switch event {
        case .received, .redelivered, .inHand, .stage, .committed: count(event, queue)
        case .verified, .duplicate, .handled, .settled: count(event, queue)
        case .failed(_, let failure), .receiveFailed(let failure):
            registry.add(.failures, [queue.text, failure.code.rawValue])
        case .retried(let subject, let failure, _, _):
            registry.add(.retries, [queue.text, subject.handler?.text ?? "", failure.code.rawValue])
        case .deadLettered(_, let failure): registry.add(.deadLetters, [queue.text, failure.code.rawValue])
        case .settleFailed(_, let failure): registry.add(.settleErrors, [queue.text, failure.code.rawValue])
        case .paused(let failure): registry.set(.paused, [queue.text, failure.code.rawValue], to: 1)
        case .resumed: registry.setAll(.paused, first: queue.text, to: 0)
        case .circuitOpened(let handler, _, _): registry.set(.handlerCircuit, [queue.text, handler.text], to: 1)
        case .circuitClosed(let handler): registry.set(.handlerCircuit, [queue.text, handler.text], to: 0)
        case .backlog(let depth, let hidden):
            for (state, count) in depth.states + [("hidden", hidden)] {
                registry.set(.queueMessages, [queue.text, state], to: Double(count))
            }
        case .drained: break
        }
        let (level, source) = Self.loudness(of: event)
        guard writer.writes(level) else { return }
        switch event {
        case .verified(let subjects): for each in subjects { write(Self.path(each, level), of: queue, at: now) }
        case .handled(let runs): for run in runs { write(Self.path(run, level), of: queue, at: now) }
        case .settled(let settlements): for each in settlements { write(Self.path(each, level), of: queue, at: now) }
        default: write(at: now, level, from: source, Self.line(for: event, queue, level))
        }
    }

    private func write(_ line: LogLine, of queue: QueueName, at now: Instant) {
        var line = line
        line.queue = queue
        write(at: now, line.level, from: .path, line)
    }

    private func count(_ event: PipelineEvent, _ queue: QueueName) {
        switch event {
        case .received(let count, let bytes): series(of: queue).received(count, bytes: bytes)
        case .redelivered: registry.add(.redelivered, [queue.text])
        case .verified(let subjects): series(of: queue).verified(subjects.count)
        case .duplicate: registry.add(.duplicates, [queue.text])
        case .handled(let runs): series(of: queue).handled(runs)
        case .committed(let count, let took): series(of: queue).committed(count, took: took)
        case .settled(let settlements): series(of: queue).settled(settlements)
        case .stage(let stage, let count, let took): series(of: queue).stage(stage, count: count, took: took)
        case .inHand(let messages, let bytes, let oldest):
            registry.set(.inHand, [queue.text], to: Double(messages))
            registry.set(.inHandBytes, [queue.text], to: Double(bytes))
            registry.set(.oldest, [queue.text], to: oldest.inSeconds)
        default: break
        }
    }

    private func series(of queue: QueueName) -> QueueSeries {
        queues.withLock { queues in
            for place in queues.indices where queues[place].queue == queue { return queues[place] }
            let made = QueueSeries(queue, in: registry)
            if queues.count < Limits.queues { queues.append(made) }
            return made
        }
    }

    /// The event's way is debug; failures are as loud as what becomes of the message.
    private static func loudness(of event: PipelineEvent) -> (LogLevel, LogSource) {
        switch event {
        case .failed(_, let failure), .receiveFailed(let failure), .retried(_, let failure, _, _),
            .deadLettered(_, let failure):
            (failure.code.disposition.level, .code(failure.code))
        case .settleFailed(_, let failure), .paused(let failure): (.warning, .code(failure.code))
        case .resumed, .circuitClosed: (.info, .sidecar)
        case .circuitOpened(_, _, let failure): (.warning, .code(failure.code))
        case .drained(let left): (left.isEmpty ? .info : .warning, .sidecar)
        case .backlog(_, let hidden) where hidden > 0: (.warning, .sidecar)
        case .inHand, .stage, .backlog: (.trace, .path)
        default: (.debug, .path)
        }
    }

    private static func line(for event: PipelineEvent, _ queue: QueueName, _ level: LogLevel) -> LogLine {
        var line: LogLine
        switch event {
        case .failed(let subject, let failure), .settleFailed(let subject, let failure):
            line = Self.line(failure).about(subject)
        case .deadLettered(let subject, let failure):
            line = Self.line(failure).about(subject).with("to", "dead letters")
        case .retried(let subject, let failure, let after, let attempt):
            line = Self.line(failure).about(subject).with("after_ms", String(after.milliseconds))
            line.attempt = attempt
        case .receiveFailed(let failure): line = Self.line(failure)
        case .paused(let failure): line = Self.line(failure).with("queue_is", "paused")
        case .circuitOpened(let handler, let until, let failure):
            line = Self.line(failure).with("circuit", "open").with("until", Timestamp.text(until))
            line.handler = handler
        case .circuitClosed(let handler):
            line = LogLine(level, "circuit closed").at(.handle)
            line.handler = handler
        default: line = Self.path(event, level)
        }
        line.level = level
        line.queue = queue
        return line
    }

    /// Lines of the event's way.
    private static func path(_ event: PipelineEvent, _ level: LogLevel) -> LogLine {
        switch event {
        case .received(let count, let bytes):
            return LogLine(level, "received").at(.receive).with("count", String(count)).with("bytes", String(bytes))
        case .redelivered(let id):
            var line = LogLine(level, "received again").at(.receive)
            line.messageID = id
            return line
        case .duplicate(let subject): return LogLine(level, "duplicate").at(.dedup).about(subject)
        case .committed(let count, let took):
            return LogLine(level, "committed").at(.settle).with("count", String(count)).took(took)
        case .stage(let stage, let count, let took):
            return LogLine(level, "stage").at(stage).with("count", String(count)).took(took)
        case .inHand(let messages, let bytes, let oldest):
            return LogLine(level, "in hand").with("messages", String(messages)).with("bytes", String(bytes))
                .with("oldest_ms", String(oldest.milliseconds))
        case .resumed: return LogLine(level, "queue resumed").at(.receive)
        case .backlog(let depth, let hidden):
            let text = hidden > 0 ? "a backlog stands behind FIFO groups that wait" : "backlog"
            return depth.states.reduce(LogLine(level, text).at(.receive).with("hidden", String(hidden))) {
                $0.with($1.0, String($1.1))
            }
        case .drained(let left):
            let line = LogLine(level, "queue drained").with("left", String(left.values.reduce(0, +)))
            return left.sorted { $0.key.rawValue < $1.key.rawValue }.reduce(line) {
                $0.with($1.key.rawValue, String($1.value))
            }
        default: return LogLine(level, "")
        }
    }

    private static func path(_ verified: PipelineEvent.Subject, _ level: LogLevel) -> LogLine {
        LogLine(level, "verified").at(.verify).about(verified).with("kid", verified.event?.keyID ?? "")
    }

    private static func path(_ run: PipelineEvent.Run, _ level: LogLevel) -> LogLine {
        var line = LogLine(level, "handled").at(.handle).about(run.subject).with("outcome", run.outcome.rawValue)
            .took(run.took)
        line.attempt = run.attempt
        return line
    }

    private static func path(_ settlement: PipelineEvent.Settlement, _ level: LogLevel) -> LogLine {
        LogLine(level, "settled").at(.settle).about(settlement.subject).with("as", settlement.how.rawValue)
            .took(settlement.endToEnd)
    }
}

extension QueueDepth {
    fileprivate var states: [(String, Int)] {
        [("available", available), ("in-flight", inFlight), ("delayed", delayed)]
    }
}

extension LogLine {
    fileprivate func about(_ subject: PipelineEvent.Subject) -> LogLine {
        var line = self
        line.handler = subject.handler
        line.messageID = subject.messageID
        line.eventID = subject.event?.id.text ?? ""
        line.traceParent = subject.event?.trace.parent ?? ""
        return line
    }
    fileprivate func at(_ stage: Stage) -> LogLine {
        var line = self
        line.stage = stage
        return line
    }
    func with(_ name: String, _ value: String) -> LogLine {
        var line = self
        line.fields.append(Attribute(name: name, value: value))
        return line
    }
    fileprivate func took(_ duration: Duration) -> LogLine {
        with(
            "took_us",
            String(duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000))
    }
}
