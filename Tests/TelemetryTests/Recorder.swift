// Lines as they would be written, and a clock that stands where it is put.
@_spi(Verification) import Events
import Pipeline
import Synchronization
import Telemetry

final class Recorder: LogSink {
    private let written = Mutex<[[UInt8]]>([])
    private let isBlocked = Mutex(false)

    func write(_ line: [UInt8]) -> Bool {
        if isBlocked.withLock({ $0 }) { return false }
        written.withLock { $0.append(line) }
        return true
    }
    func block() { isBlocked.withLock { $0 = true } }

    var raw: [[UInt8]] { written.withLock { $0 } }
    var text: String { raw.map { String(decoding: $0, as: UTF8.self) }.joined() }
    var lines: [String] { text.split(separator: "\n").map(String.init) }
}

final class StandingClock: WallClock {
    private let time: Mutex<Instant>
    init(_ now: Instant) { time = Mutex(now) }
    var now: Instant { time.withLock { $0 } }
    func pass(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
}

/// 2026-11-21T01:02:03.456Z
let moment = Instant(unixMilliseconds: 1_795_222_923_456)
let orders = QueueName("orders")
let billing = HandlerID("billing")
let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

struct Bench {
    let recorder = Recorder()
    let registry = Registry()
    let telemetry: Telemetry

    init(_ level: LogLevel = .info) {
        telemetry = Telemetry(registry: registry, writer: LogWriter(recorder, level: level, registry: registry))
    }

    static let subject = PipelineEvent.Subject(
        messageID: MessageID("m-1"), handler: billing,
        event: Event(
            id: EventID(issuer: "k", text: "e-1"), tokenDigest: nil, payloadDigest: Digest(high: (0, 0), low: (0, 0)),
            source: "s", detailType: "t", resource: "", detail: [], keyID: "k-1", signedAt: moment, isBound: true,
            trace: Event.Trace(parent: trace)))

    static func run(
        _ outcome: PipelineEvent.HandledOutcome, attempt: Int, waited: Duration?, took: Duration
    ) -> PipelineEvent.Run {
        PipelineEvent.Run(subject, outcome, attempt: attempt, waited: waited, took: took)
    }

    /// One of everything that the pipeline, and the rest of the house, may tell.
    func everything() {
        let events: [PipelineEvent] = [
            .received(count: 3, bytes: 15_900),
            .receiveFailed(Failure(.receiveThrottled, "orders", "RequestThrottled")),
            .redelivered(MessageID("m-1")),
            .verified([Self.subject]),
            .failed(Self.subject, Failure(.verifyBadSignature, "m-2", "no variant verifies")),
            .duplicate(Self.subject),
            .handled([
                Self.run(.retry, attempt: 1, waited: .milliseconds(7), took: .milliseconds(3)),
                Self.run(.done, attempt: 2, waited: nil, took: .milliseconds(4)),
            ]),
            .retried(Self.subject, Failure(.handleRetried, "e-1", "timeout"), after: .seconds(2), attempt: 1),
            .committed(count: 2, took: .microseconds(300)),
            .settled([.init(Self.subject, .done, endToEnd: .milliseconds(7))]),
            .deadLettered(Self.subject, Failure(.handleExhausted, "e-1", "eight attempts")),
            .settleFailed(Self.subject, Failure(.settleDeleteFailed, "m-1", "InternalError")),
            .paused(Failure(.storeFull, "/data", "100 MiB are left")),
            .stage(.verify, count: 10, took: .microseconds(130)),
            .inHand(messages: 4, bytes: 21_200, oldest: .seconds(90)),
            .resumed,
            .circuitOpened(billing, until: moment, Failure(.handleWaiting, "e-1", "bank.down")),
            .circuitClosed(billing),
            .backlog(QueueDepth(available: 70, inFlight: 4, delayed: 1), hidden: 70),
            .drained(left: [.running: 2, .returning: 1]),
        ]
        for event in events { telemetry.note(event, of: orders, at: moment) }
        let draft = Draft(
            source: "com.example.billing", detailType: "Invoice.Sent.v1", resource: "urn:x", correlationID: "c",
            detail: Bytes("{}"))
        let publication = Publication(
            row: 1, id: "p-1", draft: draft, parent: "e-1", trace: .init(parent: trace), committedAt: moment,
            attempts: 0)
        telemetry.note(.sent(publication, took: .milliseconds(20)), at: moment)
        telemetry.note(.failed(publication, Failure(.publishThrottled, "default", "ThrottlingException")), at: moment)
        telemetry.note(.failed(nil, Failure(.storeUnavailable, "/data", "disk I/O error")), at: moment)
        house()
    }

    private func house() {
        telemetry.parkedGroups(1, of: orders)
        telemetry.started(version: "1.0.0", at: moment)
        telemetry.generation(3, alive: 2, [("configuration", "0123abcd")], at: moment)
        telemetry.generationEnded(2, alive: 1, at: moment)
        telemetry.reloaded(.switched)
        telemetry.trialRan(billing, kind: "canary", result: "done")
        telemetry.trialDiffered(
            billing, EventID(issuer: "k", text: "e-1"), "done became reject order.unknown", at: moment)
        telemetry.trialDecided(billing, verdict: "rolled-back", reason: "9 of 100 events failed in it", at: moment)
        telemetry.reloadRefused(
            Failure(.pluginRefused, "billing", "no currency"), trigger: "change", keeps: 3, also: 0, at: moment)
        telemetry.needsRestart(["store.path", "queues[orders].url"], at: moment)
        telemetry.sandbox(billing, inForce: ["landlock": true, "seccomp": false], isWhole: false, at: moment)
        telemetry.workerStarted(billing, process: 71, at: moment)
        telemetry.workerMemory(billing, index: 0, bytes: 41_943_040)
        telemetry.workerOutgrew(billing, memory: 41_943_040, soft: 33_554_432, at: moment)
        telemetry.workerReplaced(billing, process: 71, at: moment)
        telemetry.workerEnded(billing, process: 71, Failure(.handleCrashed, "billing", "signal 11"), at: moment)
        telemetry.workerStarted(billing, process: 72, at: moment)
        telemetry.handlerLog(
            billing, .info, "invoice sent", [Attribute(name: "amount", value: "12")], eventID: "e-1",
            traceParent: trace,
            at: moment)
        telemetry.handlerCount(billing, "invoices", [Attribute(name: "currency", value: "EUR")], add: 2)
        var counts = [UInt64](repeating: 0, count: Metric.handlerBounds.count + 1)
        counts[3] = 5
        telemetry.handlerObserve(billing, "amount", [], counts: counts, sum: 0.04)
        telemetry.handlerDropped(billing, samples: 4, lines: 2)
        telemetry.keySetFetched("signing", keys: 2, added: 1, retired: 0, at: moment)
        telemetry.keySetFailed("signing", Failure(.keysUnreachable, "signing", "timed out"), at: moment)
        telemetry.unknownKey("signing")
        telemetry.secondVariant("signing", keyID: "k-1", variant: "ipd", at: moment)
        telemetry.outbox(OutboxDepth(rows: 2, bytes: 900, oldest: moment - .seconds(30)))
        telemetry.storeCommitted(calls: 3, took: .microseconds(310))
        telemetry.storeFailed(Failure(.storeUnavailable, "/data", "disk I/O error"), at: moment)
        telemetry.storeSize(bytes: 40_960, journalRows: 1_200)
        telemetry.storeConnected()
        telemetry.storeExchanged(requests: 10)
        telemetry.storeRepeated(.throttled)
        telemetry.storeAway(false)
        let hash = Digest(high: (1, 2), low: (3, 4))
        let head = HeadStatement(store: "s", boot: 1, number: 1_000, hash: hash, first: 1, time: moment)
        telemetry.journalSealed(head, isSigned: true)
        telemetry.journalHead(head, isSigned: true, at: moment)
        neighbours()
    }

    private func neighbours() {
        telemetry.isolation(billing, isInline: false, at: moment)
        telemetry.stuck(billing, count: 0)
        telemetry.strayTimers(1)
        telemetry.requested(socket: "service", peer: "orders", status: 202, nil, at: moment)
        telemetry.requested(
            socket: "service", peer: "orders", status: 403,
            Failure(.publishDenied, "orders", "com.example.billing Invoice.Sent.v1"), at: moment)
        telemetry.serviceAppeared("ledger")
        telemetry.serviceAnswered("ledger", billing, status: 201, took: .milliseconds(3))
        telemetry.serviceRefused("ledger", billing)
        telemetry.serviceFailed(
            "ledger", billing, Failure(.callTimedOut, "ledger", "no answer in 2 s"), took: .seconds(2), at: moment)
        telemetry.circuitChanged("ledger", .open, until: moment + .seconds(5), at: moment)
    }
}
