import Events
import Pipeline
import StoreCommon

/// The claims that this sidecar was granted: what their commit needs. That they still hold only the server knows.
struct ClaimBook: Sendable {
    private struct Entry {
        let claim: Claimed
        var ends: Instant
    }
    /// How long a claim is remembered behind its end: it may still be committed while nobody else took the event.
    private static let grace = Duration.minutes(10)

    private var claims: [UInt64: Entry] = [:]
    private var committed = CommittedFences()
    /// Fences that were asked for in calls whose answer was lost: what they were granted nobody runs. With the time
    /// until which that may hold.
    private var lost: [Int64: Instant] = [:]
    private var lastNumber: Int64

    /// Fences, versions of state and marks never repeat: the boot stands in the upper 24 bits, a count below.
    init(boot: Int64) { lastNumber = boot << 40 }

    mutating func nextNumber() -> Int64 {
        lastNumber += 1
        return lastNumber
    }

    subscript(fence: UInt64) -> Claimed? { claims[fence]?.claim }

    mutating func grant(_ claim: Claimed, fence: UInt64, until: Instant) {
        claims[fence] = Entry(claim: claim, ends: until)
    }

    mutating func renew(_ fence: UInt64, until: Instant) { claims[fence]?.ends = until }
    mutating func remove(_ fence: UInt64) { claims[fence] = nil }

    mutating func conclude(_ fence: UInt64) {
        claims[fence] = nil
        committed.insert(fence)
    }

    func isCommitted(_ fence: UInt64) -> Bool { committed.contains(fence) }

    mutating func lose(_ fences: [Int64], until: Instant) { for fence in fences { lost[fence] = until } }
    var lostFences: [Int64] { lost.keys.sorted() }

    mutating func sweep(at now: Instant) {
        claims = claims.filter { $0.value.ends + Self.grace > now }
        lost = lost.filter { $0.value > now }
    }
}
