import Events
import Pipeline

/// What a sidecar asks of its verifier, its workers and its store.
extension SidecarModel {
    // MARK: - verify

    func verify(_ ids: [ItemID], _ envelopes: [Envelope]) {
        call(upTo: 3) { [self] _ in
            let isAway = world.isAway(.keys)
            return .verified(
                ids,
                envelopes.map { isAway ? .failure(Failure(.verifyKeysUnavailable)) : distorted(verify($0), of: $0) })
        }
    }

    private func verify(_ envelope: Envelope) -> Result<Event, Failure> {
        guard let script = world.scripts[Script.number(envelope.body)] else {
            return .failure(Failure(.verifyMalformed))
        }
        if script.kind == .forged { return .failure(Failure(.verifyBadSignature)) }
        let event = world.promises.events[script.number]
        let age = event.map { Agenda.milliseconds($0.signedAt) } ?? 0
        switch script.signedBy {
        case 1 where agenda.now < shape.keyAppears: return .failure(Failure(.verifyUnknownKey))
        case 2 where agenda.now >= shape.keyRetires && age >= shape.keyRetires:
            return .failure(Failure(.verifyUnknownKey))
        case 3 where agenda.now >= shape.keyRevoked: return .failure(Failure(.verifyNotAuthorised))
        default: break
        }
        guard let event else { return .failure(Failure(.verifyMalformed)) }
        world.promises.verified(script)
        return .success(event)
    }

    // MARK: - the store

    /// A call to a shared store reaches it though the process that made it is gone; an embedded one dies with it.
    private func reaches(_ lives: Bool) -> Bool { lives || shape.storage == .shared }

    func claim(_ ids: [ItemID], _ requests: [ClaimRequest]) {
        call(upTo: 15) { [self] lives in
            guard reaches(lives) else { return nil }
            let failure = Failure(.storeUnavailable)
            if world.isAway(.store) || suffers(.claimFails) { return .claimed(ids, .failure(failure)) }
            let claims = world.store.claim(requests, at: storeClock)
            if dies(.diesAfterClaim, lives: lives) { return nil }
            // Only the way to a shared store can lose an answer.
            let isLost = shape.storage == .shared && suffers(.claimReplyLost)
            return .claimed(ids, isLost ? .failure(failure) : .success(claims))
        }
    }

    func release(_ leases: [Lease]) {
        let mine = life
        agenda.after(agenda.upTo(5)) { [self] in
            if reaches(mine == life), !world.isAway(.store) { world.store.release(leases) }
        }
    }

    func commit(_ ids: [ItemID], _ commitments: [Commitment]) {
        call(upTo: 25) { [self] lives in
            guard reaches(lives) else { return nil }
            world.promises.committing(commitments, self)
            let failure = Failure(.storeUnavailable)
            if world.isAway(.store) || suffers(.commitFails) { return .committed(ids, .failure(failure)) }
            let results = commitments.map { world.store.commit($0, at: storeClock) }
            if commitments.contains(where: \.publishes) { wakeRelay() }
            if dies(.diesAfterCommit, lives: lives) { return nil }
            return .committed(ids, suffers(.commitReplyLost) ? .failure(failure) : .success(results))
        }
    }

    private func wakeRelay() {
        let mine = life
        agenda.after(5) { [self] in if mine == life { tellRelay(.wake) } }
    }

    func refuse(_ ids: [ItemID], _ refusals: [Refusal]) {
        call(upTo: 15) { [self] lives in
            guard reaches(lives) else { return nil }
            let failure = Failure(.storeUnavailable)
            if world.isAway(.store) || suffers(.refuseFails) { return .refused(ids, failure) }
            world.store.refuse(refusals)
            world.promises.refused(refusals)
            return .refused(ids, suffers(.refuseReplyLost) ? failure : nil)
        }
    }

    // MARK: - what waits for the bus

    func awaitSent(_ id: ItemID, _ parent: EventID) {
        awaiting.append((parent, id))
        publicationsEnded(of: parent)
    }

    func publicationsEnded(of parent: EventID) {
        guard !awaiting.isEmpty, !world.store.outbox.isWaiting(parent) else { return }
        let ended = awaiting.filter { $0.parent == parent }
        awaiting.removeAll { $0.parent == parent }
        for (_, id) in ended { call(upTo: 10) { [self] _ in .sent(id, world.store.outbox.failed[parent]) } }
    }

    // MARK: - workers

    func run(_ ids: [ItemID], _ batch: Batch) {
        let mine = life
        world.promises.running(batch, self)
        if suffers(.workerUnavailable) {
            return call(upTo: 50) { _ in .answered(batch.handler, ids, .failure(Failure(.handleWorkerUnavailable))) }
        }
        let seen = world.store.state
        var takes: Int64 = 1
        for assignment in batch.assignments {
            running[assignment.event.id, default: 0] += 1
            ranIn[assignment.lease.fence] = batch.generation
            takes = max(takes, script(assignment)?.takes ?? 1)
        }
        agenda.after(takes) { [self] in
            guard mine == life else { return }
            for assignment in batch.assignments { running[assignment.event.id] = nil }
            let result = results(of: batch, seen: seen)
            agenda.after(1) { [self] in if mine == life { tell(.answered(batch.handler, ids, result)) } }
        }
    }

    private func script(_ assignment: Assignment) -> Script? { world.scripts[Script.number(assignment.event.detail)] }

    private func results(
        of batch: Batch, seen: [Bytes: (value: Int, version: UInt64)]
    ) -> Result<[Outcome], Failure> {
        if batch.generation < generation.number, suffers(.workerEnds) {
            // It came too late for a worker of its generation.
            return .failure(Failure(.handleWorkerUnavailable))
        }
        let killer = batch.assignments.first { script($0)?.kind == .poison }
        let isMissing = suffers(.answerMissing)
        return .success(
            batch.assignments.map { assignment in
                guard let killer else { return isMissing ? .unanswered : outcome(of: assignment, seen: seen) }
                guard killer.event.id == assignment.event.id else { return .unanswered }
                return batch.isAlone ? .struck(Failure(.handleCrashed, assignment.event.id.text)) : .suspect
            })
    }

    private func outcome(
        of assignment: Assignment, seen: [Bytes: (value: Int, version: UInt64)]
    ) -> Outcome {
        guard let script = script(assignment) else { return .unanswered }
        switch script.kind {
        case .rejected: return .reject(Reason(code: "never"))
        case .mended where agenda.now < shape.mended: return .reject(Reason(code: "not-yet"))
        case .stubborn: return .retry(after: nil, Reason(code: "again"))
        case .twice where assignment.attempt < 3: return .retry(after: nil, Reason(code: "again"))
        case .throttled where assignment.attempt <= 3: return .retry(after: nil, Reason(code: "throttled"))
        case .throttled where assignment.attempt <= 5: return .retry(after: nil, Reason(code: "again"))
        case .waiting where agenda.now < shape.recovered: return .wait(after: nil, Reason(code: "down"))
        default: break
        }
        let key = Bytes([UInt8(script.number % shape.stateKeys)])
        let old = seen[key] ?? (0, 0)
        let write = StateWrite(key: key, value: Bytes(String(old.value + 1)), expected: nil)
        let drafts = (0..<script.drafts).map { place in
            Draft(
                source: "sim", detailType: "out", resource: "r\((script.resource + place) % shape.resources)",
                correlationID: "", detail: Bytes([]))
        }
        return .done(
            Effects(reads: [StateRead(key: key, version: old.version)], writes: [write], drafts: drafts))
    }
}

extension Commitment {
    var publishes: Bool {
        if case .done(let effects) = verdict { !effects.drafts.isEmpty } else { false }
    }
}
