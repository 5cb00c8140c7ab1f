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

    init(_ request: ClaimRequest) {
        event = LedgerKey.make(event: request.event.id.text)
        token = LedgerKey.make(.tokenDigest, of: request)
        business = LedgerKey.make(.businessKey, of: request)
        var hasher = Hasher()
        hasher.combine(request.consumer)
        let consumer = Int64(hasher.finalize())
        scope.event = consumer
        if business == nil {
            scope.business = consumer
        } else {
            hasher.combine(request.handler)
            scope.business = Int64(hasher.finalize())
        }
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
struct Claims: Sendable {
    private struct Lease {
        let claim: Claimed
        let identities: Identities
        let until: Instant
    }

    private var leases: [UInt64: Lease] = [:]
    private var fences: [Int64: UInt64] = [:]
    /// Their commits are enqueued: they no longer end by time.
    private var committing: Set<UInt64> = []
    /// Ids of timer events that are claimed.
    private(set) var timers: Set<String> = []

    var count: Int { leases.count }

    subscript(fence: UInt64) -> Claimed? { leases[fence]?.claim }

    func identities(of fence: UInt64) -> Identities? { leases[fence]?.identities }

    /// The claims on events of this id, and until when they hold.
    func holders(of event: String) -> [(Claimed, until: Instant)] {
        leases.values.filter { $0.claim.id.text == event }.map { ($0.claim, $0.until) }
    }

    /// The claim that shares this identity with the request, if its lease has not ended.
    func holder(_ match: Dedup.Row.Match, of identities: Identities, at now: Instant) -> Claimed? {
        guard !fences.isEmpty, let key = identities.claimKey(match), let fence = fences[key], let lease = leases[fence]
        else { return nil }
        return lease.until > now || committing.contains(fence) ? lease.claim : nil
    }

    /// Grants a request that has no holder; those whose lease has ended lose their claim here.
    mutating func grant(_ claim: Claimed, _ identities: Identities, fence: UInt64, until: Instant) {
        for match in Dedup.Row.Match.all {
            guard let key = identities.claimKey(match) else { continue }
            if let old = fences.updateValue(fence, forKey: key), old != fence { remove(old) }
        }
        leases[fence] = Lease(claim: claim, identities: identities, until: until)
        if claim.isTimer { timers.insert(claim.id.text) }
    }

    mutating func remove(_ fence: UInt64) {
        guard let lease = leases.removeValue(forKey: fence) else { return }
        committing.remove(fence)
        for match in Dedup.Row.Match.all {
            guard let key = lease.identities.claimKey(match), fences[key] == fence else { continue }
            fences[key] = nil
        }
        if lease.claim.isTimer { timers.remove(lease.claim.id.text) }
    }

    /// False for a claim that is gone.
    mutating func renew(_ fence: UInt64, until: Instant) -> Bool {
        guard let lease = leases[fence] else { return false }
        leases[fence] = Lease(claim: lease.claim, identities: lease.identities, until: until)
        return true
    }

    mutating func release(_ fence: UInt64) {
        if !committing.contains(fence) { remove(fence) }
    }

    mutating func mark(_ fence: UInt64, isCommitting: Bool) {
        if !isCommitting { committing.remove(fence) } else if leases[fence] != nil { committing.insert(fence) }
    }

    /// Gives up the claims whose lease has ended and that nobody else asked for.
    mutating func sweep(at now: Instant) {
        for (fence, lease) in leases where lease.until <= now && !committing.contains(fence) { remove(fence) }
    }
}
