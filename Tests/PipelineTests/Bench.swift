@_spi(Verification) import Events
import Testing

@testable import Pipeline

/// A pipeline on the bench: one input, the actions that follow, and the clock in the test's hand.
struct Bench {
    static let handler = HandlerID("h")
    static let start = Instant(unixSeconds: 1_790_000_000)

    var now = Bench.start
    var pipeline: Pipeline
    var lastFence: UInt64 = 0

    init(
        isFIFO: Bool = false, maximumBatch: Int = 10, attempts: Int = 3, retention: Duration = .days(4),
        hold: Duration = .minutes(2), inHand: Int = 100, deadLetters: PipelineSettings.DeadLetters = .queue,
        unroutable: PipelineSettings.Unroutable = .deadLetter, deletesWaitForBus: Bool = false,
        visibility: Duration? = nil, suspects: Set<EventID> = [], routes: [RouteTable.Route]? = nil,
        adjust: (inout PipelineSettings) -> Void = { _ in }
    ) throws {
        let description = QueueDescription(
            isFIFO: isFIFO, visibilityTimeout: .seconds(30), retention: retention, maximumMessageSize: 262_144)
        let policy = HandlerPolicy(concurrency: 1, maximumBatch: maximumBatch, retry: RetryBudget(attempts: attempts))
        var settings = PipelineSettings(
            queue: QueueName("q"), description: description, handlers: [Self.handler: policy],
            deadLetters: deadLetters, unroutable: unroutable, deletesWaitForBus: deletesWaitForBus, hold: hold,
            pollers: 1, inHand: inHand, suspects: suspects)
        if let visibility { settings.visibilityTimeout = visibility }
        adjust(&settings)
        let table = try RouteTable(routes ?? [.init(source: "s", detailType: "*", handler: Self.handler)])
        pipeline = Pipeline(PipelineGeneration(settings, routes: table, keys: NoKeys()))
    }

    @discardableResult
    mutating func tell(_ input: Input) -> [Action] { pipeline.on([input], at: now) }

    /// What came at once.
    @discardableResult
    mutating func tell(_ inputs: [Input]) -> [Action] { pipeline.on(inputs, at: now) }

    mutating func pass(_ time: Duration) -> [Action] {
        now = now + time
        return tell(.tick)
    }

    static func envelope(
        _ name: String, receipt: String = "1", group: String? = nil, sentAt: Instant = start,
        attributes: [Attribute] = [], receives: Int = 1
    ) -> Envelope {
        Envelope(
            messageID: MessageID(name), receipt: ReceiptHandle("\(name)#\(receipt)"), body: Bytes(name),
            attributes: attributes, sentAt: sentAt, firstReceivedAt: sentAt, receiveCount: receives, group: group)
    }

    static func event(_ name: String, source: String = "s", tenant: String = "") -> Event {
        var bytes = [UInt8](repeating: 0, count: 32)
        for (index, byte) in name.utf8.enumerated() { bytes[index % 32] ^= byte }
        guard let digest = Digest(bytes) else { preconditionFailure("32 bytes are a digest") }
        return Event(
            id: EventID(issuer: "i", text: name), tokenDigest: nil, payloadDigest: digest, source: source,
            detailType: "t", resource: "", detail: Bytes(name), keyID: "k", signedAt: start, isBound: true,
            trace: .init(tenantID: tenant))
    }

    static func timer(_ name: String, of handler: HandlerID) -> Event {
        let like = event(name)
        return Event(
            id: EventID(issuer: "timer", text: name), tokenDigest: nil, payloadDigest: like.payloadDigest,
            source: "outrigger.timer", detailType: handler.text, resource: "", detail: Bytes(name), keyID: "outrigger",
            signedAt: start, isBound: true, trace: .init())
    }

    /// Receives and verifies; what follows the verdicts. Of a name like `acme/1` the first part is the tenant.
    @discardableResult
    mutating func receive(_ envelopes: [Envelope], source: String = "s") -> [Action] {
        let actions = tell(.received(.success(envelopes), asked: 10))
        guard case .verify(let ids, let toVerify)? = actions.first(where: { $0.isVerify }) else { return actions }
        return tell(
            .verified(
                ids,
                toVerify.map { envelope in
                    let name = envelope.messageID.text
                    let tenant = name.contains("/") ? String(name.prefix { $0 != "/" }) : ""
                    return .success(Bench.event(name, source: source, tenant: tenant))
                }))
    }

    /// Receives, verifies, and grants every claim; what follows, batches first of all.
    @discardableResult
    mutating func run(_ envelopes: [Envelope], source: String = "s") -> [Action] {
        let actions = receive(envelopes, source: source)
        return grant(actions)
    }

    @discardableResult
    mutating func grant(_ actions: [Action], attempts: Int = 0) -> [Action] {
        guard case .claim(let ids, let requests)? = actions.first(where: { $0.isClaim }) else { return actions }
        let claims = requests.map { _ in
            lastFence += 1
            return Claim.granted(Lease(fence: lastFence), History(attempts: attempts, firstSeen: now))
        }
        return tell(.claimed(ids, .success(claims)))
    }

    @discardableResult
    mutating func answer(_ actions: [Action], _ outcome: Outcome) -> [Action] {
        guard case .run(let ids, let batch)? = actions.first(where: { $0.isRun }) else { return [] }
        return tell(.answered(batch.handler, ids, .success(ids.map { _ in outcome })))
    }

    @discardableResult
    mutating func commit(_ actions: [Action], _ result: CommitResult = .committed) -> [Action] {
        guard case .commit(let ids, _)? = actions.first(where: { $0.isCommit }) else { return [] }
        return tell(.committed(ids, .success(ids.map { _ in result })))
    }
}

struct NoKeys: BusinessKeys {
    func businessKey(of event: Event, for handler: HandlerID) -> Result<Digest?, Failure> { .success(nil) }
}

extension Action {
    var isVerify: Bool { if case .verify = self { true } else { false } }
    var isClaim: Bool { if case .claim = self { true } else { false } }
    var isRun: Bool { if case .run = self { true } else { false } }
    var isCommit: Bool { if case .commit = self { true } else { false } }
    var isDelete: Bool { if case .delete = self { true } else { false } }
    var isReceive: Bool { if case .receive = self { true } else { false } }
    var isLetter: Bool { if case .sendLetter = self { true } else { false } }
    var isAwaitSent: Bool { if case .awaitSent = self { true } else { false } }
    var isRefuse: Bool { if case .refuse = self { true } else { false } }
}

extension [Action] {
    var deleted: [ReceiptHandle] {
        flatMap { action -> [ReceiptHandle] in if case .delete(_, let receipts) = action { receipts } else { [] } }
    }
    var givenBack: [VisibilityChange] {
        flatMap { action -> [VisibilityChange] in if case .giveBack(_, let changes) = action { changes } else { [] } }
    }
    var extended: [VisibilityChange] {
        flatMap { action -> [VisibilityChange] in
            if case .extend(_, let each) = action { each.compactMap(\.visibility) } else { [] }
        }
    }
    var verdict: Commitment.Verdict? {
        for case .commit(_, let commitments) in self { return commitments.first?.verdict }
        return nil
    }
    var letters: [DeadLetter] {
        compactMap { action in if case .sendLetter(_, let letter, _) = action { letter } else { nil } }
    }
    var batches: [Batch] { compactMap { action in if case .run(_, let batch) = action { batch } else { nil } } }
    var ran: [String] { batches.flatMap { $0.assignments.map(\.event.id.text) } }
    var isPaused: Bool {
        contains { action in if case .note(.paused) = action { true } else { false } }
    }
}
