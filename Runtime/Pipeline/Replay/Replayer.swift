public import Events

/// Gives recorded events to their handlers again, one after the other: each alone, so that a death is its own.
///
/// In shadow nothing of it stays. Applied, an event is claimed and committed like one from a queue: dedup has its say,
/// and a permit lets it run once more; what does not end as done leaves nothing behind, not even the permit.
public struct Replayer: Sendable {
    /// What is asked of the world.
    public struct Surroundings: Sendable {
        public var records: any EventRecords
        public var rehearsal: any Rehearsal
        public var host: any HandlerHost
        public var ledger: any Ledger
        public var control: any LedgerControl
        /// `api.unsupported` for a handler that cannot run so.
        public var stage: @Sendable (HandlerID) -> Result<ReplayStage, Failure>
        public var clock: any WallClock
        /// Ends early when the task is cancelled.
        public var sleep: @Sendable (Duration) async -> Void

        public init(
            records: any EventRecords, rehearsal: any Rehearsal, host: any HandlerHost, ledger: any Ledger,
            control: any LedgerControl, stage: @escaping @Sendable (HandlerID) -> Result<ReplayStage, Failure>,
            clock: any WallClock,
            sleep: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
        ) {
            self.records = records
            self.rehearsal = rehearsal
            self.host = host
            self.ledger = ledger
            self.control = control
            self.stage = stage
            self.clock = clock
            self.sleep = sleep
        }
    }

    private let world: Surroundings

    public init(_ world: Surroundings) { self.world = world }

    /// - Parameter author: who and why, for the journal.
    /// - Throws: `store.*`: what was reported by earlier requests counts.
    public func replay(
        _ query: ReplayQuery, _ plan: ReplayPlan, by author: String
    ) async throws(Failure) -> ReplayReport {
        let page = try await world.records.page(query, atMost: min(max(plan.atMost, 1), Limits.replayPage))
        var report = ReplayReport()
        report.withoutPayload = page.withoutPayload
        report.next = page.next
        for (index, recorded) in page.events.enumerated() {
            if index > 0 { await world.sleep(.milliseconds(Int64(1_000 / max(plan.rate, 0.01)))) }
            let isLate = plan.deadline.map { world.clock.now >= $0 } ?? false
            if index > 0, isLate || Task.isCancelled {
                report.next = page.events[index - 1].number
                // They are met again.
                report.withoutPayload = 0
                break
            }
            report.events.append(try await run(recorded, plan, author))
        }
        return report
    }

    private func run(
        _ recorded: RecordedEvent, _ plan: ReplayPlan, _ author: String
    ) async throws(Failure) -> ReplayedEvent {
        switch world.stage(recorded.handler) {
        case .failure(let failure): return ReplayedEvent(recorded, .skipped, failure)
        case .success(let stage):
            if plan.applies { return try await apply(recorded, on: stage, author) }
            // No claim has a fence so high: what is late from a worker is nobody else's.
            let lease = Lease(fence: .max - UInt64(clamping: recorded.number))
            return await outcome(of: recorded, lease, on: stage) { batch async throws(Failure) in
                try await world.rehearsal.rehearse(batch)
            }
        }
    }

    private func outcome(
        of recorded: RecordedEvent, _ lease: Lease, attempt: Int = 1, on stage: ReplayStage,
        _ run: (Batch) async throws(Failure) -> [Outcome]
    ) async -> ReplayedEvent {
        let assignment = Assignment(
            event: recorded.event, lease: lease, attempt: attempt, deliveries: 1, group: nil, sentAt: recorded.sentAt)
        let batch = Batch(
            handler: recorded.handler, assignments: [assignment], isAlone: true, generation: stage.generation)
        do throws(Failure) {
            return ReplayedEvent(recorded, try await run(batch).first ?? .unanswered)
        } catch { return ReplayedEvent(recorded, .failed, error) }
    }

    // MARK: - for real

    private func apply(
        _ recorded: RecordedEvent, on stage: ReplayStage, _ author: String
    ) async throws(Failure) -> ReplayedEvent {
        let event = recorded.event
        let key: Digest?
        switch stage.keys.businessKey(of: event, for: recorded.handler) {
        case .failure(let failure): return ReplayedEvent(recorded, .skipped, failure)
        case .success(let digest): key = digest
        }
        let now = world.clock.now
        let permit = Permit(consumer: recorded.queue, event: event.id.text, until: now + Limits.permit)
        try await world.control.permit([permit], [entry(for: recorded, author, at: now)])
        let request = ClaimRequest(
            consumer: recorded.queue, messageID: recorded.message, event: event, handler: recorded.handler,
            businessKey: key, sentAt: recorded.sentAt,
            rules: AgeRules(maximumAge: Limits.longestWindow, window: Limits.longestWindow),
            lease: stage.deadline + Limits.replayLease)
        switch try await world.ledger.claim([request], at: now).first {
        case .granted(let lease, let history):
            let replayed = await outcome(
                of: recorded, lease, attempt: history.attempts + 1, on: stage
            ) { batch async throws(Failure) in try await world.host.run(batch) }
            return try await commit(replayed, lease, history, stage, permit)
        case .inFlight:
            try await take(back: permit)
            let cause = "it, or another event of its business key, is being run"
            return ReplayedEvent(recorded, .skipped, Failure(.dedupInFlight, event.id.text, cause))
        case .refused(let failure), .dead(let failure):
            try await take(back: permit)
            return ReplayedEvent(recorded, .skipped, failure)
        case .done, nil:
            try await take(back: permit)
            return ReplayedEvent(recorded, .skipped)
        }
    }

    private func commit(
        _ replayed: ReplayedEvent, _ lease: Lease, _ history: History, _ stage: ReplayStage, _ permit: Permit
    ) async throws(Failure) -> ReplayedEvent {
        let now = world.clock.now
        var (replayed, failure) = (replayed, Failure?.none)
        if replayed.word == .done {
            let commitment = Commitment(
                lease: lease, verdict: .done(replayed.effects), history: history,
                keepUntil: now + Limits.longestWindow, generation: stage.generation)
            switch try await world.ledger.commit([commitment], at: now).first {
            case .committed:
                replayed.isApplied = true
                return replayed
            case .refused(let refusal): failure = refusal
            default: failure = Failure(.handleStateConflict, "", "its claim or its state moved meanwhile")
            }
        }
        await world.ledger.release([lease])
        try await take(back: permit)
        return failure.map { ReplayedEvent(replayed.recorded, .retry, $0) } ?? replayed
    }

    private func take(back permit: Permit) async throws(Failure) {
        try await world.control.permit(
            [Permit(consumer: permit.consumer, event: permit.event, until: .distantPast)], [])
    }

    private func entry(for recorded: RecordedEvent, _ author: String, at now: Instant) -> JournalEntry {
        var entry = JournalEntry(time: now, kind: .letter, direction: .incoming, outcome: .permitted)
        let event = recorded.event
        (entry.queue, entry.message) = (recorded.queue.text, recorded.message.text)
        entry.handler = recorded.handler.text
        (entry.issuer, entry.event, entry.source) = (event.id.issuer, event.id.text, event.source)
        (entry.detailType, entry.resource) = (event.detailType, event.resource)
        (entry.correlationID, entry.payload) = (event.trace.correlationID, event.payloadDigest)
        entry.cause = "a replay, \(author)"
        return entry
    }
}
