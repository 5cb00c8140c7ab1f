import Cryptography
import Events
import Pipeline
import StoreCommon

extension Publication {
    /// - Parameter row: the columns of the outbox from `row` on, as ``Tables/publication(_:)`` selects them.
    fileprivate init(_ row: Columns) {
        let draft = Draft(
            source: row.text(5), detailType: row.text(6), resource: row.text(7), correlationID: row.text(8),
            detail: row.bytes(11), attributes: [Attribute](encoded: row.bytes(10)))
        self.init(
            row: row.integer(0), id: row.text(3), draft: draft, parent: row.text(4),
            trace: Event.Trace(encoded: row.bytes(9)), committedAt: row.instant(2), attempts: row.number(1))
    }
}

/// All that an event published is with the bus, or was given up.
struct PublicationsEnd {
    let failure: Failure?
}

extension Tables {
    /// Adds a draft of `claim` to the outbox, under the id that it will be signed with.
    func enqueue(_ draft: Draft, ordinal: Int, of claim: Claimed, at now: Instant) throws {
        let id = DerivedID.publication(parent: claim.id, handler: claim.handler, ordinal: ordinal)
        try enqueue(draft, id: id, parent: claim.id.text, handler: claim.handler.text, claim.trace, at: now)
    }

    /// - Parameters:
    ///   - parent: the event whose handler publishes it; it and the handler are empty for one from outside.
    ///   - trace: the parent's, or the one that came with it.
    func enqueue(
        _ draft: Draft, id: String, parent: String, handler: String, _ trace: Event.Trace, at now: Instant
    ) throws {
        var trace = trace
        if !draft.correlationID.isEmpty { trace.correlationID = draft.correlationID }
        let size = draft.size
        try run(
            """
            INSERT INTO outbox (row, due, committed, bytes, id, parent, handler, source, detail_type, resource, \
            correlation, trace, attributes, detail, attempts, head) \
            VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, \
            NOT EXISTS (SELECT 1 FROM outbox WHERE resource = ?9 AND resource <> ''))
            """,
            [
                .integer(counters.nextOutboxRow), .instant(now), .number(size), .text(id), .text(parent),
                .text(handler), .text(draft.source), .text(draft.detailType), .text(draft.resource),
                .text(draft.correlationID), .bytes(trace.encoded), .bytes(draft.attributes.encoded),
                .bytes(draft.detail),
            ])
        counters.nextOutboxRow += 1
        counters.statistics.outbox += 1
        counters.outboxBytes += size
        counters.wroteOutbox = true
    }

    /// No wait for the bus is nearly as long: a row that is due later was put off by a clock that was ahead.
    private static let longestWait = Duration.minutes(5)

    /// The oldest row of each resource, where it is due and not in flight, in the order of commit.
    func duePublications(atMost count: Int, excluding: Set<Int64>, at now: Instant) throws -> [Publication] {
        let rows = try all(
            "SELECT row FROM outbox WHERE head = 1 AND (due <= ? OR due > ?) ORDER BY row LIMIT ?",
            [.instant(now), .instant(now + Self.longestWait), .number(count + excluding.count)]
        ) { row in row.integer(0) }
        return try rows.lazy.filter { !excluding.contains($0) }.prefix(count).compactMap(publication)
    }

    private func publication(_ row: Int64) throws -> Publication? {
        try first(
            """
            SELECT row, attempts, committed, id, parent, source, detail_type, resource, correlation, trace, \
            attributes, detail FROM outbox WHERE row = ?
            """, [.integer(row)], Publication.init)
    }

    func oldestPublication() throws -> Instant? {
        try first("SELECT committed FROM outbox ORDER BY row LIMIT 1", []) { row in row.instant(0) }
    }

    /// Ends or puts off one attempt. A row that is gone was settled before.
    func settle(_ result: PublicationResult, keepsPayload: Bool, at now: Instant) throws {
        let row = Value.integer(result.row)
        switch result.end {
        case .sent: try end(row, .sent, nil, keepsPayload: keepsPayload, at: now)
        case .retry(let at, _):
            try run("UPDATE outbox SET attempts = attempts + 1, due = ? WHERE row = ?", [.instant(at), row])
        case .gaveUp(let failure):
            let shelved = try change(
                """
                INSERT INTO publications SELECT row, ?, ?, ?, ?, attempts + 1, committed, id, parent, handler, \
                source, detail_type, resource, correlation, trace, attributes, detail FROM outbox WHERE row = ?
                """,
                [.instant(now), .text(failure.code.rawValue), .text(failure.subject), .text(failure.cause), row])
            counters.statistics.publications += shelved
            try end(row, .gaveUp, failure, keepsPayload: keepsPayload, at: now)
        }
    }

    private func end(
        _ row: Value, _ outcome: JournalEntry.Outcome, _ failure: Failure?, keepsPayload: Bool, at now: Instant
    ) throws {
        let found = try first(
            """
            SELECT id, parent, handler, attempts, committed, source, detail_type, resource, trace, detail FROM outbox \
            WHERE row = ?
            """, [row]
        ) { row in
            var entry = JournalEntry(time: now, kind: .publication, direction: .outgoing, outcome: outcome)
            entry.event = row.text(0)
            entry.parent = row.text(1)
            entry.handler = row.text(2)
            entry.attempt = row.number(3) + 1
            entry.sentAt = row.instant(4)
            entry.source = row.text(5)
            entry.detailType = row.text(6)
            entry.resource = row.text(7)
            entry.take(Event.Trace(encoded: row.bytes(8)))
            entry.take(failure)
            let detail = row.bytes(9)
            entry.payload = Hash.sha256(detail)
            return (entry, detail)
        }
        guard let (entry, detail) = found else { return }
        try takeFromOutbox(row)
        try append(entry, body: keepsPayload ? detail : nil)
    }

    /// `nil` while a publication of this event waits for the bus.
    func publicationsEnd(of parent: EventID) throws -> PublicationsEnd? {
        let waiting = try first("SELECT 1 FROM outbox WHERE parent = ? LIMIT 1", [.text(parent.text)]) { row in
            row.integer(0)
        }
        if waiting != nil { return nil }
        let failure = try first(
            "SELECT code, subject, cause FROM publications WHERE parent = ? LIMIT 1", [.text(parent.text)]
        ) { row in
            FailureCode(rawValue: row.text(0)).map { Failure($0, row.text(1), row.text(2)) }
        }
        return PublicationsEnd(failure: failure ?? nil)
    }

    /// `nil` while this one from outside waits for the bus.
    func publicationsEnd(of id: String) throws -> PublicationsEnd? {
        let waiting = try first("SELECT 1 FROM outbox WHERE id = ? AND parent = '' LIMIT 1", [.text(id)]) { row in
            row.integer(0)
        }
        if waiting != nil { return nil }
        let failure = try first(
            "SELECT code, subject, cause FROM publications WHERE id = ? AND parent = '' LIMIT 1", [.text(id)]
        ) { row in
            FailureCode(rawValue: row.text(0)).map { Failure($0, row.text(1), row.text(2)) }
        }
        return PublicationsEnd(failure: failure ?? nil)
    }

    /// Removes the row, and lets the next of its resource be the oldest.
    private func takeFromOutbox(_ row: Value) throws {
        let found = try first("SELECT resource, bytes, parent, id FROM outbox WHERE row = ?", [row]) { row in
            (resource: row.text(0), bytes: row.number(1), parent: row.text(2), id: row.text(3))
        }
        guard let found else { return }
        try run("DELETE FROM outbox WHERE row = ?", [row])
        counters.statistics.outbox -= 1
        counters.outboxBytes -= found.bytes
        counters.publicationsEnded.append(found.parent.isEmpty ? found.id : found.parent)
        guard !found.resource.isEmpty else { return }
        let promoted = try change(
            """
            UPDATE outbox SET head = 1 \
            WHERE row = (SELECT min(row) FROM outbox WHERE resource = ? AND resource <> '')
            """, [.text(found.resource)])
        if promoted > 0 { counters.wroteOutbox = true }
    }
}
