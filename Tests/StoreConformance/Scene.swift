import Cryptography
@_spi(Verification) import Events
import Pipeline

/// What a check works with: a store, a clock, and short words for what it does with them.
struct Scene: Sendable {
    let target: any StoreUnderTest
    let clock: TestClock
    let queue = QueueName("payments")
    let handler = HandlerID("treasury")

    init(_ target: any StoreUnderTest, _ clock: TestClock) {
        self.target = target
        self.clock = clock
    }

    var store: any EventStore { target.store }
    var now: Instant { clock.now }

    func other() async throws -> any EventStore {
        guard let store = try await target.second() else { throw Violation(description: "no second sidecar") }
        return store
    }

    /// Time goes on for everybody.
    func pass(_ time: Duration) async throws {
        clock.pass(time)
        try await target.elapse(time)
    }

    // MARK: - claims

    func event(
        _ id: String, payload: String = "{}", token: String? = nil, source: String = "qsl.treasury",
        signedAt: Instant? = nil
    ) -> Event {
        Event(
            id: EventID(issuer: "key-1", text: id), tokenDigest: token.map { Hash.sha256(Array($0.utf8)) },
            payloadDigest: Hash.sha256(Array(payload.utf8)), source: source, detailType: "Payment.Created.v1",
            resource: "urn:qsl:treasury:payment:1", detail: Bytes(payload), keyID: "key-1", signedAt: signedAt ?? now,
            isBound: true, trace: Event.Trace(correlationID: "c-1", userID: "u-1", tenantID: "t-1"))
    }

    func request(
        _ event: Event, message: String = "m-1", business: String? = nil, group: String? = nil,
        lease: Duration = .seconds(30), queue: QueueName? = nil, handler: HandlerID? = nil
    ) -> ClaimRequest {
        ClaimRequest(
            consumer: queue ?? self.queue, messageID: MessageID(message), event: event,
            handler: handler ?? self.handler, businessKey: business.map { Hash.sha256(Array($0.utf8)) },
            group: group, sentAt: now, rules: AgeRules(maximumAge: .hours(25), window: .days(5)), lease: lease)
    }

    func request(_ id: String, message: String = "m-1", business: String? = nil, group: String? = nil) -> ClaimRequest {
        request(event(id), message: message, business: business, group: group)
    }

    func claim(_ request: ClaimRequest, on store: (any EventStore)? = nil) async throws -> Claim {
        try await (store ?? self.store).claim([request], at: now)[0]
    }

    /// Claims an event that must be free.
    func lease(_ request: ClaimRequest, on store: (any EventStore)? = nil) async throws -> Lease {
        let claim = try await claim(request, on: store)
        guard let lease = claim.lease else { throw Violation(description: "a free event is \(claim.word)") }
        return lease
    }

    // MARK: - commits

    func commitment(
        _ lease: Lease, _ verdict: Commitment.Verdict = .done(.none), history: History? = nil,
        keep: Duration = .days(5)
    ) -> Commitment {
        Commitment(
            lease: lease, verdict: verdict, history: history ?? History(attempts: 1, firstSeen: TestClock.start),
            keepUntil: now + keep, generation: 7)
    }

    func commit(
        _ lease: Lease, _ verdict: Commitment.Verdict = .done(.none), on store: (any EventStore)? = nil
    ) async throws -> CommitResult {
        try await (store ?? self.store).commit([commitment(lease, verdict)], at: now)[0]
    }

    func done(_ id: String, _ effects: Effects = .none, on store: (any EventStore)? = nil) async throws {
        let lease = try await lease(request(id), on: store)
        try expect(try await commit(lease, .done(effects), on: store), .committed)
    }

    func value(_ key: String, on store: (any EventStore)? = nil) async throws -> StateValue {
        try await (store ?? self.store).read([Bytes(key)], of: handler, at: now)[0]
    }

    func put(_ key: String, _ value: String, expected: UInt64? = nil, ttl: Duration? = nil) -> StateWrite {
        StateWrite(key: Bytes(key), value: Bytes(value), expected: expected, timeToLive: ttl)
    }

    func draft(_ resource: String, detail: String = "{\"a\":1}") -> Draft {
        Draft(
            source: "qsl.treasury", detailType: "Payment.Settled.v1", resource: resource, correlationID: "",
            detail: Bytes(detail), attributes: [Attribute(name: "n", value: "v")])
    }

    func due(_ count: Int = 10, on store: (any EventStore)? = nil, excluding: Set<Int64> = []) async throws
        -> [Publication]
    {
        try await (store ?? self.store).due(atMost: count, excluding: excluding, at: now)
    }

    func settle(_ row: Int64, _ end: PublicationResult.End = .sent, on store: (any EventStore)? = nil) async throws {
        try await (store ?? self.store).settle([PublicationResult(row: row, end: end)], at: now)
    }

    func journal(after number: Int64 = 0, on store: (any EventStore)? = nil) async throws -> [JournalRow] {
        var query = JournalQuery()
        query.after = number
        query.atMost = 1_000
        return try await (store ?? self.store).rows(query)
    }
}

// MARK: - expectations

func expect<T: Equatable>(
    _ found: T, _ wanted: T, _ words: String = "", file: StaticString = #fileID, line: UInt = #line
) throws {
    guard found != wanted else { return }
    throw Violation(description: "\(file):\(line): \(found) instead of \(wanted). \(words)")
}

func expect(
    that condition: Bool, _ words: String = "", file: StaticString = #fileID, line: UInt = #line
) throws {
    guard !condition else { return }
    throw Violation(description: "\(file):\(line): does not hold. \(words)")
}

func present<T>(_ value: T?, file: StaticString = #fileID, line: UInt = #line) throws -> T {
    guard let value else { throw Violation(description: "\(file):\(line): nothing") }
    return value
}

/// The failure that `body` throws, or `nil`.
func failure<T>(_ body: () async throws -> T) async -> Failure? {
    do {
        _ = try await body()
        return nil
    } catch { return error as? Failure }
}

extension Claim {
    var lease: Lease? { if case .granted(let lease, _) = self { lease } else { nil } }
    var history: History? { if case .granted(_, let history) = self { history } else { nil } }
    var failure: Failure? {
        switch self {
        case .dead(let failure), .refused(let failure): failure
        default: nil
        }
    }
    var word: String {
        switch self {
        case .granted: "granted"
        case .done: "done"
        case .inFlight: "in flight"
        case .dead: "dead"
        case .refused(let failure): "refused as \(failure.code.rawValue)"
        }
    }
}
