import Events
import Pipeline

// A batch where a second build of its handler is tried.

extension PluginHost {
    // MARK: - canary

    /// Each event runs in one of the builds; both together are the batch.
    func run(
        _ batch: Batch, by generation: HandlerGeneration?, with trial: Trial
    ) async throws(Failure) -> [Outcome] {
        let isTried = batch.assignments.map { trial.takes($0, isAlone: batch.isAlone) }
        let own = batch.only { !isTried[$0] }
        let second = batch.only { isTried[$0] }
        async let tried = outcomes(of: second, in: trial)
        let ran = await outcomes(of: own, by: generation)
        let outcomes = await tried
        if case .failure(let failure) = ran, second.assignments.isEmpty { throw failure }
        // The batch was run: what no worker could be had for comes back at once, and with company.
        var serving = (try? ran.get()) ?? own.assignments.map { _ in Outcome.unanswered }
        var rest = outcomes
        return isTried.map { $0 ? rest.removeFirst() : serving.removeFirst() }
    }

    private func outcomes(of batch: Batch, by generation: HandlerGeneration?) async -> Result<[Outcome], Failure> {
        guard !batch.assignments.isEmpty else { return .success([]) }
        let templates = generation?.stateKeys(of: batch.handler)
        let reader = StateReader(batch.handler, state, clock)
        do throws(Failure) {
            let outcomes = try await run(batch, isTrial: false, reader, templates)
            generation?.trial(of: batch.handler)?.servingRan(outcomes, at: clock.now)
            return .success(outcomes)
        } catch { return .failure(error) }
    }

    private func outcomes(of batch: Batch, in trial: Trial) async -> [Outcome] {
        guard !batch.assignments.isEmpty else { return [] }
        let reader = StateReader(batch.handler, state, clock)
        let ran: [Outcome]
        do throws(Failure) {
            ran = try await run(batch, isTrial: true, reader, trial.stateKeys)
        } catch { ran = batch.assignments.map { _ in .unanswered } }
        for outcome in ran { observer.note(.ran(.canary, outcome.inCanary), of: batch.handler) }
        let (outcomes, end) = trial.trialRan(ran, of: batch.assignments.map(\.event.id), at: clock.now)
        if let end { observer.note(.rolledBack(end), of: batch.handler) }
        return outcomes
    }

    // MARK: - shadow

    /// The serving build's outcomes count, and wait for nobody.
    func run(
        _ batch: Batch, by generation: HandlerGeneration?, shadowedBy trial: Trial, _ stage: ShadowStage
    ) async throws(Failure) -> [Outcome] {
        let templates = generation?.stateKeys(of: batch.handler)
        let reader = StateReader(batch.handler, state, clock, isKept: true)
        let record = CallRecord()
        let calls = CallMaker(services, keeping: record)
        let outcomes = try await run(batch, isTrial: false, reader, templates, calls: calls)
        // What was not answered is run again, and shadowed then.
        let isTried = zip(batch.assignments, outcomes).map { assignment, outcome in
            outcome.isAnswer && trial.takes(assignment, isAlone: batch.isAlone)
        }
        let copy = batch.only { isTried[$0] }
        guard !copy.assignments.isEmpty else { return outcomes }
        let serving = outcomes.indices.filter { isTried[$0] }.map { outcomes[$0] }
        let skipped = stage.add(ShadowRun(trial: trial, batch: copy, serving: serving, seen: reader.all, heard: record))
        for _ in 0..<skipped { observer.note(.ran(.shadow, .skipped), of: batch.handler) }
        return outcomes
    }

    /// Runs a copy, compares, and drops what it did.
    func perform(_ shadow: ShadowRun) async {
        let handler = shadow.batch.handler
        let reader = StateReader(handler, state, clock, seen: shadow.seen)
        let outcomes: [Outcome]
        do throws(Failure) {
            outcomes = try await run(
                shadow.batch, isTrial: true, reader, shadow.trial.stateKeys,
                calls: CallPlayback(record: shadow.heard))
        } catch { outcomes = shadow.batch.assignments.map { _ in .unanswered } }
        for ((assignment, serving), outcome) in zip(zip(shadow.batch.assignments, shadow.serving), outcomes) {
            let difference = Difference(serving: serving, trial: outcome)
            observer.note(.ran(.shadow, difference?.result ?? .same), of: handler)
            if let difference { observer.note(.differed(assignment.event.id, difference.explanation), of: handler) }
        }
    }
}

/// Copies of events, with what the serving build made of them.
struct ShadowRun: Sendable {
    let trial: Trial
    let batch: Batch
    let serving: [Outcome]
    let seen: [Lease: [Bytes: StateValue]]
    let heard: CallRecord
}

/// Between the events and the shadows: bounded, so that slow shadows are skipped rather than waited for.
struct ShadowStage: Sendable {
    static let lanes = 4
    let runs: AsyncStream<ShadowRun>
    private let queue: AsyncStream<ShadowRun>.Continuation

    init() { (runs, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Limits.shadowBatches)) }

    /// - Returns: how many events were skipped.
    func add(_ run: ShadowRun) -> Int {
        if case .enqueued = queue.yield(run) { 0 } else { run.batch.assignments.count }
    }
}

extension Batch {
    fileprivate func only(_ isWanted: (Int) -> Bool) -> Batch {
        let wanted = assignments.indices.filter(isWanted).map { assignments[$0] }
        return Batch(handler: handler, assignments: wanted, isAlone: isAlone, generation: generation)
    }
}

extension Outcome {
    fileprivate var isAnswer: Bool {
        switch self {
        case .done, .retry, .reject, .wait: true
        case .unanswered, .suspect, .struck: false
        }
    }
}
