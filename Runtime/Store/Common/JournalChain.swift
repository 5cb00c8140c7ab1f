import Cryptography
public import Events

/// The formulas of the journal's chain of hashes. Decisions/0012 tells them; they are part of what is kept: never
/// change one.
///
/// hash(n) = SHA-256(hash(n-1), number, boot, and the row as ``JournalRecord`` writes it). A writer's chain begins with
/// SHA-256("outrigger.journal/1", store id, boot, the last hash of the writer before).
public enum JournalChain {
    /// The last hash where there was no row before.
    public static let nothing = Hash.sha256([])

    public static func genesis(store: String, boot: Int64, after last: Digest) -> Digest {
        var hash = StableHash()
        hash.add("outrigger.journal/1")
        hash.add(store)
        hash.add(boot)
        hash.add(last)
        return hash.finish()
    }

    /// The hash of the row with this number, behind the one with `previous`.
    public static func hash(of entry: JournalEntry, number: Int64, boot: Int64, after previous: Digest) -> Digest {
        var record = RecordWriter()
        return write(entry, number: number, boot: boot, after: previous, to: &record)
    }

    /// What is hashed of the row itself, for a store that knows its place only later.
    public static func fields(of entry: JournalEntry) -> Bytes {
        var record = RecordWriter()
        JournalRecord.write(entry, to: &record)
        return record.bytes[...]
    }

    /// Bytes before the record in what ``write(_:number:boot:after:to:)`` leaves in its buffer.
    public static let placeBytes = 56

    /// The row's place in the chain, and behind it the row: what is hashed and what is kept, in one buffer.
    public static func write(
        _ entry: JournalEntry, number: Int64, boot: Int64, after previous: Digest, to record: inout RecordWriter
    ) -> Digest {
        write(fields: entry, number, boot, previous, to: &record)
    }

    /// The same of a run's end.
    public static func write(
        _ end: RunFields, number: Int64, boot: Int64, after previous: Digest, to record: inout RecordWriter
    ) -> Digest {
        write(fields: end, number, boot, previous, to: &record)
    }

    private static func write(
        fields: some JournalFields, _ number: Int64, _ boot: Int64, _ previous: Digest,
        to record: inout RecordWriter
    ) -> Digest {
        record.removeAll()
        addPlace(number, boot, previous, to: &record)
        JournalRecord.write(fields: fields, to: &record)
        return record.withUnsafeBytes(Hash.sha256(buffer:))
    }

    /// The hash of a row as it was kept.
    public static func hash(
        ofKept bytes: UnsafeRawBufferPointer, number: Int64, boot: Int64, after previous: Digest
    ) -> Digest {
        var place = RecordWriter()
        addPlace(number, boot, previous, to: &place)
        return Hash.sha256(parts: [place.bytes[...], Bytes(bytes)])
    }

    private static func addPlace(_ number: Int64, _ boot: Int64, _ previous: Digest, to record: inout RecordWriter) {
        record.addWord(32)
        record.add(previous)
        record.addWord(number)
        record.addWord(boot)
    }
}

extension Duration {
    /// Whole microseconds, rounded towards zero.
    public var microseconds: Int64 {
        // 10^12 is 2^12 times 5^12: what lies within a day, nearly, is divided with 64 bits.
        if let short = UInt64(exactly: attoseconds >> 12) { return Int64(short / 244_140_625) }
        return components.seconds &* 1_000_000 &+ components.attoseconds / 1_000_000_000_000
    }
}
