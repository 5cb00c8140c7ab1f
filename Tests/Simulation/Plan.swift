public import Pipeline

/// What happens in one world, decided before it begins: a value, so that a failing one can be replayed, printed, and
/// made smaller part by part. ``Planner`` draws it from a seed.
public struct Plan: Sendable, Hashable {
    /// Decides what the plan leaves open: latencies, jitter, which of several messages a receive takes.
    public var seed: UInt64
    public var shape: Shape
    public var parts: [Part]

    /// Nothing goes wrong after this: every world must come to rest.
    var calm: Int64 {
        let ends = parts.map { part in
            if case .outage(_, let lasts) = part.what { part.at + lasts } else { Int64(0) }
        }
        return max(300_000, ends.max() ?? 0)
    }
}

/// What kind of world it is.
public struct Shape: Sendable, Hashable {
    public enum Storage: String, Sendable, CaseIterable {
        /// One sidecar, one file: claims in its memory, rows that outlive it.
        case durable
        /// One sidecar whose store ends with it.
        case ephemeral
        /// Several sidecars over one store.
        case shared
    }
    public var storage = Storage.durable
    public var sidecars = 1
    public var isFIFO = false
    public var usesShelf = false
    public var head = PipelineSettings.PoisonousHead.deadLetter
    public var batch = 10
    public var inHand = 30
    /// Good events overtake the others, and keep a worker for themselves.
    public var hasCritical = false
    public var groups = 3
    public var stateKeys = 3
    public var resources = 3
    /// Milliseconds, all of them.
    public var visibility: Int64 = 30_000
    public var retention: Int64 = 4 * 86_400_000
    public var giveUp: Int64 = 3_600_000
    public var maximumReceives = 100
    public var inFlightCap = 1_000
    /// When the second key appears, the third is retired, the fourth revoked.
    public var keyAppears: Int64 = 0
    public var keyRetires = Int64.max
    public var keyRevoked = Int64.max
    /// What the handler rejects before this, it does afterwards.
    public var mended: Int64 = 200_000
    /// What a dependency lets wait before this, it answers afterwards.
    public var recovered: Int64 = 180_000
    /// How far each sidecar's clock is off at first.
    public var skew: [Int64] = []
}

/// One thing that happens.
public struct Part: Sendable, Hashable {
    public enum What: Sendable, Hashable {
        case message(Script)
        /// The process ends between two instructions, and comes back after so many milliseconds.
        case crash(sidecar: Int, away: Int64)
        /// It is asked to stop, with so many milliseconds for it, and another takes its place.
        case stop(sidecar: Int, grace: Int64, away: Int64)
        case reload(sidecar: Int)
        /// Waits for the next call of its kind, and spoils it.
        case fault(Fault, sidecar: Int)
        case outage(Outage, lasts: Int64)
        /// The wall clock is set.
        case clock(sidecar: Int, by: Int64)
        /// The process stands still, while leases and visibility run on.
        case freeze(sidecar: Int, lasts: Int64)
        /// An operator sends every dead letter back to the queue; with an override, what was too old runs once.
        case redrive(overrides: Bool)
        /// An operator frees every parked group.
        case free
    }
    /// Milliseconds after the beginning.
    public var at: Int64
    public var what: What
}

/// What one call may suffer.
public enum Fault: UInt8, Sendable, CaseIterable {
    case receiveFails, receiveReplyLost, receiveRepeats
    case deleteFails, deleteReplyLost, deletePartly, deleteForgotten
    case delayFails, delayReplyLost
    case letterFails, letterRefused, letterReplyLost
    case claimFails, claimReplyLost
    case commitFails, commitReplyLost
    case refuseFails, refuseReplyLost
    case workerUnavailable, workerEnds, answerMissing
    case putFails, putPartly, putReplyLost, putRefused
    case outboxReadFails, outboxSettleFails, outboxSettleReplyLost
    case slow
    case diesAfterClaim, diesAfterCommit, diesAfterLetter, diesAfterDelete, diesAfterPut
}

/// What is away for a while, for everybody.
public enum Outage: UInt8, Sendable, CaseIterable { case queue, store, letters, keys, bus }
