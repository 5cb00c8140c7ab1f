public import Events

/// A row of the journal as bytes: kept as they are hashed. Decisions/0012 tells the order of the fields; it is part of
/// what is kept: never change it.
public enum JournalRecord {
    public static func write(_ entry: JournalEntry, to record: inout RecordWriter) {
        write(fields: entry, to: &record)
    }

    static func write(fields entry: some JournalFields, to record: inout RecordWriter) {
        record.add(entry.time.unixMilliseconds)
        record.add(entry.outcome.rawValue)
        record.add(entry.source)
        record.add(entry.detailType)
        record.add(entry.correlationID)
        record.add(entry.event)
        record.add(entry.message)
        record.add(entry.resource)
        record.add(entry.userID)
        record.add(entry.kind.rawValue)
        record.add(entry.direction.rawValue)
        record.add(entry.queue)
        record.add(entry.issuer)
        record.add(entry.parent)
        record.add(entry.tenantID)
        record.add(entry.keyID)
        record.add(entry.stage)
        record.add(entry.code)
        record.add(entry.cause)
        record.add(entry.handler)
        record.add(entry.generation)
        record.add(entry.attempt)
        record.add(entry.deliveries)
        record.add(entry.sentAt?.unixMilliseconds)
        record.add(entry.waited?.microseconds)
        record.add(entry.took?.microseconds)
        record.add(entry.retryAt?.unixMilliseconds)
        record.add(entry.payload)
    }

    /// `nil` for bytes that no version wrote.
    public static func read(_ bytes: UnsafeRawBufferPointer) -> JournalEntry? {
        var record = RecordReader(bytes)
        let time = Instant(unixMilliseconds: record.integer())
        let outcome = JournalEntry.Outcome(rawValue: record.text())
        let (source, detailType) = (record.text(), record.text())
        let (correlationID, event, message) = (record.text(), record.text(), record.text())
        let (resource, userID) = (record.text(), record.text())
        guard let outcome, let kind = JournalEntry.Kind(rawValue: record.text()),
            let direction = JournalEntry.Direction(rawValue: record.text())
        else { return nil }
        var entry = JournalEntry(time: time, kind: kind, direction: direction, outcome: outcome)
        (entry.source, entry.detailType) = (source, detailType)
        (entry.correlationID, entry.event, entry.message) = (correlationID, event, message)
        (entry.resource, entry.userID) = (resource, userID)
        entry.queue = record.text()
        entry.issuer = record.text()
        entry.parent = record.text()
        entry.tenantID = record.text()
        entry.keyID = record.text()
        entry.stage = record.text()
        entry.code = record.text()
        entry.cause = record.text()
        entry.handler = record.text()
        entry.generation = record.number()
        entry.attempt = record.number()
        entry.deliveries = record.number()
        entry.sentAt = record.optionalInteger().map(Instant.init(unixMilliseconds:))
        entry.waited = record.optionalInteger().map(Duration.microseconds)
        entry.took = record.optionalInteger().map(Duration.microseconds)
        entry.retryAt = record.optionalInteger().map(Instant.init(unixMilliseconds:))
        entry.payload = record.optionalDigest()
        return record.isComplete ? entry : nil
    }

    /// What a search looks at, without reading the rest.
    public struct Front {
        public let time: Instant
        public let outcome: UnsafeRawBufferPointer
        public let source: UnsafeRawBufferPointer
        public let detailType: UnsafeRawBufferPointer

        /// - Parameter bytes: outlive it.
        public init(_ bytes: UnsafeRawBufferPointer) {
            var record = RecordReader(bytes)
            time = Instant(unixMilliseconds: record.integer())
            outcome = record.utf8()
            source = record.utf8()
            detailType = record.utf8()
        }
    }
}
