import Events
import Pipeline

/// What the relay asks of the outbox and of the bus.
extension SidecarModel {
    func perform(_ action: Relay.Action) {
        switch action {
        case .read(let count, let excluding): read(count, excluding)
        case .put(let publications): put(publications)
        case .settle(let results): settle(results)
        case .wake(let at):
            let mine = life
            agenda.after((at - now).milliseconds) { [self] in if mine == life { tellRelay(.wake) } }
        case .stopped: relayStopped()
        case .note: break
        }
    }

    /// What a row is leased to: a life, not a name. What an earlier life sends may still be on its way.
    private var owner: Int { life * 16 + number }

    private func read(_ count: Int, _ excluding: Set<Int64>) {
        callForRelay(upTo: 15) { [self] lives in
            guard lives || shape.storage == .shared else { return nil }
            if world.isAway(.store) || suffers(.outboxReadFails) { return .due(.failure(Failure(.storeUnavailable))) }
            return .due(.success(world.store.outbox.due(atMost: count, excluding: excluding, by: owner)))
        }
    }

    private func put(_ publications: [Publication]) {
        world.promises.putting(publications, self)
        callForRelay(upTo: suffers(.slow) ? 30_000 : 200) { [self] lives in
            world.promises.hasPut(publications, self)
            let signed = publications.map {
                SignedPublication(publication: $0, detail: $0.draft.detail, signedAt: now)
            }
            let answers = put(signed, isPartial: suffers(.putPartly), isRefused: suffers(.putRefused))
            if dies(.diesAfterPut, lives: lives) { return nil }
            let lost = Failure(.publishUnavailable, "", "lost reply")
            return .put(signed, suffers(.putReplyLost) ? signed.map { _ in lost } : answers)
        }
    }

    private func put(_ entries: [SignedPublication], isPartial: Bool, isRefused: Bool) -> [Failure?] {
        if world.isAway(.bus) || suffers(.putFails) { return entries.map { _ in Failure(.publishUnavailable) } }
        return entries.enumerated().map { place, entry in
            if isPartial, agenda.random.chance(50) { return Failure(.publishThrottled) }
            if isRefused, place == 0 { return Failure(.publishRefused) }
            world.log { "the bus takes \(entry.publication.id)" }
            world.promises.took(entry.publication, inOrder: world.bus.take(entry.publication), world)
            return nil
        }
    }

    private func settle(_ results: [PublicationResult]) {
        world.promises.settling(results, self)
        let (ahead, mine) = (self.ahead, owner)
        callForRelay(upTo: 15) { [self] lives in
            guard lives || shape.storage == .shared else { return nil }
            if world.isAway(.store) || suffers(.outboxSettleFails) { return .settled(Failure(.storeUnavailable)) }
            world.store.outbox.settle(results, by: mine, ahead: ahead)
            return .settled(suffers(.outboxSettleReplyLost) ? Failure(.storeUnavailable) : nil)
        }
    }
}
