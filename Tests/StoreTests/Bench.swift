import Cryptography
@_spi(Verification) import Events
import Foundation
import GRDB
import Pipeline
import StoreCommon
import Support
import Testing

@testable import Store

/// A store in a folder of its own, and short words for what tests do with it.
final class Bench {
    let folder: TemporaryFolder
    private(set) var store: SQLiteStore
    static let start = Instant(unixSeconds: 1_750_000_000)
    var now = Bench.start
    let queue = QueueName("payments")
    let handler = HandlerID("treasury")

    var path: String { folder.file("store.sqlite") }

    init(
        _ durability: StoreOptions.Durability = .ephemeral, journal: JournalOptions = JournalOptions(),
        ledgerBlock: Int = LedgerTail.block, observer: (@Sendable (StoreEvent) -> Void)? = nil
    ) throws {
        folder = try TemporaryFolder()
        var options = StoreOptions(
            path: folder.file("store.sqlite"), durability: durability, journal: journal, observer: observer)
        options.ledgerBlock = ledgerBlock
        store = try SQLiteStore.open(options)
    }

    /// What a restart does: everything that was only in memory is gone.
    func reopen() async throws {
        let options = store.options
        await store.close()
        // Between the fork and the exec of a process that another test starts, the lock is that child's, too.
        let isOpen = try await eventually {
            do throws(Failure) {
                store = try SQLiteStore.open(options)
                return true
            } catch {
                guard error.code == .storeLocked else { throw error }
                return false
            }
        }
        try #require(isOpen)
    }

    func event(
        _ id: String, payload: String = "{}", token: String? = nil, source: String = "qsl.treasury",
        resource: String = "urn:qsl:treasury:payment:1", correlation: String = "c-1", signedAt: Instant? = nil
    ) -> Event {
        Event(
            id: EventID(issuer: "key-1", text: id), tokenDigest: token.map { Hash.sha256(Array($0.utf8)) },
            payloadDigest: Hash.sha256(Array(payload.utf8)), source: source, detailType: "Payment.Created.v1",
            resource: resource, detail: Bytes(payload), keyID: "key-1", signedAt: signedAt ?? now, isBound: true,
            trace: Event.Trace(
                correlationID: correlation, userID: "u-1", tenantID: "t-1", parent: "00-abc-def-01"))
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

    /// An operator's word, with its row of the journal.
    func permit(_ id: String, for time: Duration = Limits.permit) async throws {
        var entry = JournalEntry(time: now, kind: .letter, direction: .incoming, outcome: .permitted)
        (entry.queue, entry.event, entry.cause) = (queue.text, id, "by ops (uid 7): lost")
        try await store.permit([Permit(consumer: queue, event: id, until: now + time)], [entry])
    }

    func claim(_ request: ClaimRequest) async throws -> Claim { try await store.claim([request], at: now)[0] }

    /// Claims an event that must be free.
    func lease(_ id: String, business: String? = nil, message: String = "m-1") async throws -> Lease {
        try #require(try await claim(request(event(id), message: message, business: business)).lease)
    }

    func commitment(
        _ lease: Lease, _ verdict: Commitment.Verdict = .done(.none), attempts: Int = 1, keep: Duration = .days(5)
    ) -> Commitment {
        Commitment(
            lease: lease, verdict: verdict, history: History(attempts: attempts, firstSeen: Bench.start),
            keepUntil: now + keep, generation: 7)
    }

    func commit(_ lease: Lease, _ verdict: Commitment.Verdict = .done(.none)) async throws -> CommitResult {
        try await store.commit([commitment(lease, verdict)], at: now)[0]
    }

    func done(_ id: String, _ effects: Effects = .none) async throws {
        let lease = try await lease(id)
        #expect(try await commit(lease, .done(effects)) == .committed)
    }

    func value(_ key: String, of handler: HandlerID? = nil) async throws -> StateValue {
        try await store.read([Bytes(key)], of: handler ?? self.handler, at: now)[0]
    }

    func draft(_ resource: String, detail: String = "{\"a\":1}") -> Draft {
        Draft(
            source: "qsl.treasury", detailType: "Payment.Settled.v1", resource: resource, correlationID: "",
            detail: Bytes(detail), attributes: [Attribute(name: "n", value: "v")])
    }

    func letter(_ body: String = "body") -> DeadLetter {
        DeadLetter(
            body: Bytes(body), attributes: [Attribute(name: "n", value: "v")], failure: "{\"code\":\"x\"}",
            shortFailure: "{}", group: nil, deduplicationID: "d")
    }
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
        case .refused: "refused"
        }
    }
}

/// The failure that `body` throws, or `nil`.
func failure<T>(_ body: () async throws -> T) async -> Failure? {
    do {
        _ = try await body()
        return nil
    } catch { return error as? Failure }
}

extension SQLiteStore {
    /// The rows behind `number`.
    func journal(after number: Int64, atMost count: Int) async throws -> [JournalRow] {
        var query = JournalQuery()
        query.after = number
        query.atMost = count
        return try await rows(query)
    }
}

extension Bench {
    /// Lets the journal go on behind this number, as after rows that were given up.
    func begin(behind number: Int64) async throws {
        try await execute("INSERT INTO heads VALUES (\(number), 1, zeroblob(32), \(number + 1), 0, 1, 0, '', x'')")
        try await reopen()
    }
}

// MARK: - the database itself, on the store's own connection

extension Bench {
    func execute(_ sql: String) async throws {
        try await store.core.withConnection { connection throws(Failure) in
            try connection.perform { db in try db.execute(sql: sql) }
        }
    }

    /// Writes something else into a row of the journal, and leaves its hash as it was.
    func falsify(_ number: Int64, _ change: (inout JournalEntry) -> Void) async throws {
        var entry = try #require(try await store.journal(after: number - 1, atMost: 1).first).entry
        change(&entry)
        var record = RecordWriter()
        JournalRecord.write(entry, to: &record)
        let bytes = record.bytes.map { String(format: "%02x", $0) }.joined()
        try await execute("UPDATE journal SET entry = x'\(bytes)' WHERE number = \(number)")
    }

    /// Every row as text.
    func rows(_ sql: String) async throws -> [[String]] {
        try await store.core.withConnection { connection throws(Failure) in
            try connection.perform { db in
                try Row.fetchAll(db, sql: sql).map { row in
                    row.databaseValues.map { String.fromDatabaseValue($0) ?? "\($0.storage.value ?? "")" }
                }
            }
        }
    }
}
