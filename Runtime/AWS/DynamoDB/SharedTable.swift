public import Events
import JSON
public import Pipeline
import StoreCommon
import Synchronization

/// When an idle sidecar looks again. Each look at DynamoDB is paid for: where nothing is found and nobody writes, the
/// next one comes later, up to a bound.
struct Idling: Sendable {
    struct Pace: Sendable {
        let longest: Duration
        private var pause = Duration.seconds(1)
        private var next = Instant.distantPast

        init(longest: Duration) { self.longest = longest }

        /// Something has happened: there may be more.
        mutating func hasten() { (pause, next) = (.seconds(1), .distantPast) }

        /// True if it is time to look; then the next look is put off.
        mutating func isTime(at now: Instant) -> Bool {
            // A clock that was set back keeps nobody waiting.
            guard now >= next || next - now > longest else { return false }
            next = now + pause
            pause = min(pause + pause, longest)
            return true
        }
    }
    /// Rows of others that have no number: nobody here waits for them.
    var journal = Pace(longest: .minutes(1))
    /// Publications that others left. Their turn lasts as long.
    var outbox = Pace(longest: .seconds(30))
}

/// The store in a table as the sidecar knows any store.
extension DynamoDBStore: EventStore {
    public var receipts: (any PublicationReceipts)? { nil }
    public var heads: any JournalHeads { self }
    public var auditor: (any JournalAuditor)? { self }

    /// Does the table answer? It costs one read.
    public func check() async throws(Failure) {
        _ = try await call { () throws(AWSError) in try await client.get(TableLayout.meta) }
    }

    /// Gives the journal's new rows their numbers, and looks at what others left in the outbox: at once where this
    /// sidecar wrote, every second while somebody here follows the journal, and less and less often otherwise.
    public func beat(at now: Instant) async throws(Failure) {
        let isAwaited = signals.takeNews() || signals.hasFollowers
        if idling.withLock({ $0.journal.isTime(at: now) }) || isAwaited {
            let last = try await newest()
            if memory.withLock({ memory in
                defer { memory.newest = last }
                return memory.newest != last
            }) {
                idling.withLock { idling in
                    idling.journal.hasten()
                    idling.outbox.hasten()
                }
                signals.ringReaders()
            }
        }
        if idling.withLock({ $0.outbox.isTime(at: now) }) { signals.ringOutbox() }
    }

    /// DynamoDB removes what is over by itself, within days; until then everybody sees that it is over.
    @discardableResult
    public func sweep(at now: Instant) async throws(Failure) -> Int { 0 }

    /// Items and bytes are counted by DynamoDB, every six hours or so.
    public func size() async throws(Failure) -> StoreSize {
        let depth = try await depth()
        let newest = memory.withLock { $0.newest }
        let reply = try await call { () throws(AWSError) in
            try await client.call("DescribeTable", [JSONMember("TableName", .string(options.table))])
        }
        let table = reply.root["Table"]
        return StoreSize(
            tables: [
                .init("items", Int(table?["ItemCount"]?.int ?? 0)), .init("outbox", depth.rows),
                .init("journal", Int(newest)), .init("claims", memory.withLock { $0.held.count }),
            ], bytes: Int(table?["TableSizeBytes"]?.int ?? 0), isExact: false)
    }

    public func shelf(_ place: LetterPlace) -> any DeadLetterBox { TableShelf(self, place) }
    public func outboxTarget(_ clock: any WallClock) -> any RedriveTarget { TableOutboxTarget(self) }
}
