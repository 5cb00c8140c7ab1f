public import Events
public import Pipeline
import StoreCommon
import Synchronization

/// A claim of this sidecar: what its commit must write.
struct HeldClaim: Sendable {
    struct Identity: Sendable {
        let match: Dedup.Row.Match
        let key: ItemKey
        /// The row that was there, if there was one.
        let old: LedgerItem?
    }
    let claim: Claimed
    let identities: [Identity]
    /// Its group stands behind this very event.
    let isBlocker: Bool
    /// Of a timer's event: the timer.
    let timer: ItemKey?
}

/// What is known of a request before it is judged.
private struct Sight: Sendable {
    var items: [ItemKey: LedgerItem] = [:]
    var permit: Permit?
    var group: Item?
    /// False if only the identities were seen: permit and group are not known then.
    var isWhole = true
}

// Looking and claiming are one step: whoever writes says what it saw there. An event that nobody has met costs one
// request: it is claimed under the condition that there is nothing, and only who loses looks what there is.

extension DynamoDBStore {
    private static let tries = 6

    public func claim(_ requests: [ClaimRequest], at now: Instant) async throws(Failure) -> [Claim] {
        var results: [Result<Claim, Failure>?] = requests.map { _ in nil }
        for wave in Self.waves(requests) {
            let claims = await together(wave) { index throws(Failure) in
                try await self.claim(requests[index], at: now)
            }
            for (index, claim) in zip(wave, claims) { results[index] = claim }
        }
        var claims: [Claim] = []
        var failure: Failure?
        for result in results {
            switch result {
            case .success(let claim): claims.append(claim)
            case .failure(let problem): failure = problem
            case nil: break
            }
        }
        guard let failure else { return claims }
        await release(claims.compactMap { if case .granted(let lease, _) = $0 { lease } else { nil } })
        throw failure
    }

    /// Requests that share an identity are claimed one after the other, in their order; all others at once.
    private static func waves(_ requests: [ClaimRequest]) -> [[Int]] {
        var waves: [[Int]] = []
        var last: [ItemKey: Int] = [:]
        for (index, request) in requests.enumerated() {
            let keys = Dedup.Row.Match.all.compactMap { TableLayout.identity($0, of: request) }
            let wave = keys.compactMap { last[$0].map { $0 + 1 } }.max() ?? 0
            for key in keys { last[key] = wave }
            if wave == waves.count { waves.append([]) }
            waves[wave].append(index)
        }
        return waves
    }

    private func claim(_ request: ClaimRequest, at now: Instant) async throws(Failure) -> Claim {
        let fence = nextNumber()
        memory.withLock { memory in _ = memory.asking.insert(fence) }
        defer { memory.withLock { memory in _ = memory.asking.remove(fence) } }
        let keys = Dedup.Row.Match.all.compactMap { match in
            TableLayout.identity(match, of: request).map { (match: match, key: $0) }
        }
        var sight: Sight?
        for attempt in 1...Self.tries {
            let seen = sight ?? Sight(isWhole: false)
            if !keys.isEmpty, keys.allSatisfy({ seen.items[$0.key]?.claimFence == fence }) {
                // The answer to our own write was lost.
                return grant(request, keys, seen, fence: fence, at: now)
            }
            let judgement = judge(request, keys, seen, at: now)
            guard case .grant(let history) = judgement else {
                if seen.isWhole { return await answer(judgement, to: request, keys, seen, at: now) }
                sight = try await look(request, keys)
                continue
            }
            let writes = writes(request, keys, seen, fence: fence, history, at: now)
            let written = try await call { () throws(AWSError) in try await self.write(writes) }
            switch written {
            case .done: return grant(request, keys, seen, fence: fence, history, at: now)
            case .lost(let item?):
                // Most who lose meet somebody at work: then there is nothing else to look for.
                let found = Sight(items: [item.key: LedgerItem(item)], isWhole: false)
                if item.bits("claimFence") != fence, case .inFlight = judge(request, keys, found, at: now) {
                    return .inFlight
                }
            case .lost(nil): if attempt > 1 { await TableClient.pause(after: attempt) }
            }
            sight = try await look(request, keys)
        }
        // Others are at it, again and again.
        return .inFlight
    }

    private func judge(
        _ request: ClaimRequest, _ keys: [(match: Dedup.Row.Match, key: ItemKey)], _ seen: Sight, at now: Instant
    ) -> Dedup.Judgement {
        let rows = keys.compactMap { match, key in
            seen.items[key].flatMap { $0.dedupRow(match, under: seen.permit, isClaimed: isClaimed($0), at: now) }
        }
        let blocker = seen.group.flatMap { group -> EventID? in
            guard let until = group.instant("until"), until > now else { return nil }
            return EventID(issuer: group.text("issuer"), text: group.text("event"))
        }
        return Dedup.judge(rows, for: request, permitted: seen.permit, behind: blocker, at: now)
    }

    /// By this sidecar's clock, and the bound on how far it may be from another's. A claim of our own that we do not
    /// hold is one whose answer was lost: it counts for nothing.
    private func isClaimed(_ item: LedgerItem) -> Bool {
        guard let fence = item.claimFence, let until = item.claimedUntil else { return false }
        if isOurs(fence), memory.withLock({ $0.held[fence] == nil && !$0.asking.contains(fence) }) { return false }
        return until + options.skew > clock.now
    }

    private func answer(
        _ judgement: Dedup.Judgement, to request: ClaimRequest, _ keys: [(match: Dedup.Row.Match, key: ItemKey)],
        _ seen: Sight, at now: Instant
    ) async -> Claim {
        switch judgement {
        case .done:
            let done = keys.lazy.compactMap { seen.items[$0.key] }.first { $0.state(at: now) == .done }
            await lane.record([JournalEntry(duplicate: request, of: done?.event.text ?? "", at: now)])
            return .done
        case .dead(let failure): return .dead(failure)
        case .refuse(let failure): return .refused(failure)
        case .inFlight, .grant: return .inFlight
        }
    }

    // MARK: - looking

    private func look(
        _ request: ClaimRequest, _ keys: [(match: Dedup.Row.Match, key: ItemKey)]
    ) async throws(Failure) -> Sight {
        let permit = TableLayout.permit(request.event.id.text, of: request.consumer)
        let group = request.group.map { TableLayout.group($0, of: request.consumer) }
        let wanted = keys.map(\.key) + [permit] + (group.map { [$0] } ?? [])
        let found = try await call { () throws(AWSError) in try await client.get(wanted) }
        var sight = Sight()
        for (_, key) in keys { sight.items[key] = found[key].map(LedgerItem.init) }
        let own = sight.items[keys[0].key]
        sight.permit = found[permit].flatMap { $0.permit(at: clock.now, unlessUsedBy: own) }
        sight.group = group.flatMap { found[$0] }
        return sight
    }

    // MARK: - writing

    private func writes(
        _ request: ClaimRequest, _ keys: [(match: Dedup.Row.Match, key: ItemKey)], _ seen: Sight, fence: UInt64,
        _ history: History, at now: Instant
    ) -> [Write] {
        var writes = keys.map { match, key in
            let old = seen.items[key]
            let item = LedgerItem.claiming(
                key, match, over: old, by: request, fence: fence, history: history, at: now,
                until: clock.now + request.lease)
            return Write.put(item.item, if: Self.unchanged(old?.item))
        }
        if let group = request.group {
            let key = TableLayout.group(group, of: request.consumer)
            writes.append(Write(key, .check, if: Self.unchanged(seen.group)))
        }
        return writes
    }

    private static func unchanged(_ item: Item?) -> Condition {
        guard let item else { return .absent }
        return Condition("#version = :seen", [":seen": .integer(item.integer("version") ?? 0)])
    }

    /// One alone costs half of what it costs in a transaction.
    private func write(_ writes: [Write]) async throws(AWSError) -> TableClient.Written {
        if writes.count == 1 { return try await client.write(writes[0]) }
        if case .done = try await client.transact(writes) { return .done }
        return .lost(nil)
    }

    private func grant(
        _ request: ClaimRequest, _ keys: [(match: Dedup.Row.Match, key: ItemKey)], _ seen: Sight, fence: UInt64,
        _ history: History? = nil, at now: Instant
    ) -> Claim {
        let history = history ?? seen.items[keys[0].key]?.history ?? History(firstSeen: now)
        let identities = keys.map { match, key in
            HeldClaim.Identity(
                match: match, key: key, old: seen.items[key].flatMap { $0.state(at: now) == nil ? nil : $0 })
        }
        let wasDone = identities.contains { $0.match != .businessKey && $0.old?.state(at: now) == .done }
        let claim = Claimed(
            request, history: history, row: nil, wasDone: wasDone, permit: seen.permit,
            keepsPayload: options.keepsPayloads)
        memory.withLock { memory in
            memory.held[fence] = HeldClaim(
                claim: claim, identities: identities,
                isBlocker: seen.group?.text("event") == request.event.id.text
                    && seen.group?.text("issuer") == request.event.id.issuer,
                timer: claim.isTimer ? memory.timers[claim.id.text] : nil)
        }
        return .granted(Lease(fence: fence), history)
    }

    // MARK: - leases

    /// True, too, for a lease of which nothing is known while DynamoDB does not answer: the fence decides at commit.
    public func renew(_ leases: [Lease], until: Instant) async -> [Bool] {
        let results = await together(leases) { lease throws(AWSError) in
            try await self.renew(lease.fence, until: until)
        }
        return results.map { result in if case .success(let isHeld) = result { isHeld } else { true } }
    }

    private func renew(_ fence: UInt64, until: Instant) async throws(AWSError) -> Bool {
        guard let held = memory.withLock({ $0.held[fence] }) else { return false }
        let number = nextNumber()
        let results = await together(held.identities) { identity throws(AWSError) in
            try await self.client.write(
                Write(
                    identity.key,
                    .update(
                        "SET #claimUntil = :until, #version = :version",
                        [":until": .instant(until), ":version": .bits(number)]), if: Self.isHeld(fence)))
        }
        for result in results {
            if case .lost = try result.get() {
                // What was committed meanwhile has no claim any more, and nothing was lost.
                return memory.withLock { $0.committed.contains(fence) }
            }
        }
        return true
    }

    static func isHeld(_ fence: UInt64) -> Condition { Condition("#claimFence = :fence", [":fence": .bits(fence)]) }

    /// What cannot be given up now ends with its lease.
    public func release(_ leases: [Lease]) async {
        let held = memory.withLock { memory in leases.compactMap { lease in
            memory.held.removeValue(forKey: lease.fence).map { (lease.fence, $0) }
        } }
        _ = await together(held) { fence, held throws(AWSError) in
            for identity in held.identities {
                let names = LedgerItem.claimNames.map { "#" + $0 }.joined(separator: ", ")
                let free = Write.Action.update(
                    "SET #version = :version REMOVE \(names)", [":version": .bits(self.nextNumber())])
                let write = Write(identity.key, identity.old == nil ? .delete : free, if: Self.isHeld(fence))
                _ = try await self.client.write(write)
            }
        }
    }
}
