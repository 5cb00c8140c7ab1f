import Cryptography
import Events
import Logging
import Pipeline
import Plugins
import Services
import Settings
import Signatures
import Telemetry

/// Turns what the adapters report into log lines, metrics and readiness.
struct Observers: Sendable {
    let telemetry: Telemetry
    let board: ReadinessBoard
    let queues = QueueBoard()
    let clock = SteadyClock()
    /// Hears the pipelines, too: the table of `outrigger dev`.
    private let listener: (any PipelineObserver)?
    /// Canaries that were rolled back. For one consumer.
    let rollbacks: AsyncStream<(HandlerID, Failure)>
    private let rolledBack: AsyncStream<(HandlerID, Failure)>.Continuation

    init(
        level: LogSettings.Level, sink: any LogSink = DescriptorSink(), listener: (any PipelineObserver)? = nil
    ) {
        self.listener = listener
        (rollbacks, rolledBack) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(64))
        let registry = Registry()
        let writer = LogWriter(sink, level: LogLevel(level), registry: registry)
        telemetry = Telemetry(registry: registry, writer: writer)
        board = ReadinessBoard()
    }

    func logger(_ label: String) -> Logger {
        let (writer, clock) = (telemetry.writer, clock)
        return Logger(label: label) { LibraryLogHandler(label: $0, writer: writer, clock: clock) }
    }

    func report(_ failure: Failure) { telemetry.report(failure, at: clock.now) }

    @Sendable func note(_ event: StoreEvent) {
        switch event {
        case .committed(let calls, let took): telemetry.storeCommitted(calls: calls, took: took)
        case .failed(let failure):
            telemetry.storeFailed(failure, at: clock.now)
            board.set("store", failure.description)
        case .reopened: board.set("store", nil)
        case .connected: telemetry.storeConnected()
        case .exchanged(let requests): telemetry.storeExchanged(requests: requests)
        case .repeated(let why): telemetry.storeRepeated(why)
        }
    }
}

extension Observers: PipelineObserver {
    func note(_ event: PipelineEvent, of queue: QueueName, at now: Instant) {
        telemetry.note(event, of: queue, at: now)
        queues.note(event, of: queue, at: now)
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
                inForce: sandbox.parts, isWhole: sandbox.isComplete, at: now)
            telemetry.isolation(handler, isInline: sandbox.isInline, at: now)
        case .described: break
        // A second build is no part of readiness.
        case .ready where worker.isTrial, .notReady where worker.isTrial: break
        case .ready: board.set("handler \(handler)", nil)
        // A generation that is being built is no reason to call the one in force not ready.
        case .notReady(let reason) where telemetry.generation == 0 || worker.generation <= telemetry.generation:
            board.set("handler \(handler)", "not ready: \(reason.code)")
        case .notReady: break
        case .killed(let failure): telemetry.report(failure, handler: handler, at: now)
        case .ended(let cause, let restart):
            let failure = restart == nil ? nil : Failure(.handleWorkerUnavailable, handler.text, cause)
            telemetry.workerEnded(handler, process: Int(worker.process), failure, at: now)
            if worker.process == 0 {
                telemetry.stuck(handler, count: board.setStuck(worker.description, handler, nil))
            }
        case .stuck(let failure):
            telemetry.report(failure, handler: handler, at: now)
            telemetry.stuck(handler, count: board.setStuck(worker.description, handler, failure.description))
        case .used(let memory, _): telemetry.workerMemory(handler, index: worker.index, bytes: memory)
        case .outgrew(let memory, let soft): telemetry.workerOutgrew(handler, memory: memory, soft: soft, at: now)
        case .replaced: telemetry.workerReplaced(handler, process: Int(worker.process), at: now)
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
        case .callDenied(let event, let service):
            telemetry.report(
                Failure(.callDenied, event.text, "the service \(service) is not listed"), handler: handler,
                at: now)
        }
    }

    func note(_ event: TrialEvent, of handler: HandlerID) {
        switch event {
        case .ran(let kind, let result): telemetry.trialRan(handler, kind: kind.rawValue, result: result.rawValue)
        case .differed(let event, let explanation):
            telemetry.trialDiffered(handler, event, explanation, at: clock.now)
        case .rolledBack(let failure):
            telemetry.report(failure, handler: handler, at: clock.now)
            rolledBack.yield((handler, failure))
        }
    }

    /// A decision on a second build is followed from now on.
    func decided(_ decision: TrialBook.Decision, of handler: HandlerID) {
        telemetry.trialDecided(handler, verdict: decision.verdict.rawValue, reason: decision.reason, at: clock.now)
    }

    private func note(_ sample: HandlerSample, of handler: HandlerID) {
        switch sample.value {
        case .count(let amount): telemetry.handlerCount(handler, sample.name, sample.labels, add: amount)
        case .histogram(_, let sum, let buckets):
            telemetry.handlerObserve(handler, sample.name, sample.labels, counts: buckets, sum: sum)
        }
    }
}

extension Observers: ServiceObserver {
    func note(_ event: ServiceEvent, of service: String) {
        switch event {
        case .appeared: telemetry.serviceAppeared(service)
        case .answered(let handler, let status, let took):
            telemetry.serviceAnswered(service, handler, status: status, took: took)
        case .failed(let handler, let failure, let took):
            telemetry.serviceFailed(service, handler, failure, took: took, at: clock.now)
        case .refused(let handler, _): telemetry.serviceRefused(service, handler)
        case .circuit(.closed): telemetry.circuitChanged(service, .closed, until: nil, at: clock.now)
        case .circuit(.halfOpen): telemetry.circuitChanged(service, .halfOpen, until: nil, at: clock.now)
        case .circuit(.open(let until)): telemetry.circuitChanged(service, .open, until: until, at: clock.now)
        case .gone: telemetry.serviceRemoved(service)
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
