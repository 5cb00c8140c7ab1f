import Cryptography
public import Events

/// The formulas of the journal's chain of hashes. Decisions/0012 tells them; they are part of what is kept: never
/// change one.
///
/// hash(n) = SHA-256(hash(n-1), number, boot, and each field of the row, each preceded by its length). A writer's chain
/// begins with SHA-256("outrigger.journal/1", store id, boot, the last hash of the writer before).
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
        var hash = StableHash()
        hash.add(previous)
        hash.add(number)
        hash.add(boot)
        add(entry, to: &hash)
        return hash.finish()
    }

    /// What is hashed of the row itself, for a store that knows its place only later.
    public static func fields(of entry: JournalEntry) -> Bytes {
        var hash = StableHash()
        add(entry, to: &hash)
        return hash.bytes[...]
    }

    private static func add(_ entry: JournalEntry, to hash: inout StableHash) {
        hash.add(entry.time.unixMilliseconds)
        for text in [
            entry.outcome.rawValue, entry.source, entry.detailType, entry.correlationID, entry.event, entry.message,
            entry.resource, entry.userID, entry.kind.rawValue, entry.direction.rawValue, entry.queue, entry.issuer,
            entry.parent, entry.tenantID, entry.keyID, entry.stage, entry.code, entry.cause, entry.handler,
        ] { hash.add(text) }
        for number in [entry.generation, entry.attempt, entry.deliveries] { hash.add(Int64(number)) }
        hash.add(entry.sentAt?.unixMilliseconds)
        hash.add(entry.waited?.microseconds)
        hash.add(entry.took?.microseconds)
        hash.add(entry.retryAt?.unixMilliseconds)
        if let payload = entry.payload { hash.add(payload) } else { hash.add(Bytes()) }
    }
}

extension Duration {
    /// Whole microseconds, rounded towards zero.
    public var microseconds: Int64 {
        components.seconds &* 1_000_000 &+ components.attoseconds / 1_000_000_000_000
    }
}
