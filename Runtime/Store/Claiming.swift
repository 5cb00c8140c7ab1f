import Events
import Pipeline

// Looking and claiming are one step: both happen on the store's thread, with no transaction in between.

extension StoreCore {
    func claim(_ requests: [ClaimRequest], at now: Instant) throws(Failure) -> [Claim] {
        var granted: [UInt64] = []
        var duplicates: [JournalEntry] = []
        defer { record(duplicates) }
        do throws(Failure) {
            return try read { tables in
                try requests.map { request in
                    let (rows, own, done) = try rows(for: request, in: tables, at: now)
                    switch Dedup.judge(rows, for: request, at: now) {
                    case .grant(let history):
                        let fence = nextNumber()
                        let claimed = Claimed(
                            request, history: history, row: own, keepsPayload: options.journal.keepsPayloads)
                        claims.grant(request, claimed, fence: fence, at: now)
                        granted.append(fence)
                        return .granted(Lease(fence: fence), history)
                    case .done:
                        duplicates.append(JournalEntry(duplicate: request, of: done ?? "", at: now))
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

    /// What shares an identity with the request, the ledger's row that its end will be written to, and the event that
    /// was done before.
    private func rows(
        for request: ClaimRequest, in tables: Tables, at now: Instant
    ) throws -> (rows: [Dedup.Row], own: Int64?, done: String?) {
        var rows: [Dedup.Row] = []
        var own: Int64?
        var done: String?
        for match in Dedup.Row.Match.all {
            let holder = claims.holder(match, of: request, at: now)
            let found = try tables.ledgerRow(match, of: request, at: now)
            if match != .businessKey { own = own ?? found?.row }
            let live = found.flatMap { $0.keepUntil > now ? $0 : nil }
            if let live, live.state == .done { done = done ?? live.id.text }
            if let live, live.state == .done || holder == nil {
                rows.append(live.dedupRow(match))
            } else if let holder {
                rows.append(holder.dedupRow(match))
            }
        }
        return (rows, own, done)
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
