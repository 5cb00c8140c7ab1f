public import Events
import Glibc

/// The ports that one queue's pipeline works with.
public struct PipelinePorts: Sendable {
    public var queue: any EventQueue
    /// `nil` where the store keeps the letters.
    public var deadLetters: (any DeadLetterQueue)?
    public var quarantine: (any DeadLetterQueue)?
    public var verifier: any Verifier
    public var ledger: any Ledger
    /// `nil` where the store outlives the pod.
    public var receipts: (any PublicationReceipts)?
    public var host: any HandlerHost
    public var observer: any PipelineObserver
    public var clock: any WallClock

    public init(
        queue: any EventQueue, deadLetters: (any DeadLetterQueue)?, quarantine: (any DeadLetterQueue)?,
        verifier: any Verifier, ledger: any Ledger, receipts: (any PublicationReceipts)?, host: any HandlerHost,
        observer: any PipelineObserver, clock: any WallClock
    ) {
        self.queue = queue
        self.deadLetters = deadLetters
        self.quarantine = quarantine
        self.verifier = verifier
        self.ledger = ledger
        self.receipts = receipts
        self.host = host
        self.observer = observer
        self.clock = clock
    }
}

/// The edge of the pipeline: performs its actions, each in a child task, and feeds it what came of them.
///
/// One runner a queue. `run` returns when the pipeline has stopped.
public final class PipelineRunner: Sendable {
    private let ports: PipelinePorts
    private let name: QueueName
    private let pollWait: Duration
    /// Bounded by what the pipeline asks for: each action is answered once.
    private let inbox = Inbox<Mail>()

    private enum Mail: Sendable {
        case input(Input)
        /// Behind a reference: a stream's continuation has no size that the compiler knows, and so had all mail.
        case question(Question)
    }
    /// What is in hand under a name; the answer is one element.
    private final class Question: Sendable {
        let name: String
        let answer: AsyncStream<[Standing]>.Continuation

        init(_ name: String, _ answer: AsyncStream<[Standing]>.Continuation) {
            self.name = name
            self.answer = answer
        }
    }

    /// - Parameter pollWait: the long poll; a stop waits for the last one to end.
    public init(_ name: QueueName, ports: PipelinePorts, pollWait: Duration = Limits.pollWait) {
        self.ports = ports
        self.name = name
        self.pollWait = pollWait
    }

    /// Finish what runs, give back the rest.
    public func stop(deadline: Instant) { tell(.stop(deadline: deadline)) }
    public func pressure(area: String, _ failure: Failure?) { tell(.pressure(area: area, failure)) }
    /// A store that others may reach is away, or back: see ``Input/storeAway(_:)``.
    public func storeAway(_ failure: Failure?) { tell(.storeAway(failure)) }
    /// From its next step on the pipeline works by this generation.
    public func adopt(_ generation: PipelineGeneration) { tell(.adopt(generation)) }
    public func timers(_ due: [Event]) { tell(.timers(due)) }

    /// What of an event or a message is in hand now; see ``Pipeline/standing(of:)``. Between two of its steps, so a
    /// pipeline that does not run yet answers when it does; a cancelled task gets nothing.
    public func standing(of name: String) async -> [Standing] {
        let (answers, answer) = AsyncStream<[Standing]>.makeStream()
        guard inbox.add(.question(Question(name, answer))) else { return [] }
        for await standing in answers { return standing }
        return []
    }

    private func tell(_ input: Input) { inbox.add(.input(input)) }

    public func run(_ pipeline: sending Pipeline) async {
        tell(.start)
        defer {
            for case .question(let question) in inbox.close() { question.answer.finish() }
        }
        await withDiscardingTaskGroup { group in
            for await _ in inbox.arrivals {
                var inputs: [Input] = []
                for mail in inbox.take() {
                    switch mail {
                    case .input(let input): inputs.append(input)
                    case .question(let question):
                        question.answer.yield(pipeline.standing(of: question.name))
                        question.answer.finish()
                    }
                }
                let now = ports.clock.now
                for action in pipeline.on(inputs, at: now) {
                    switch action {
                    case .note(let event): ports.observer.note(event, of: name, at: now)
                    case .revoke(let lease): ports.host.revoke(lease)
                    case .stopped:
                        group.cancelAll()
                        return
                    default: group.addTask { if let answer = await self.perform(action) { self.tell(answer) } }
                    }
                }
            }
        }
    }

    private func note(_ event: PipelineEvent) {
        ports.observer.note(event, of: name, at: ports.clock.now)
    }

    /// How long a stage took, for its histogram.
    private func timed<Value>(
        _ stage: Stage, _ count: Int, _ work: () async -> Value
    ) async -> Value {
        let start = Self.uptime
        let value = await work()
        note(.stage(stage, count: count, took: Self.uptime - start))
        return value
    }

    /// Since some moment in the past. The instants of `ContinuousClock` have no size of their own that the compiler
    /// knows: a task would ask for room for each of them.
    private static var uptime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Duration(
            secondsComponent: Int64(time.tv_sec), attosecondsComponent: Int64(time.tv_nsec) * 1_000_000_000)
    }

    /// - Returns: what the pipeline is told of it.
    private func perform(_ action: Action) async -> Input? {
        switch action {
        case .receive(let count):
            return .received(await receive(count), asked: count)
        case .measure:
            return .measured(await measure())
        case .verify(let ids, let envelopes):
            return .verified(ids, await timed(.verify, ids.count) { await ports.verifier.verify(envelopes) })
        case .claim(let ids, let requests):
            return .claimed(ids, await timed(.dedup, ids.count) { await claim(requests) })
        case .run(let ids, let batch):
            return .answered(batch.handler, ids, await timed(.handle, ids.count) { await run(batch) })
        case .commit(let ids, let commitments):
            let start = Self.uptime
            let result = await timed(.settle, ids.count) { await commit(commitments) }
            if case .success = result { note(.committed(count: ids.count, took: Self.uptime - start)) }
            return .committed(ids, result)
        case .refuse(let ids, let refusals):
            return .refused(ids, await refuse(refusals))
        case .awaitSent(let id, let parent):
            return .sent(id, await ports.receipts?.sent(parent) ?? nil)
        case .sendLetter(let id, let letter, let isQuarantine):
            return .letterSent(id, await sendLetter(letter, isQuarantine))
        case .delete(let ids, let receipts):
            return .deleted(ids, receipts: receipts, await ports.queue.delete(receipts))
        case .giveBack(let ids, let changes):
            let failures = await ports.queue.changeVisibility(changes)
            return .returned(ids, receipts: changes.map(\.receipt), failures)
        case .extend(let ids, let extensions):
            return await extend(ids, extensions)
        case .release(let leases):
            await ports.ledger.release(leases)
            return nil
        case .wake(let at):
            let wait = max(.zero, at - ports.clock.now)
            return (try? await Task.sleep(for: wait)) == nil ? nil : .tick
        case .note, .revoke, .stopped: return nil
        }
    }

    private func receive(_ count: Int) async -> Result<[Envelope], Failure> {
        do throws(Failure) {
            return .success(try await ports.queue.receive(atMost: count, wait: pollWait))
        } catch { return .failure(error) }
    }

    private func measure() async -> Result<QueueDepth, Failure> {
        do throws(Failure) { return .success(try await ports.queue.depth()) } catch { return .failure(error) }
    }

    private func claim(_ requests: [ClaimRequest]) async -> Result<[Claim], Failure> {
        do throws(Failure) {
            return .success(try await ports.ledger.claim(requests, at: ports.clock.now))
        } catch { return .failure(error) }
    }

    private func run(_ batch: Batch) async -> Result<[Outcome], Failure> {
        do throws(Failure) { return .success(try await ports.host.run(batch)) } catch { return .failure(error) }
    }

    private func commit(_ commitments: [Commitment]) async -> Result<[CommitResult], Failure> {
        do throws(Failure) {
            return .success(try await ports.ledger.commit(commitments, at: ports.clock.now))
        } catch { return .failure(error) }
    }

    private func refuse(_ refusals: [Refusal]) async -> Failure? {
        do throws(Failure) {
            try await ports.ledger.refuse(refusals, at: ports.clock.now)
            return nil
        } catch { return error }
    }

    private func sendLetter(_ letter: DeadLetter, _ isQuarantine: Bool) async -> Failure? {
        guard let target = isQuarantine ? ports.quarantine ?? ports.deadLetters : ports.deadLetters else {
            return Failure(.settleDeadLetterUnavailable, "", "no dead-letter queue is configured")
        }
        do throws(Failure) {
            try await target.send(letter)
            return nil
        } catch { return error }
    }

    /// Visibility and lease, together and side by side.
    private func extend(_ ids: [ItemID], _ extensions: [Extension]) async -> Input {
        let visible = extensions.indices.filter { extensions[$0].visibility != nil }
        let leased = extensions.indices.filter { extensions[$0].lease != nil }
        async let changed = visible.isEmpty
            ? [] : ports.queue.changeVisibility(visible.compactMap { extensions[$0].visibility })
        async let renewed = leased.isEmpty
            ? [] : ports.ledger.renew(
                leased.compactMap { extensions[$0].lease }, until: extensions[leased[0]].leaseUntil)
        var failures = [Failure?](repeating: nil, count: ids.count)
        var held = [Bool](repeating: true, count: ids.count)
        for (place, failure) in zip(visible, await changed) { failures[place] = failure }
        for (place, isHeld) in zip(leased, await renewed) { held[place] = isHeld }
        return .extended(ids, failures, held: held)
    }
}
