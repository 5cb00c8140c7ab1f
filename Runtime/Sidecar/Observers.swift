import Cryptography
import Events
import Logging
import Pipeline
import Plugins
import Settings
import Signatures
import Store
import Telemetry

/// Turns what the adapters report into log lines, metrics and readiness.
struct Observers: Sendable {
    let telemetry: Telemetry
    let board: ReadinessBoard
    let clock = SystemClock()
    /// Hears the pipelines, too: the table of `outrigger dev`.
    private let listener: (any PipelineObserver)?

    init(
        level: LogSettings.Level, sink: any LogSink = DescriptorSink(), listener: (any PipelineObserver)? = nil
    ) {
        self.listener = listener
        let registry = Registry()
        let writer = LogWriter(sink, level: LogLevel(level), registry: registry)
        telemetry = Telemetry(registry: registry, writer: writer)
        board = ReadinessBoard()
    }

    func logger(_ label: String) -> Logger {
        let writer = telemetry.writer
        return Logger(label: label) { LibraryLogHandler(label: $0, writer: writer, clock: SystemClock()) }
    }

    func report(_ failure: Failure) { telemetry.report(failure, at: clock.now) }

    @Sendable func note(_ event: StoreEvent) {
        switch event {
        case .committed(let calls, let took): telemetry.storeCommitted(calls: calls, took: took)
        case .failed(let failure):
            telemetry.storeFailed(failure, at: clock.now)
            board.set("store", failure.description)
        case .reopened: board.set("store", nil)
        }
    }
}

extension Observers: PipelineObserver {
    func note(_ event: PipelineEvent, of queue: QueueName, at now: Instant) {
        telemetry.note(event, of: queue, at: now)
        listener?.note(event, of: queue, at: now)
        switch event {
        case .receiveFailed(let failure), .paused(let failure): board.set("queue \(queue)", failure.description)
        case .received, .resumed: board.set("queue \(queue)", nil)
        default: break
        }
    }
}

extension Observers: KeySetObserver {
    func note(_ event: KeySetEvent, of keySet: String) {
        let now = clock.now
        switch event {
        case .fetched(let keys, let added, let retired):
            board.set("key set \(keySet)", nil)
            telemetry.keySetFetched(keySet, keys: keys, added: added, retired: retired, at: now)
        case .failed(let failure): telemetry.keySetFailed(keySet, failure, at: now)
        case .unknownKey: telemetry.unknownKey(keySet)
        case .secondVariant(let keyID, let variant):
            telemetry.secondVariant(keySet, keyID: keyID, variant: variant.rawValue, at: now)
        }
    }
}

extension Observers: WorkerObserver {
    func note(_ event: WorkerEvent, of worker: WorkerName) {
        let now = clock.now
        let handler = worker.handler
        switch event {
        case .started(let sandbox):
            telemetry.workerStarted(handler, process: Int(worker.process), at: now)
            telemetry.sandbox(
                handler,
                inForce: [
                    "limits": sandbox.limits, "not-dumpable": sandbox.notDumpable,
                    "no-new-privileges": sandbox.noNewPrivileges, "seccomp": sandbox.systemCallFilter,
                    "landlock": sandbox.landlock > 0,
                ], at: now)
        case .ready: board.set("handler \(handler)", nil)
        case .notReady(let reason):
            board.set("handler \(handler)", "not ready: \(reason.code)")
        case .killed(let failure): telemetry.report(failure, handler: handler, at: now)
        case .ended(let cause, let restart):
            let failure = restart == nil ? nil : Failure(.handleWorkerUnavailable, handler.text, cause)
            telemetry.workerEnded(handler, process: Int(worker.process), failure, at: now)
        case .late(let answers):
            telemetry.log(.info, "late answers were ignored", [.init(name: "answers", value: "\(answers)")], at: now)
        case .line(let line):
            telemetry.handlerLog(
                handler, LogLevel(line.level), line.message, line.fields, eventID: line.event?.text ?? "",
                traceParent: line.traceParent, at: now)
        case .output(let text): telemetry.handlerLog(handler, .info, text, [], at: now)
        case .dropped(let lines, let samples): telemetry.handlerDropped(handler, samples: samples, lines: lines)
        case .samples(let samples): for sample in samples { note(sample, of: handler) }
        case .denied(let event, let source, let detailType):
            telemetry.report(
                Failure(.handleDenied, event.text, "\(source) \(detailType) is not listed"), handler: handler, at: now)
        }
    }

    private func note(_ sample: HandlerSample, of handler: HandlerID) {
        switch sample.value {
        case .count(let amount): telemetry.handlerCount(handler, sample.name, sample.labels, add: amount)
        case .histogram(_, let sum, let buckets):
            telemetry.handlerObserve(handler, sample.name, sample.labels, counts: buckets, sum: sum)
        }
    }
}

extension Observers: RelayObserver {
    func note(_ event: RelayEvent, at now: Instant) { telemetry.note(event, at: now) }
}

extension LogLevel {
    /// Both count from trace.
    init(_ level: HandlerLine.Level) { self = LogLevel(rawValue: Int(level.rawValue)) ?? .info }
    init(_ level: LogSettings.Level) { self = LogLevel.allCases.first { $0.name == level.rawValue } ?? .info }
}
