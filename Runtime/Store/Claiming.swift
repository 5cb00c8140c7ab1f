import Events
import Pipeline
import StoreCommon

// Looking and claiming are one step: both happen on the store's thread, with no transaction in between.

extension StoreCore {
    func claim(_ requests: [ClaimRequest], at now: Instant) throws(Failure) -> [Claim] {
        var granted: [UInt64] = []
        granted.reserveCapacity(requests.count)
        var duplicates: [JournalEntry] = []
        defer { record(duplicates) }
        do throws(Failure) {
            return try look { tables in
                let tail = ledgerTail
                return try requests.map { request in
                    let identities = Identities(request)
                    let met = try meet(request, identities, in: tables, tail, at: now)
                    let blocker = try tables.event(blocking: request, at: now)
                    let rows = met?.rows ?? []
                    switch Dedup.judge(rows, for: request, permitted: met?.permit, behind: blocker, at: now) {
                    case .grant(let history):
                        let fence = nextNumber()
                        let claimed = Claimed(
                            request, history: history, row: met?.own, wasDone: met?.wasDone ?? false,
                            permit: met?.permit, keepsPayload: options.journal.keepsPayloads)
                        claims.grant(claimed, identities, fence: fence, until: now + request.lease)
                        granted.append(fence)
                        return .granted(Lease(fence: fence), history)
                    case .done:
                        duplicates.append(JournalEntry(duplicate: request, of: met?.done ?? "", at: now))
                        return .done
                    case .inFlight: return .inFlight
                    case .dead(let failure): return .dead(failure)
                    case .refuse(let failure): return .refused(failure)
                    }
                }
            }
        } catch {
            for fence in granted { claims.remove(fence) }
            throw error
        }
    }

    /// What is known of a request before it is judged.
    private struct Met {
        var permit: Permit?
        /// What shares an identity with it.
        var rows: [Dedup.Row] = []
        /// The number of the ledger's row that its end will be written to.
        var own: Int64?
        /// The event that was done before.
        var done: String?
        var wasDone = false
    }

    /// `nil` for a request of which nothing is known.
    private func meet(
        _ request: ClaimRequest, _ identities: Identities, in tables: Tables, _ tail: LedgerTail, at now: Instant
    ) throws -> Met? {
        let permit = try tables.permit(for: request, at: now)
        var known = permit.map { Met(permit: $0) }
        for match in Dedup.Row.Match.all {
            guard let key = identities.key(match) else { continue }
            let holder = claims.holder(match, of: identities, at: now)
            let found = try tables.ledgerRow(match, key, of: request, tail, at: now)
            if holder == nil, found == nil { continue }
            let live = found.flatMap { $0.keepUntil > now ? $0 : nil }
            var met = known ?? Met()
            if met.own == nil, let found, found.isOwn(match, of: request) {
                met.own = found.row
                met.wasDone = live?.state == .done
            }
            if let live, live.state == .done { met.done = met.done ?? live.id.text }
            // Done always wins; but under a permit a second copy waits for the first.
            if let live, holder == nil || (live.state == .done && met.permit == nil) {
                met.rows.append(live.dedupRow(match))
            } else if let holder {
                met.rows.append(holder.dedupRow(match))
            }
            known = met
        }
        return known
    }

    func renew(_ leases: [Lease], until: Instant) -> [Bool] {
        leases.map { claims.renew($0.fence, until: until) }
    }

    func release(_ leases: [Lease]) {
        for lease in leases { claims.release(lease.fence) }
    }

    func sweep(at now: Instant) async throws(Failure) -> Int {
        claims.sweep(at: now)
        guard case .count(let count) = try await enqueue(.sweep(at: now)) else { return 0 }
        return count
    }

    func dueTimers(of handlers: Set<HandlerID>, atMost count: Int, at now: Instant) throws(Failure) -> [Event] {
        try read { tables in try tables.dueTimers(of: handlers, atMost: count, excluding: claims.timers, at: now) }
    }

    func nextTimer(of handlers: Set<HandlerID>) throws(Failure) -> Instant? {
        try read { tables in try tables.nextTimer(of: handlers, excluding: claims.timers) }
    }
}
