import Cryptography
import Events
import Pipeline
import StoreCommon

/// What is written whole or not at all: the end of one event, of one publication, one submission.
struct CommitUnit: Sendable {
    /// What it means if the condition of a write does not hold.
    enum Role: Sendable {
        /// The claim, or what its commit left if its answer was lost.
        case claim(fence: UInt64)
        case state
        /// It may be gone: then the unit goes on without this write.
        case optional
        /// It must be there, or there is nothing to do any more.
        case present
        /// It must not be there: another has it.
        case fresh
    }
    struct Part: Sendable {
        let write: Write
        let role: Role
    }
    enum End: Sendable {
        case committed
        case lostClaim
        case lostState
        /// Nothing to do any more.
        case gone
        /// What is there in its place.
        case taken(Item?)
        /// DynamoDB does not take it, now or ever: its own word.
        case refused(String)
        /// Nothing is known to be written.
        case failed(Failure)
    }

    var parts: [Part] = []
    /// What goes to the bus; its place in the outbox is found when it is written.
    var entries: [OutboxEntry] = []
    var lines: [JournalLine] = []
    /// It was in a transaction that was refused, and is tried in one of its own.
    var isAlone = false

    var count: Int {
        parts.count + entries.reduce(0) { $0 + $1.count } + lines.reduce(0) { $0 + $1.count }
    }
    var size: Int {
        parts.reduce(0) { $0 + $1.write.size } + entries.reduce(0) { $0 + $1.size } + lines.reduce(0) { $0 + $1.size }
    }

    /// The largest that fits: beside it goes the writer's own item.
    static let items = 99
    static let bytes = 3_900_000

    /// Why it can never be written.
    var excess: String? {
        if count > Self.items {
            return "\(count) items: keys read and written, events, timers and rows; DynamoDB takes \(Self.items + 1)"
        }
        if size > Self.bytes { return "\(size) bytes, and a transaction of DynamoDB takes \(Self.bytes)" }
        return nil
    }

    mutating func add(_ write: Write, _ role: Role) { parts.append(Part(write: write, role: role)) }

    /// What its failing writes say; `nil` to try again, changed or not.
    mutating func judge(_ reasons: ArraySlice<TableClient.Reason>) -> End? {
        var end: End?
        var optional: Set<Int> = []
        for (index, (part, reason)) in zip(parts, reasons).enumerated() where reason.isCondition {
            switch part.role {
            case .claim(let fence):
                // The first word: who lost the claim is told nothing else.
                let isOurs = reason.item.map { LedgerItem($0).recordedFence == fence } ?? false
                return isOurs ? .committed : .lostClaim
            case .state: end = .lostState
            case .optional: optional.insert(index)
            case .present: end = end ?? .gone
            case .fresh: end = end ?? .taken(reason.item)
            }
        }
        if end == nil, !optional.isEmpty {
            parts = parts.enumerated().filter { !optional.contains($0.offset) }.map(\.element)
        }
        return end
    }
}

/// As many units as one transaction takes, in order; none twice touches an item.
struct CommitPack: Sendable {
    private(set) var units: [Int] = []
    private var keys: Set<ItemKey> = []
    private var count = 0
    private var size = 0

    init(_ pending: [CommitUnit]) {
        for (index, unit) in pending.enumerated() {
            if unit.isAlone {
                if units.isEmpty { units = [index] }
                return
            }
            let own = Set(unit.parts.map(\.write.key))
            guard count + unit.count <= CommitUnit.items, size + unit.size <= CommitUnit.bytes else { return }
            // What is written about one thing is written in order: whoever comes behind waits with it.
            let isFree = keys.isDisjoint(with: own)
            keys.formUnion(own)
            guard isFree else { continue }
            units.append(index)
            count += unit.count
            size += unit.size
        }
    }
}
