import Cryptography
@_spi(Verification) public import Events
public import Pipeline

/// The events that a journal can give again: verified when they were recorded, and with their payloads kept.
public struct JournalRecords: EventRecords {
    private let journal: any JournalReader

    public init(_ journal: any JournalReader) { self.journal = journal }

    public func page(_ query: ReplayQuery, atMost count: Int) async throws(Failure) -> RecordedPage {
        var search = JournalQuery()
        (search.since, search.until) = (query.from, query.to)
        search.source = query.source
        search.detailType = query.detailType
        search.after = query.after
        search.atMost = Limits.journalPage
        search.withBodies = true
        var page = RecordedPage()
        while true {
            let rows = try await journal.rows(search)
            for row in rows {
                search.after = row.number
                guard let word = word(on: row, query), try await isLast(row, query) else { continue }
                guard let event = event(row) else {
                    page.withoutPayload += 1
                    continue
                }
                page.events.append(
                    RecordedEvent(
                        number: row.number, event: event, queue: QueueName(row.entry.queue),
                        message: MessageID(row.entry.message), handler: HandlerID(row.entry.handler),
                        sentAt: row.entry.sentAt ?? row.entry.time, word: word, code: row.entry.code))
                guard page.events.count < count else {
                    page.next = row.number
                    return page
                }
            }
            if rows.count < search.atMost { return page }
        }
    }

    /// `nil` for a row that says nothing of a run, or that is not meant.
    private func word(on row: JournalRow, _ query: ReplayQuery) -> ReplayWord? {
        let entry = row.entry
        let isMeant = (query.handler.map { $0.text == entry.handler } ?? true)
            && (query.queue.map { $0.text == entry.queue } ?? true)
        let isTimer = entry.source == TimerEvent.source && entry.issuer == TimerEvent.issuer
        guard entry.kind == .event, isMeant, !isTimer, !entry.handler.isEmpty else { return nil }
        return ReplayWord(entry.outcome, code: entry.code)
    }

    /// Of an event that ran several times only the last run is given, so that it is not run again for each.
    private func isLast(_ row: JournalRow, _ query: ReplayQuery) async throws(Failure) -> Bool {
        var search = JournalQuery()
        search.event = row.entry.event
        search.until = query.to
        search.after = row.number
        search.atMost = Limits.journalPage
        return try await !journal.rows(search).contains { later in
            later.entry.issuer == row.entry.issuer && later.entry.queue == row.entry.queue
                && word(on: later, query) != nil
        }
    }

    /// `nil` where the payload was not kept, or is not what was verified.
    private func event(_ row: JournalRow) -> Event? {
        let entry = row.entry
        guard let body = row.body, let payload = entry.payload, Hash.sha256(body) == payload else { return nil }
        return Event(
            id: EventID(issuer: entry.issuer, text: entry.event), tokenDigest: nil, payloadDigest: payload,
            source: entry.source, detailType: entry.detailType, resource: entry.resource, detail: body,
            keyID: entry.keyID, signedAt: entry.sentAt ?? entry.time, isBound: false,
            trace: Event.Trace(
                correlationID: entry.correlationID, userID: entry.userID, tenantID: entry.tenantID))
    }
}
