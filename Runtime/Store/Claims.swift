import Events
import Pipeline
import StoreCommon

/// Who runs what, in memory: a crash voids every claim.
struct Claims: Sendable {
    private struct EventKey: Hashable {
        let consumer: QueueName
        let id: EventID
    }
    private struct TokenKey: Hashable {
        let consumer: QueueName
        let digest: Digest
    }
    private struct BusinessKey: Hashable {
        let consumer: QueueName
        let handler: HandlerID
        let digest: Digest
    }

    private struct Lease {
        let claim: Claimed
        var until: Instant
        /// Its commit is enqueued: it no longer ends by time.
        var isCommitting = false
    }

    private var leases: [UInt64: Lease] = [:]
    private var byEvent: [EventKey: UInt64] = [:]
    private var byToken: [TokenKey: UInt64] = [:]
    private var byBusiness: [BusinessKey: UInt64] = [:]
    /// Ids of timer events that are claimed.
    private(set) var timers: Set<String> = []

    var count: Int { leases.count }

    subscript(fence: UInt64) -> Claimed? { leases[fence]?.claim }

    /// The claims on events of this id, and until when they hold.
    func holders(of event: String) -> [(Claimed, until: Instant)] {
        leases.values.filter { $0.claim.id.text == event }.map { ($0.claim, $0.until) }
    }

    /// The claim that shares this identity with the request, if its lease has not ended.
    func holder(_ match: Dedup.Row.Match, of request: ClaimRequest, at now: Instant) -> Claimed? {
        guard let lease = fence(match, of: request).flatMap({ leases[$0] }) else { return nil }
        return lease.isCommitting || lease.until > now ? lease.claim : nil
    }

    private func fence(_ match: Dedup.Row.Match, of request: ClaimRequest) -> UInt64? {
        switch match {
        case .eventID: byEvent[EventKey(consumer: request.consumer, id: request.event.id)]
        case .tokenDigest:
            request.event.tokenDigest.flatMap { byToken[TokenKey(consumer: request.consumer, digest: $0)] }
        case .businessKey:
            request.businessKey.flatMap {
                byBusiness[BusinessKey(consumer: request.consumer, handler: request.handler, digest: $0)]
            }
        }
    }

    /// Grants a request that has no holder; those whose lease has ended lose their claim here.
    mutating func grant(_ request: ClaimRequest, _ claim: Claimed, fence: UInt64, at now: Instant) {
        for match in Dedup.Row.Match.all {
            if let old = self.fence(match, of: request) { remove(old) }
        }
        leases[fence] = Lease(claim: claim, until: now + request.lease)
        byEvent[EventKey(consumer: claim.consumer, id: claim.id)] = fence
        if let digest = claim.tokenDigest { byToken[TokenKey(consumer: claim.consumer, digest: digest)] = fence }
        if let digest = claim.businessKey {
            byBusiness[BusinessKey(consumer: claim.consumer, handler: claim.handler, digest: digest)] = fence
        }
        if claim.isTimer { timers.insert(claim.id.text) }
    }

    mutating func remove(_ fence: UInt64) {
        guard let claim = leases.removeValue(forKey: fence)?.claim else { return }
        byEvent[EventKey(consumer: claim.consumer, id: claim.id)] = nil
        if let digest = claim.tokenDigest { byToken[TokenKey(consumer: claim.consumer, digest: digest)] = nil }
        if let digest = claim.businessKey {
            byBusiness[BusinessKey(consumer: claim.consumer, handler: claim.handler, digest: digest)] = nil
        }
        if claim.isTimer { timers.remove(claim.id.text) }
    }

    /// False for a claim that is gone.
    mutating func renew(_ fence: UInt64, until: Instant) -> Bool {
        guard leases[fence] != nil else { return false }
        leases[fence]?.until = until
        return true
    }

    mutating func release(_ fence: UInt64) {
        if leases[fence]?.isCommitting == false { remove(fence) }
    }

    mutating func mark(_ fence: UInt64, isCommitting: Bool) { leases[fence]?.isCommitting = isCommitting }

    /// Gives up the claims whose lease has ended and that nobody else asked for.
    mutating func sweep(at now: Instant) {
        for (fence, lease) in leases where !lease.isCommitting && lease.until <= now { remove(fence) }
    }
}
