import Events
import Pipeline

/// What a sidecar asks of the queue and of the dead-letter queue.
extension SidecarModel {
    func receive(_ count: Int) {
        let mine = life
        let end = agenda.now + 20_000
        agenda.after(agenda.upTo(100)) { [self] in
            guard mine == life else { return }
            if world.isAway(.queue) || suffers(.receiveFails) {
                return answer(.failure(Failure(.receiveUnavailable)), count, mine)
            }
            if serve(count, mine, isLast: false) { return }
            world.queue.wait(until: end) { [self] isLast in serve(count, mine, isLast: isLast) }
        }
    }

    /// - Returns: true once the poll has its answer, or nobody waits for it any more.
    private func serve(_ count: Int, _ mine: Int, isLast: Bool) -> Bool {
        guard mine == life else { return true }
        let result = world.queue.receive(atMost: count, repeats: suffers(.receiveRepeats))
        if case .success(let envelopes) = result, envelopes.isEmpty, !isLast { return false }
        let isLost = suffers(.receiveReplyLost)
        answer(isLost ? .failure(Failure(.receiveUnavailable, "", "lost")) : result, count, mine)
        return true
    }

    private func answer(_ result: Result<[Envelope], Failure>, _ count: Int, _ mine: Int) {
        agenda.after(agenda.upTo(100)) { [self] in
            if mine == life { tell(.received(result, asked: count)) }
        }
    }

    func delete(_ ids: [ItemID], _ receipts: [ReceiptHandle]) {
        world.promises.touches(ids, self)
        call(upTo: 300) { [self] lives in
            let lost = [Failure?](repeating: Failure(.settleDeleteFailed), count: ids.count)
            if world.isAway(.queue) || suffers(.deleteFails) { return .deleted(ids, receipts: receipts, lost) }
            let isPartial = suffers(.deletePartly)
            let answers = receipts.map { receipt in
                isPartial && agenda.random.chance(50)
                    ? Failure(.settleDeleteFailed, "", "this entry failed") : delete(receipt)
            }
            if dies(.diesAfterDelete, lives: lives) { return nil }
            return .deleted(ids, receipts: receipts, suffers(.deleteReplyLost) ? lost : answers)
        }
    }

    func delete(_ receipt: ReceiptHandle) -> Failure? {
        let (deletion, failure) = world.queue.delete(receipt)
        guard deletion == .deleted, let place = world.queue.place(of: receipt) else { return failure }
        world.log { "the queue deletes m\(place)" }
        world.promises.deleting(world.queue.messages[place], in: world)
        if suffers(.deleteForgotten) { world.queue.forgetsDelete(receipt) }
        return failure
    }

    func giveBack(_ ids: [ItemID], _ changes: [VisibilityChange]) {
        world.promises.touches(ids, self)
        call(upTo: 300) { [self] _ in
            .returned(ids, receipts: changes.map(\.receipt), changeVisibility(changes))
        }
    }

    private func changeVisibility(_ changes: [VisibilityChange]) -> [Failure?] {
        let lost = [Failure?](repeating: Failure(.settleDelayFailed), count: changes.count)
        if world.isAway(.queue) || suffers(.delayFails) { return lost }
        let answers = changes.map { world.queue.changeVisibility($0) }
        return suffers(.delayReplyLost) ? lost : answers
    }

    func extend(_ ids: [ItemID], _ extensions: [Extension]) {
        let mine = life
        extending.formUnion(ids)
        call(upTo: 300) { [self] lives in
            if lives { extending.subtract(ids) }
            let visible = extensions.indices.filter { extensions[$0].visibility != nil }
            let answers = changeVisibility(visible.compactMap { extensions[$0].visibility })
            var failures = [Failure?](repeating: nil, count: ids.count)
            for (place, failure) in zip(visible, answers) { failures[place] = failure }
            let held = extensions.map { each in renew(each, mine) }
            return .extended(ids, failures, held: held)
        }
    }

    /// A store that cannot be asked has not said that the lease is lost.
    private func renew(_ beat: Extension, _ mine: Int) -> Bool {
        guard let lease = beat.lease, mine == life || shape.storage == .shared else { return true }
        if world.isAway(.store) || world.bug == .leaseNotRenewed { return true }
        let until = storeClock + (beat.leaseUntil - now)
        return world.store.renew(lease, until: until)
    }

    func send(_ id: ItemID, _ letter: DeadLetter) {
        call(upTo: 300) { [self] lives in
            if suffers(.letterRefused) { return .letterSent(id, Failure(.settleDeadLetterRefused)) }
            if world.isAway(.letters) || suffers(.letterFails) {
                return .letterSent(id, Failure(.settleDeadLetterUnavailable))
            }
            world.accept(letter)
            if dies(.diesAfterLetter, lives: lives) { return nil }
            let failure = Failure(.settleDeadLetterUnavailable, "", "lost reply")
            return .letterSent(id, suffers(.letterReplyLost) ? failure : nil)
        }
    }

    func measure() {
        call(upTo: 100) { [self] _ in
            .measured(
                world.isAway(.queue) ? .failure(Failure(.receiveUnavailable)) : .success(world.queue.depth))
        }
    }
}
