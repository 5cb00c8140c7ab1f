import Events
import Pipeline
import StoreCommon
import Synchronization

/// The letters that the store keeps because no queue takes them, as a box, for one visit: those of one queue, or the
/// publications that the bus did not take.
///
/// All sidecars see them; nothing is hidden. Who deletes one deletes what it saw, not what has replaced it.
final class ShelfBox: DeadLetterBox {
    private struct State {
        /// The last row of this visit.
        var last: Int64 = 0
        var inHand: [MessageID: Int64] = [:]
    }

    private let store: PostgreSQLStore
    private let place: LetterPlace
    private let state = Mutex(State())

    init(_ store: PostgreSQLStore, _ place: LetterPlace) {
        self.store = store
        self.place = place
    }

    private var hasPublications: Bool { place.box == .publications }

    func take(atMost count: Int) async throws(Failure) -> [BoxedLetter] {
        let last = Value.integer(state.withLock { $0.last })
        let count = Value.number(min(max(count, 1), Limits.batchEntries))
        let rows = hasPublications
            ? try await store.pool.ask(
                """
                SELECT row, id, time, code, cause, attempts, committed, parent, handler, source, detail_type, \
                resource, correlation, attributes, detail FROM publications WHERE row > $1 ORDER BY row LIMIT $2
                """, [last, count])
            : try await store.pool.ask(
                """
                SELECT row, message, time, failure, message_group, attributes, body FROM letters \
                WHERE row > $1 AND queue = $3 ORDER BY row LIMIT $2
                """, [last, count, .text(place.queue.text)])
        let found = rows.map { ($0.integer(0), hasPublications ? Self.publication($0).letter : Self.letter($0)) }
        state.withLock { state in
            for (row, letter) in found {
                state.last = row
                state.inHand[letter.id] = row
            }
        }
        return found.map(\.1)
    }

    func delete(_ letters: [MessageID]) async -> [Failure?] {
        let rows = state.withLock { state in letters.compactMap { state.inHand[$0] } }
        do throws(Failure) {
            let sql: StaticString = hasPublications
                ? "DELETE FROM publications WHERE row = ANY ($1)" : "DELETE FROM letters WHERE row = ANY ($1)"
            let part = Part(effects: [Statement(sql, [.integers(rows)])])
            for answer in try await store.writer.perform([part]) { _ = try store.require(answer) }
            state.withLock { state in for letter in letters { state.inHand[letter] = nil } }
            return letters.map { _ in nil }
        } catch {
            return letters.map { _ in error }
        }
    }

    func release() async { state.withLock { $0 = State() } }

    private static func letter(_ row: Row) -> BoxedLetter {
        BoxedLetter(
            id: MessageID(row.text(1)), body: row.bytes(6), attributes: [Attribute](encoded: row.bytes(5)),
            failure: row.text(3), arrivedAt: row.instant(2), group: row.isNull(4) ? nil : row.text(4))
    }

    private static func publication(_ row: Row) -> GivenUpPublication {
        GivenUpPublication(
            id: row.text(1), parent: row.text(7), handler: row.text(8),
            draft: Draft(
                source: row.text(9), detailType: row.text(10), resource: row.text(11), correlationID: row.text(12),
                detail: row.bytes(14), attributes: [Attribute](encoded: row.bytes(13))),
            code: row.text(3), cause: row.text(4), attempts: row.number(5), committedAt: row.instant(6),
            givenUpAt: row.instant(2))
    }
}

/// Back to the outbox, under the id that was signed before: the bus's readers see a publication once.
struct OutboxTarget: RedriveTarget {
    let store: PostgreSQLStore
    let clock: any WallClock

    func send(_ letters: [RedrivenLetter]) async -> [Result<MessageID, Failure>] {
        do throws(Failure) {
            try await store.republish(letters.map(\.id.text), at: clock.now)
            return letters.map { .success($0.id) }
        } catch {
            return letters.map { _ in .failure(error) }
        }
    }
}

extension PostgreSQLStore {
    /// Behind what waits for the bus now; the row on the shelf stays until it is deleted there.
    fileprivate func republish(_ ids: [String], at now: Instant) async throws(Failure) {
        let rows = try await pool.ask(
            """
            SELECT id, parent, handler, source, detail_type, resource, correlation, trace, attributes, detail \
            FROM publications WHERE id = ANY ($1) ORDER BY row
            """, [.texts(ids)])
        let parts = rows.map { row in
            let draft = Draft(
                source: row.text(3), detailType: row.text(4), resource: row.text(5), correlationID: row.text(6),
                detail: row.bytes(9), attributes: [Attribute](encoded: row.bytes(8)))
            let entry = enqueue(
                draft, row.text(0), parent: row.text(1), row.text(2), Event.Trace(encoded: row.bytes(7)), Self.unmarked,
                at: now)
            return Part(locks: [LockKeys.resource(draft.resource)], effects: [entry], rings: .outbox)
        }
        for answer in try await writer.perform(parts) { _ = try require(answer) }
    }
}
