public import Events
public import Pipeline
import StoreCommon
import Synchronization

// The end of a run as one unit: the claim's items under the fence, state under its versions, timers, outbox, journal.

extension DynamoDBStore {
    public func commit(_ commitments: [Commitment], at now: Instant) async throws(Failure) -> [CommitResult] {
        var results: [CommitResult?] = []
        var units: [CommitUnit] = []
        var places: [Int] = []
        var shown: [(StateKey, UInt64)] = []
        for (place, commitment) in commitments.enumerated() {
            guard let held = memory.withLock({ $0.held[commitment.lease.fence] }) else {
                let isOurs = memory.withLock { $0.committed.contains(commitment.lease.fence) }
                results.append(isOurs ? .committed : .lostClaim)
                continue
            }
            let versions = versions(of: commitment, held.claim, at: now, &shown)
            switch unit(commitment, held, versions, at: now) {
            case .success(let unit):
                units.append(unit)
                places.append(place)
                results.append(nil)
            case .failure(let none): results.append(none.result)
            }
        }
        await rememberTimerHandlers(commitments)
        let ends = await lane.commit(units)
        hide(shown)
        var failure: Failure?
        for (place, end) in zip(places, ends) {
            let fence = commitments[place].lease.fence
            if case .failed(let problem) = end { failure = problem } else {
                results[place] = conclude(commitments[place], end, fence: fence)
            }
        }
        // What is known is remembered: who commits the same again gets the same answer.
        if let failure { throw failure }
        return results.map { $0 ?? .lostClaim }
    }

    private func conclude(_ commitment: Commitment, _ end: CommitUnit.End, fence: UInt64) -> CommitResult {
        switch end {
        case .committed:
            let isRetry = if case .retry = commitment.verdict { true } else { false }
            let held = memory.withLock { memory -> HeldClaim? in
                memory.committed.insert(fence)
                let held = memory.held.removeValue(forKey: fence)
                if let held, held.timer != nil, !isRetry { memory.timers[held.claim.id.text] = nil }
                return held
            }
            if let held, changesTimers(commitment, held) { signals.ringTimers() }
            return .committed
        case .lostState: return .lostState
        case .refused(let why):
            let handler = memory.withLock { $0.held[fence]?.claim.handler.text } ?? ""
            return .refused(Failure(.handleTooLarge, handler, why))
        case .lostClaim, .gone, .taken, .failed:
            memory.withLock { $0.held[fence] = nil }
            return .lostClaim
        }
    }

    private func changesTimers(_ commitment: Commitment, _ held: HeldClaim) -> Bool {
        if held.timer != nil { return true }
        if case .done(let effects) = commitment.verdict { return !effects.timers.isEmpty }
        return false
    }

    // MARK: - the unit

    private struct NoUnit: Error { let result: CommitResult }

    private func unit(
        _ commitment: Commitment, _ held: HeldClaim, _ versions: [UInt64], at now: Instant
    ) -> Result<CommitUnit, NoUnit> {
        let claim = held.claim
        var unit = CommitUnit()
        record(commitment, held, in: &unit, at: now)
        if let permit = claim.permit { use(permit, by: commitment.verdict, in: &unit) }
        switch commitment.verdict {
        case .done(let effects):
            if let refusal = effects.refusal(of: claim.handler) { return .failure(NoUnit(result: .refused(refusal))) }
            guard let state = effects.stateWrites(versions, of: claim.handler, at: now) else {
                return .failure(NoUnit(result: .lostState))
            }
            for write in state { unit.add(write, .state) }
            for (ordinal, draft) in effects.drafts.enumerated() {
                let id = DerivedID.publication(parent: claim.id, handler: claim.handler, ordinal: ordinal)
                unit.entries.append(
                    OutboxEntry(
                        id: id, parent: claim.id.text, handler: claim.handler.text, draft: draft, trace: claim.trace,
                        committedAt: now))
            }
            let set = effects.timerWrites(of: claim, fence: commitment.lease.fence)
            for write in set { unit.add(write, .optional) }
            if let timer = held.timer, !set.contains(where: { $0.key == timer }) {
                unit.add(.end(timer, of: claim.id.text), .optional)
            }
            if held.isBlocker, let group = claim.group {
                unit.add(.free(group, of: claim.consumer, behind: claim.id), .optional)
            }
        case .retry:
            if let timer = held.timer {
                unit.add(.putOff(timer, of: claim, until: commitment.run.retryAt ?? now), .optional)
            }
        case .dead(_, let letter, let parks):
            if let timer = held.timer { unit.add(.end(timer, of: claim.id.text), .optional) }
            if parks, let group = claim.group {
                let parked = Item.parked(
                    group, behind: claim, fence: commitment.lease.fence, until: commitment.keepUntil, at: now)
                unit.add(.park(parked, at: now), .optional)
            }
            if let letter {
                for item in ShelfItem.items(letter, queue: claim.consumer, message: claim.messageID, at: now) {
                    unit.add(.put(item), .optional)
                }
            }
        }
        unit.lines.append(JournalLine(entry: JournalEntry(commitment, of: claim, at: now), body: claim.payload))
        if let excess = unit.excess {
            return .failure(NoUnit(result: .refused(Failure(.handleTooLarge, claim.handler.text, excess))))
        }
        return .success(unit)
    }

    /// The row of each identity. A business key is remembered of what was done alone.
    private func record(_ commitment: Commitment, _ held: HeldClaim, in unit: inout CommitUnit, at now: Instant) {
        let fence = commitment.lease.fence
        let isDone = if case .done = commitment.verdict { true } else { false }
        for identity in held.identities {
            let write: Write
            let condition = Self.isHeld(fence)
            if !isDone, let old = identity.old, old.item.text("state") == LedgerAccount.State.done.rawValue {
                let left = identity.match == .businessKey ? old.released(version: fence) : old.recounting(commitment)
                write = .put(left.item, if: condition)
            } else if !isDone, identity.match == .businessKey {
                write = Write(identity.key, .delete, if: condition)
            } else {
                let row = LedgerItem.recording(identity.key, identity.match, held.claim, commitment, at: now)
                write = .put(row.item, if: condition)
            }
            unit.add(write, .claim(fence: fence))
        }
    }

    private func use(_ permit: Permit, by verdict: Commitment.Verdict, in unit: inout CommitUnit) {
        let key = TableLayout.permit(permit.event, of: permit.consumer)
        let same = Condition("#until = :until", [":until": .instant(permit.until)])
        if case .retry = verdict {
            unit.add(Write(key, .update("SET #begun = :one", [":one": .integer(1)]), if: same), .optional)
        } else {
            unit.add(Write(key, .delete, if: same), .optional)
        }
    }

    // MARK: - state that is being committed

    /// The versions that the writes will have, and what reads see from now on.
    private func versions(
        of commitment: Commitment, _ claim: Claimed, at now: Instant, _ shown: inout [(StateKey, UInt64)]
    ) -> [UInt64] {
        guard case .done(let effects) = commitment.verdict, effects.refusal(of: claim.handler) == nil else { return [] }
        return effects.writes.map { write in
            let version = nextNumber()
            let key = StateKey(handler: claim.handler, key: write.key)
            let value = PendingValue(value: write.value, version: version, expires: write.expires(from: now))
            memory.withLock { $0.pendingState[key] = value }
            shown.append((key, version))
            return version
        }
    }

    private func hide(_ shown: [(StateKey, UInt64)]) {
        memory.withLock { memory in
            for (key, version) in shown where memory.pendingState[key]?.version == version {
                memory.pendingState[key] = nil
            }
        }
    }
}
