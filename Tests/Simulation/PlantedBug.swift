import Events
import Pipeline

/// Mistakes that a sidecar or a store could make, each planted at the edge of the real pipeline: it changes an action,
/// an answer or the model of the store, never the product. A simulation that does not find them proves nothing.
public enum PlantedBug: String, Sendable, CaseIterable {
    // The edge of the queue.

    /// The message goes when the handler is done, not when that is durable.
    case deleteBeforeCommit
    /// A beat is taken for answered while it is on its way, and meets a delete.
    case beatDuringDelete
    /// A delete by an old handle, which deletes nothing, is taken for one.
    case staleDeleteIsFinal
    /// The letter is sent when the message has gone.
    case letterAfterDelete
    /// A message's group gets lost on the way in.
    case groupForgotten

    // The edge of the workers.

    /// Who was in a worker when another killed it gets a strike.
    case bystanderStruck
    /// A missing answer is taken for success.
    case missingIsDone
    /// After a reload the last answer of a batch is dropped.
    case answersOfOldGenerationDropped
    /// What failed verification runs.
    case refusedVerificationRuns

    // The store.

    /// Who lost its claim to another may still commit.
    case lostFenceTaken
    /// Beats renew the visibility alone.
    case leaseNotRenewed
    /// A copy of what is being run is run, too.
    case inFlightGranted
    /// What was done in the last second before a crash is forgotten.
    case doneForgotten
    case attemptsForgotten
    /// The counts by class of failure get lost.
    case classForgotten
    /// A commit that failed is taken for done.
    case failedCommitIsDone
    case keyIgnored
    case ageIgnored
    case parkForgotten
    /// An event whose id was done with another payload is deleted as a duplicate.
    case conflictIsDuplicate

    /// That the shared store is away does not reach the pipeline.
    case awayUnheard

    // The way out.

    /// All that an event publishes has one id.
    case publicationIDRepeated
    /// The outbox keeps what an undone commit wrote.
    case abortedSent
    /// When the bus took a part, all are taken for sent.
    case partlyPutIsSent
    case resourceOrderIgnored
    case outboxNotLeased
    case givenUpEarly

    // Reloads and bounds.

    /// A batch runs in the workers of the generation before.
    case workersOfOldGeneration
    /// What the generation before has run is committed as the work of the new one.
    case committedAsNewGeneration
    /// The room that a poll had asked for is given back twice when it ends.
    case roomGivenBackTwice

    /// Within how many seeds the simulation finds it.
    public var seeds: UInt64 {
        switch self {
        case .staleDeleteIsFinal, .leaseNotRenewed: 1_000
        case .doneForgotten, .outboxNotLeased, .parkForgotten, .lostFenceTaken, .awayUnheard: 200
        default: 50
        }
    }
}

extension SidecarModel {
    private var bug: PlantedBug? { world.bug }

    func distorted(_ action: Action) -> [Action] {
        guard let bug else { return [action] }
        switch (bug, action) {
        case (_, .verify(let ids, let envelopes)):
            for (id, envelope) in zip(ids, envelopes) { handles[id] = envelope.receipt }
        case (.deleteBeforeCommit, .commit(let ids, _)):
            for id in ids { if let receipt = handles[id] { deleteAtOnce(receipt) } }
        case (.letterAfterDelete, .sendLetter(let id, let letter, _)):
            let mine = life
            agenda.after(1) { [self] in if mine == life { tell(.letterSent(id, nil)) } }
            agenda.after(2_000) { [self] in if mine == life { world.accept(letter) } }
            return []
        case (.beatDuringDelete, .extend(let ids, let extensions)):
            agenda.after(1) { [self, mine = life] in
                guard mine == life else { return }
                let nothing = [Failure?](repeating: nil, count: ids.count)
                tell(.extended(ids, nothing, held: extensions.map { _ in true }))
            }
        case (.keyIgnored, .claim(let ids, let requests)):
            return [.claim(ids, requests.map { $0.changed(businessKey: nil, rules: $0.rules) })]
        case (.ageIgnored, .claim(let ids, let requests)):
            let forever = AgeRules(maximumAge: .days(1_000), window: .days(1_000))
            return [.claim(ids, requests.map { $0.changed(businessKey: $0.businessKey, rules: forever) })]
        case (.workersOfOldGeneration, .run(let ids, let batch)) where batch.generation > 1:
            return [.run(ids, batch.inWorkers(of: batch.generation - 1))]
        case (.committedAsNewGeneration, .commit(let ids, let commitments)):
            return [.commit(ids, commitments.map { $0.by(generation.number) })]
        default: break
        }
        return [action]
    }

    private func deleteAtOnce(_ receipt: ReceiptHandle) {
        agenda.after(1) { [self] in _ = delete(receipt) }
    }

    func distorted(_ input: Input) -> Input {
        guard let bug else { return input }
        switch (bug, input) {
        case (.staleDeleteIsFinal, .deleted(let ids, let receipts, let failures)):
            let current = receipts.map { receipt in
                world.queue.place(of: receipt).flatMap { newest[$0] } ?? receipt
            }
            return .deleted(ids, receipts: current, failures)
        case (.awayUnheard, .storeAway): return .storeAway(nil)
        case (.groupForgotten, .received(.success(let envelopes), let asked)):
            return .received(.success(envelopes.map(\.withoutGroup)), asked: asked)
        case (.roomGivenBackTwice, .received(let result, let asked)):
            return .received(result, asked: 2 * asked)
        case (.bystanderStruck, .answered(let handler, let ids, .success(let outcomes))):
            let hasSuspect = outcomes.contains { if case .suspect = $0 { true } else { false } }
            guard hasSuspect else { return input }
            return .answered(
                handler, ids,
                .success(outcomes.map { if case .unanswered = $0 { .struck(Failure(.handleCrashed)) } else { $0 } }))
        case (.missingIsDone, .answered(let handler, let ids, .success(let outcomes))):
            return .answered(
                handler, ids, .success(outcomes.map { if case .unanswered = $0 { .done(.none) } else { $0 } }))
        case (.answersOfOldGenerationDropped, .answered(let handler, let ids, .success(let outcomes))):
            guard generation.number > 1, ids.count > 1 else { return input }
            return .answered(handler, Array(ids.dropLast()), .success(Array(outcomes.dropLast())))
        case (.failedCommitIsDone, .committed(let ids, .failure)):
            return .committed(ids, .success(ids.map { _ in .committed }))
        default: return input
        }
    }

    func distorted(_ result: Result<Event, Failure>, of envelope: Envelope) -> Result<Event, Failure> {
        guard bug == .refusedVerificationRuns, let event = world.promises.events[Script.number(envelope.body)]
        else { return result }
        return .success(event)
    }

    func distorted(_ input: Relay.Input) -> Relay.Input {
        guard bug == .partlyPutIsSent, case .put(let entries, let failures) = input,
            failures.contains(where: { $0 == nil })
        else { return input }
        return .put(entries, entries.map { _ in nil })
    }

    func distorted(_ action: Relay.Action) -> Relay.Action {
        guard bug == .givenUpEarly, case .settle(let results) = action else { return action }
        return .settle(
            results.map { result in
                guard case .retry = result.end else { return result }
                return PublicationResult(row: result.row, end: .gaveUp(Failure(.publishGaveUp)))
            })
    }
}

extension StoreModel {
    func distorted(_ judgement: Dedup.Judgement, of request: ClaimRequest, at now: Instant) -> Dedup.Judgement {
        switch (bug, judgement) {
        case (.inFlightGranted, .inFlight): .grant(History(firstSeen: now))
        case (.conflictIsDuplicate, .refuse(let failure)) where failure.code == .dedupConflict: .done
        default: judgement
        }
    }

    func distortAtRestart() {
        switch bug {
        case .doneForgotten:
            let recent = agenda.now - 1_000
            removeRows { $0.state == .done && $0.at >= recent }
        case .attemptsForgotten: update { $0.history.attempts = 0 }
        default: break
        }
    }
}

extension ClaimRequest {
    func changed(businessKey: Digest?, rules: AgeRules) -> ClaimRequest {
        ClaimRequest(
            consumer: consumer, messageID: messageID, event: event, handler: handler, businessKey: businessKey,
            group: group, sentAt: sentAt, deliveries: deliveries, rules: rules, lease: lease)
    }
}

extension Batch {
    func inWorkers(of generation: Int) -> Batch {
        Batch(
            handler: handler, assignments: assignments, isAlone: isAlone, generation: generation,
            isCritical: isCritical, spares: spares)
    }
}

extension Commitment {
    func by(_ generation: Int) -> Commitment {
        Commitment(
            lease: lease, verdict: verdict, history: history, keepUntil: keepUntil, generation: generation, run: run)
    }
}

extension Envelope {
    var withoutGroup: Envelope {
        Envelope(
            messageID: messageID, receipt: receipt, body: body, sentAt: sentAt, firstReceivedAt: firstReceivedAt,
            receiveCount: receiveCount)
    }
}
