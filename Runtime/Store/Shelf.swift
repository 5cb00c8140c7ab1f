import Events
import Pipeline
import StoreCommon

// What was refused or given up, and is kept here because no queue takes it. Letters are never swept: they may be the
// only copy.

extension Tables {
    /// Records the verdict on a message that was never verified. One that is recorded already stays as it is.
    func refuse(_ refusal: Refusal, keepsBody: Bool, at now: Instant) throws {
        let failure = refusal.failure
        let inserted = try change(
            """
            INSERT INTO refusals (queue, message, code, subject, cause, time, keep_until) VALUES (?, ?, ?, ?, ?, ?, ?) \
            ON CONFLICT DO NOTHING
            """,
            [
                .text(refusal.consumer.text), .text(refusal.messageID.text), .text(failure.code.rawValue),
                .text(failure.subject), .text(failure.cause), .instant(now), .instant(refusal.keepUntil),
            ])
        if let letter = refusal.shelved {
            try shelve(letter, queue: refusal.consumer, message: refusal.messageID, at: now)
        }
        guard inserted > 0 else { return }
        counters.statistics.refusals += 1
        let body = refusal.verified?.event.detail ?? refusal.body
        try append(JournalEntry(refusal, at: now), body: keepsBody ? body : nil)
    }

    /// Keeps a letter whole; the newest of a message replaces the one before.
    func shelve(_ letter: DeadLetter, queue: QueueName, message: MessageID, at now: Instant) throws {
        let identity = [Value.text(queue.text), .text(message.text)]
        counters.statistics.letters -= try change("DELETE FROM letters WHERE queue = ? AND message = ?", identity)
        try run(
            """
            INSERT INTO letters (queue, message, time, failure, short_failure, message_group, deduplication, \
            attributes, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            identity + [
                .instant(now), .text(letter.failure), .text(letter.shortFailure), .optional(letter.group),
                .text(letter.deduplicationID), .bytes(letter.attributes.encoded), .bytes(letter.body),
            ])
        counters.statistics.letters += 1
    }

    /// Removes at most `count` rows of each table that nobody needs any more, and says how many went.
    func sweep(atMost count: Int, at now: Instant) throws -> Int {
        let values = [Value.instant(now), .number(count)]
        let ledger = try sweepLedger(blocks: max(1, count / Int(LedgerBlock.rows)), at: now)
        let refusals = try change(
            "DELETE FROM refusals WHERE row IN (SELECT row FROM refusals WHERE keep_until <= ? LIMIT ?)", values)
        let state = try change(
            "DELETE FROM state WHERE row IN (SELECT row FROM state WHERE expires <= ? LIMIT ?)", values)
        let submissions = try change(
            "DELETE FROM submissions WHERE row IN (SELECT row FROM submissions WHERE keep_until <= ? LIMIT ?)", values)
        let parked = try change(
            "DELETE FROM parked WHERE row IN (SELECT row FROM parked WHERE keep_until <= ? LIMIT ?)", values)
        let permits = try change(
            "DELETE FROM permits WHERE row IN (SELECT row FROM permits WHERE until <= ? LIMIT ?)", values)
        let journal = try pruneJournal(atMost: count)
        counters.statistics.refusals -= refusals
        counters.statistics.state -= state
        counters.statistics.submissions -= submissions
        counters.statistics.parked -= parked
        counters.statistics.permits -= permits
        return ledger + refusals + state + submissions + parked + permits + journal
    }
}
