import Cryptography
public import Events
public import Pipeline
import StoreCommon
import Synchronization

/// A publication that this relay was given, with what its end needs.
struct HeldPublication: Sendable {
    let publication: Publication
    let handler: String
    let lane: Int64

    /// - Parameter row: ``columns``.
    init(_ row: Row) {
        let draft = Draft(
            source: row.text(5), detailType: row.text(6), resource: row.text(7), correlationID: row.text(8),
            detail: row.bytes(11), attributes: [Attribute](encoded: row.bytes(10)))
        publication = Publication(
            row: row.integer(0), id: row.text(3), draft: draft, parent: row.text(4),
            trace: Event.Trace(encoded: row.bytes(9)), committedAt: row.instant(2), attempts: row.number(1))
        handler = row.text(12)
        lane = row.integer(13)
    }

    func entry(_ outcome: JournalEntry.Outcome, _ failure: Failure?, at now: Instant) -> JournalEntry {
        var entry = JournalEntry(time: now, kind: .publication, direction: .outgoing, outcome: outcome)
        entry.event = publication.id
        entry.parent = publication.parent
        entry.handler = handler
        entry.attempt = publication.attempts + 1
        entry.sentAt = publication.committedAt
        entry.source = publication.draft.source
        entry.detailType = publication.draft.detailType
        entry.resource = publication.draft.resource
        entry.take(publication.trace)
        entry.take(failure)
        entry.payload = Hash.sha256(publication.draft.detail)
        return entry
    }
}

extension PostgreSQLStore: Outbox {
    /// How long a relay has what it was given: then another takes it over. Far longer than a call to the bus.
    private static let hold = Duration.seconds(30)

    public func due(
        atMost count: Int, excluding: Set<Int64>, at now: Instant
    ) async throws(Failure) -> [Publication] {
        let holder = boot
        let rows = try await pool.run { session throws(ServerFailure) in
            try session.run([
                Statement(
                    """
                    SELECT row, attempts, committed, id, parent, source, detail_type, resource, correlation, trace, \
                    attributes, detail, handler, lane FROM hand_out($1, $2, $3, $4, $5) ORDER BY row
                    """,
                    [
                        .integer(holder), .instant(now), .integer(Self.hold.milliseconds), .number(count),
                        .integers(excluding.sorted()),
                    ])
            ])
        }
        let given = (rows.first ?? []).map { HeldPublication($0) }
        held.withLock { held in for one in given { held[one.publication.row] = one } }
        return given.map(\.publication)
    }

    public func settle(_ results: [PublicationResult], at now: Instant) async throws(Failure) {
        let unknown = held.withLock { held in results.map(\.row).filter { held[$0] == nil } }
        if !unknown.isEmpty { try await find(unknown) }
        let parts = held.withLock { held in
            results.compactMap { result in held[result.row].map { part(result, of: $0, at: now) } }
        }
        for answer in try await writer.perform(parts) { _ = try require(answer) }
        held.withLock { held in for result in results { held[result.row] = nil } }
        signals.ring(.outbox)
    }

    /// What another start of this sidecar was given.
    private func find(_ numbers: [Int64]) async throws(Failure) {
        let rows = try await pool.run { session throws(ServerFailure) in
            try session.run([
                Statement(
                    """
                    SELECT row, attempts, committed, id, parent, source, detail_type, resource, correlation, trace, \
                    attributes, detail, handler, lane FROM outbox WHERE row = ANY ($1)
                    """, [.integers(numbers)])
            ])
        }
        let found = (rows.first ?? []).map { HeldPublication($0) }
        held.withLock { held in for one in found { held[one.publication.row] = one } }
    }

    private func part(_ result: PublicationResult, of held: HeldPublication, at now: Instant) -> Part {
        let row = Value.integer(result.row)
        let mark = mark()
        let body = held.publication.draft.detail
        switch result.end {
        case .sent:
            return Part(
                locks: [held.lane],
                decision: Statement("SELECT leave_outbox($1, $2)", [mark, row]),
                effects: [append(held.entry(.sent, nil, at: now), mark, body)], rings: .journal)
        case .retry(let at, _):
            return Part(
                locks: [held.lane],
                effects: [
                    Statement(
                        "UPDATE outbox SET attempts = attempts + 1, due = $1, holder = 0, held = 0 WHERE row = $2",
                        [.instant(at), row])
                ])
        case .gaveUp(let failure):
            return Part(
                locks: [held.lane],
                decision: Statement(
                    "SELECT give_up($1, $2, $3, $4, $5, $6)",
                    [
                        mark, row, .instant(now), .text(failure.code.rawValue), .text(failure.subject),
                        .text(failure.cause),
                    ]),
                effects: [append(held.entry(.gaveUp, failure, at: now), mark, body)], rings: .journal)
        }
    }

    public func depth() async throws(Failure) -> OutboxDepth {
        let rows = try await pool.run { session throws(ServerFailure) in
            try session.run([
                Statement("SELECT count(*), coalesce(sum(bytes), 0)::bigint, min(committed) FROM outbox", [])
            ])
        }
        guard let row = rows.first?.first else { return OutboxDepth(rows: 0, bytes: 0, oldest: nil) }
        return OutboxDepth(
            rows: row.number(0), bytes: row.number(1), oldest: row.isNull(2) ? nil : row.instant(2))
    }

    func enqueue(
        _ draft: Draft, _ id: String, parent: String, _ handler: String, _ trace: Event.Trace, _ mark: Value,
        at now: Instant
    ) -> Statement {
        var trace = trace
        if !draft.correlationID.isEmpty { trace.correlationID = draft.correlationID }
        return .row(
            "SELECT enqueue($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            [
                mark, .integer(LockKeys.resource(draft.resource)), .instant(now), .number(draft.size),
                .text(id), .text(parent), .text(handler), .text(draft.source), .text(draft.detailType),
                .text(draft.resource), .text(draft.correlationID), .bytes(trace.encoded),
                .bytes(draft.attributes.encoded), .bytes(draft.detail),
            ])
    }
}
