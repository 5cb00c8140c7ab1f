import Events
import Pipeline
import StoreCommon

/// The identities of one request, hashed once: as the ledger looks them up, and among claims, where the consumer counts
/// (and for a business key the handler).
struct Identities: Sendable {
    /// By ``LedgerKey``.
    let event: Int64
    let token: Int64?
    let business: Int64?
    private let scope: (event: Int64, business: Int64)

    init(_ request: borrowing ClaimRequest) { self.init(request, request.event) }

    private init(_ request: borrowing ClaimRequest, _ subject: borrowing Event) {
        event = LedgerKey.make(event: subject.id.text)
        token = subject.tokenDigest.map(LedgerKey.make(token:))
        business = request.businessKey.map(LedgerKey.make(businessKey:))
        let consumer = JournalKey.spread(request.consumer.text, 0)
        scope.event = Int64(bitPattern: consumer)
        scope.business = business == nil
            ? scope.event : Int64(bitPattern: JournalKey.spread(request.handler.text, consumer))
    }

    func key(_ match: Dedup.Row.Match) -> Int64? {
        switch match {
        case .eventID: event
        case .tokenDigest: token
        case .businessKey: business
        }
    }

    fileprivate func claimKey(_ match: Dedup.Row.Match) -> Int64? {
        switch match {
        case .eventID: event &+ scope.event
        case .tokenDigest: token.map { $0 &+ scope.event }
        case .businessKey: business.map { $0 &+ scope.business }
        }
    }
}

/// Who runs what, in memory: a crash voids every claim.
///
/// Found by 64 bits of SHA-256: two claims that share them by chance would wait for each other, and nothing else.
struct Claims {
    final class Lease {
        let fence: UInt64
        let claim: Claimed
        let identities: Identities
        fileprivate var until: Instant
        /// Its commit is enqueued: it no longer ends by time.
        fileprivate var isCommitting = false
        /// Within one transaction: its end is among what that has written.
        var isWritten = false

        fileprivate init(_ fence: UInt64, _ claim: Claimed, _ identities: Identities, until: Instant) {
            self.fence = fence
            self.claim = claim
            self.identities = identities
            self.until = until
        }
    }

    private var leases: [UInt64: Lease] = [:]
    private var byIdentity: [Int64: Lease] = [:]
    /// Ids of timer events that are claimed.
    private(set) var timers: Set<String> = []

    var count: Int { leases.count }

    subscript(fence: UInt64) -> Lease? { leases[fence] }

    /// The claims on events of this id, and until when they hold.
    func holders(of event: String) -> [(Claimed, until: Instant)] {
        leases.values.filter { $0.claim.id.text == event }.map { ($0.claim, $0.until) }
    }

    /// The claim that shares this identity with the request, if its lease has not ended.
    func holder(_ match: Dedup.Row.Match, of identities: Identities, at now: Instant) -> Claimed? {
        guard !byIdentity.isEmpty, let key = identities.claimKey(match), let lease = byIdentity[key] else { return nil }
        return lease.until > now || lease.isCommitting ? lease.claim : nil
    }

    /// Grants a request that has no holder; those whose lease has ended lose their claim here.
    mutating func grant(_ claim: Claimed, _ identities: Identities, fence: UInt64, until: Instant) {
        let lease = Lease(fence, claim, identities, until: until)
        for match in Dedup.Row.Match.all {
            guard let key = identities.claimKey(match) else { continue }
            if let old = byIdentity.updateValue(lease, forKey: key), old !== lease { remove(old.fence) }
        }
        leases[fence] = lease
        if claim.isTimer { timers.insert(claim.id.text) }
    }

    mutating func remove(_ fence: UInt64) {
        guard let lease = leases.removeValue(forKey: fence) else { return }
        for match in Dedup.Row.Match.all {
            guard let key = lease.identities.claimKey(match), let holder = byIdentity.removeValue(forKey: key) else {
                continue
            }
            // Another's by now.
            if holder !== lease { byIdentity[key] = holder }
        }
        if lease.claim.isTimer { timers.remove(lease.claim.id.text) }
    }

    /// False for a claim that is gone.
    func renew(_ fence: UInt64, until: Instant) -> Bool {
        guard let lease = leases[fence] else { return false }
        lease.until = until
        return true
    }

    mutating func release(_ fence: UInt64) {
        if leases[fence]?.isCommitting == false { remove(fence) }
    }

    /// Its commit is enqueued. `nil` for a claim that is gone.
    func beginCommit(_ fence: UInt64) -> Claimed? {
        guard let lease = leases[fence] else { return nil }
        lease.isCommitting = true
        return lease.claim
    }

    /// Nothing of its commit counts: it ends by time again.
    func endCommit(_ fence: UInt64) {
        guard let lease = leases[fence] else { return }
        lease.isCommitting = false
        lease.isWritten = false
    }

    /// Gives up the claims whose lease has ended and that nobody else asked for.
    mutating func sweep(at now: Instant) {
        for (fence, lease) in leases where lease.until <= now && !lease.isCommitting { remove(fence) }
    }
}
