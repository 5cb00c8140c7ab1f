public import Events
public import Pipeline
import StoreCommon
import Synchronization

/// The letters that the store keeps because no queue takes them, as a box, for one visit: those of one queue, or the
/// publications that the bus did not take. Nobody else sees them, so nothing is hidden from anybody.
public final class ShelfBox: DeadLetterBox {
    private struct State {
        /// The last row of this visit.
        var last: Int64 = 0
        var inHand: [MessageID: Shelved] = [:]
    }

    private let store: SQLiteStore
    private let place: LetterPlace
    private let state = Mutex(State())

    public init(_ store: SQLiteStore, _ place: LetterPlace) {
        self.store = store
        self.place = place
    }

    public func take(atMost count: Int) async throws(Failure) -> [BoxedLetter] {
        let last = state.withLock { $0.last }
        let place = place
        let found = try await store.core.read { tables in
            try tables.shelved(in: place, after: last, atMost: min(max(count, 1), Limits.batchEntries))
        }
        state.withLock { state in
            for (shelved, letter) in found {
                state.last = shelved.row
                state.inHand[letter.id] = shelved
            }
        }
        return found.map(\.1)
    }

    public func delete(_ letters: [MessageID]) async -> [Failure?] {
        let shelved = state.withLock { state in letters.compactMap { state.inHand[$0] } }
        do throws(Failure) {
            try await store.core.enqueue(.unshelve(shelved))
            state.withLock { state in for letter in letters { state.inHand[letter] = nil } }
            return letters.map { _ in nil }
        } catch {
            return letters.map { _ in error }
        }
    }

    public func release() async { state.withLock { $0 = State() } }
}

/// Back to the outbox, under the id that was signed before: the bus's readers see a publication once.
public struct OutboxTarget: RedriveTarget {
    private let store: SQLiteStore
    private let clock: any WallClock

    public init(_ store: SQLiteStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    public func send(_ letters: [RedrivenLetter]) async -> [Result<MessageID, Failure>] {
        do throws(Failure) {
            try await store.core.enqueue(.republish(letters.map(\.id.text), at: clock.now))
            return letters.map { .success($0.id) }
        } catch {
            return letters.map { _ in .failure(error) }
        }
    }
}

/// The row of a letter, and what it must still be when it is deleted: numbers are used again.
struct Shelved: Sendable {
    enum Table: Sendable { case letters, publications }
    let table: Table
    let row: Int64
    let name: String
    let time: Instant
}

extension Tables {
    func shelved(
        in place: LetterPlace, after row: Int64, atMost count: Int
    ) throws -> [(Shelved, BoxedLetter)] {
        if place.box == .publications {
            return try all(
                """
                SELECT row, id, time, code, cause, attempts, committed, parent, handler, source, detail_type, \
                resource, attributes, detail FROM publications WHERE row > ? ORDER BY row LIMIT ?
                """, [.integer(row), .number(count)], givenUp)
        }
        return try all(
            """
            SELECT row, message, time, failure, message_group, attributes, body FROM letters \
            WHERE row > ? AND queue = ? ORDER BY row LIMIT ?
            """, [.integer(row), .text(place.queue.text), .number(count)]
        ) { row in
            let shelved = Shelved(table: .letters, row: row.integer(0), name: row.text(1), time: row.instant(2))
            return (
                shelved,
                BoxedLetter(
                    id: MessageID(shelved.name), body: row.bytes(6), attributes: [Attribute](encoded: row.bytes(5)),
                    failure: row.text(3), arrivedAt: shelved.time, group: row.isNull(4) ? nil : row.text(4))
            )
        }
    }

    private func givenUp(_ row: Columns) -> (Shelved, BoxedLetter) {
        let shelved = Shelved(table: .publications, row: row.integer(0), name: row.text(1), time: row.instant(2))
        let draft = Draft(
            source: row.text(9), detailType: row.text(10), resource: row.text(11), correlationID: "",
            detail: row.bytes(13), attributes: [Attribute](encoded: row.bytes(12)))
        let publication = GivenUpPublication(
            id: shelved.name, parent: row.text(7), handler: row.text(8), draft: draft, code: row.text(3),
            cause: row.text(4), attempts: row.number(5), committedAt: row.instant(6), givenUpAt: shelved.time)
        return (shelved, publication.letter)
    }

    func unshelve(_ letter: Shelved) throws {
        let values = [Value.integer(letter.row), .text(letter.name), .instant(letter.time)]
        switch letter.table {
        case .letters:
            counters.statistics.letters -= try change(
                "DELETE FROM letters WHERE row = ? AND message = ? AND time = ?", values)
        case .publications:
            counters.statistics.publications -= try change(
                "DELETE FROM publications WHERE row = ? AND id = ? AND time = ?", values)
        }
    }

    /// Behind what waits for the bus now; its row on the shelf stays until it is deleted there.
    func republish(_ id: String, at now: Instant) throws {
        let found = try first(
            """
            SELECT parent, handler, source, detail_type, resource, correlation, trace, attributes, detail \
            FROM publications WHERE id = ? ORDER BY row DESC LIMIT 1
            """, [.text(id)]
        ) { row in
            let draft = Draft(
                source: row.text(2), detailType: row.text(3), resource: row.text(4), correlationID: row.text(5),
                detail: row.bytes(8), attributes: [Attribute](encoded: row.bytes(7)))
            return (draft, row.text(0), row.text(1), Event.Trace(encoded: row.bytes(6)))
        }
        guard let (draft, parent, handler, trace) = found else { return }
        try enqueue(draft, id: id, parent: parent, handler: handler, trace, at: now)
    }
}
