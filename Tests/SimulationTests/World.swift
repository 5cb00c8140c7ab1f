@_spi(Verification) import Events
import Pipeline

/// The real pipeline in a hostile world: replies come late or never, the store refuses, the process dies, or gets
/// another generation, between any two steps. Everything follows from the seed.
final class World {
    static let start = Instant(unixSeconds: 1_790_000_000)

    let agenda: Agenda
    let queue: SimulatedQueue
    let ledger: SimulatedLedger
    let seed: UInt64
    private(set) var letters: [DeadLetter] = []
    private(set) var broken: [String] = []
    private(set) var crashes = 0
    private var pipeline: Pipeline
    private var generation = SimulatedGeneration(number: 1)
    /// By fence: the generation whose worker ran it.
    private var ranIn: [UInt64: Int] = [:]
    /// Replies to an earlier life are lost.
    private var life = 0
    private var running: [EventID: Int] = [:]
    private var isCalm = false
    private let stateKeys = 3
    /// The store of this world ends with the process; then a message goes when the bus has what its event published.
    let isEphemeral: Bool
    /// Events whose publications the bus has.
    private(set) var sent: Set<EventID> = []

    init(seed: UInt64) {
        self.seed = seed
        isEphemeral = seed % 7 == 0
        agenda = Agenda(seed: seed, start: Self.start)
        queue = SimulatedQueue(isFIFO: seed % 3 == 0, timeout: .seconds(30), agenda: agenda)
        ledger = SimulatedLedger(agenda)
        pipeline = Pipeline(generation.pipeline(isFIFO: seed % 3 == 0, isEphemeral: isEphemeral, seed: seed))
    }

    // MARK: - life

    /// Runs until the queue is empty and nothing is in hand, at most `hours` of virtual time.
    func run(crashes: Int, reloads: Int, hours: Int64) {
        tell(.start)
        for _ in 0..<crashes { agenda.after(agenda.delay(upTo: 120_000)) { [self] in crash() } }
        for _ in 0..<reloads { agenda.after(agenda.delay(upTo: 120_000)) { [self] in reload() } }
        agenda.after(.minutes(5)) { [self] in isCalm = true }
        let end = Self.start + .hours(hours)
        while agenda.step(until: end) {
            if pipeline.inHand.messages > 40 { violation("more in hand than admitted") }
            if isCalm, queue.left.isEmpty, pipeline.inHand.messages == 0 { return }
            if !broken.isEmpty { return }
        }
    }

    private func crash() {
        crashes += 1
        life += 1
        if isEphemeral { ledger.lose() } else { ledger.crash() }
        let suspects = Set(running.keys)
        running = [:]
        pipeline = Pipeline(
            generation.pipeline(
                isFIFO: queue.isFIFO, isEphemeral: isEphemeral, seed: seed &+ UInt64(crashes), suspects: suspects))
        agenda.after(agenda.delay(upTo: 2_000)) { [self] in tell(.start) }
    }

    private func reload() {
        generation = SimulatedGeneration(number: generation.number + 1)
        tell(.adopt(generation.pipeline(isFIFO: queue.isFIFO, isEphemeral: isEphemeral, seed: seed)))
    }

    func violation(_ text: String) { broken.append(text) }

    private func tell(_ input: Input) {
        for action in pipeline.on(input, at: agenda.now) { perform(action) }
    }

    /// The effect happens after one delay, the answer arrives after another: a crash may fall before, between, after.
    private func call(upTo milliseconds: Int64 = 400, _ effect: @escaping () -> Input?) {
        let mine = life
        agenda.after(agenda.delay(upTo: milliseconds)) { [self] in
            guard let answer = effect() else { return }
            agenda.after(agenda.delay(upTo: milliseconds)) { [self] in if mine == life { tell(answer) } }
        }
    }

    private func isFaulty(_ percent: Int) -> Bool { !isCalm && agenda.chance(percent) }

    private func perform(_ action: Action) {
        let mine = life
        switch action {
        case .receive(let count): poll(count, until: agenda.now + .seconds(20), mine)
        case .verify(let ids, let envelopes):
            call(upTo: 3) { [self] in .verified(ids, envelopes.map(verify)) }
        case .claim(let ids, let requests):
            call(upTo: 20) { [self] in
                if isFaulty(3) { return .claimed(ids, .failure(Failure(.storeUnavailable))) }
                // A claim made for a process that died is void: the embedded store keeps claims in its memory.
                return mine == life ? .claimed(ids, .success(ledger.claim(requests))) : nil
            }
        case .run(let ids, let batch): run(ids, batch)
        case .commit(let ids, let commitments): commit(ids, commitments)
        case .refuse(let ids, let refusals):
            call(upTo: 20) { [self] in
                if isFaulty(3) { return .refused(ids, Failure(.storeUnavailable)) }
                ledger.refuse(refusals)
                return .refused(ids, nil)
            }
        case .awaitSent(let id, let parent):
            call(upTo: 20_000) { [self] in
                guard mine == life else { return nil }
                sent.insert(parent)
                return .sent(id, nil)
            }
        case .sendLetter(let id, let letter, _):
            call { [self] in
                if isFaulty(10) { return .letterSent(id, Failure(.settleDeadLetterUnavailable)) }
                letters.append(letter)
                return .letterSent(id, isFaulty(10) ? Failure(.settleDeadLetterUnavailable, "", "lost reply") : nil)
            }
        case .delete(let ids, let receipts):
            call { [self] in
                let lost = [Failure?](repeating: Failure(.settleDeleteFailed), count: ids.count)
                if isFaulty(8) { return .deleted(ids, receipts: receipts, lost) }
                let answers = queue.delete(receipts, check: checkDelete)
                return .deleted(ids, receipts: receipts, isFaulty(8) ? lost : answers)
            }
        case .giveBack(let ids, let changes):
            call { [self] in .returned(ids, receipts: changes.map(\.receipt), queue.changeVisibility(changes)) }
        case .extend(let ids, let extensions): extend(ids, extensions)
        case .release(let leases): ledger.release(leases)
        case .wake(let at):
            agenda.after(max(.zero, at - agenda.now)) { [self] in if mine == life { tell(.tick) } }
        case .revoke, .note, .stopped: break
        }
    }

    private func poll(_ count: Int, until end: Instant, _ mine: Int) {
        call { [self] in
            if isFaulty(4) { return .received(.failure(Failure(.receiveUnavailable)), asked: count) }
            let envelopes = queue.receive(atMost: count)
            if envelopes.isEmpty, agenda.now < end {
                agenda.after(.milliseconds(500)) { [self] in if mine == life { poll(count, until: end, mine) } }
                return nil
            }
            if isFaulty(4) { return .received(.failure(Failure(.receiveUnavailable, "", "lost")), asked: count) }
            return .received(.success(envelopes), asked: count)
        }
    }

    private func extend(_ ids: [ItemID], _ extensions: [Extension]) {
        let mine = life
        call { [self] in
            let lost = isFaulty(10)
            let failures = extensions.map { each in
                lost ? Failure(.settleDelayFailed) : each.visibility.flatMap { queue.changeVisibility([$0])[0] }
            }
            let held = extensions.map { each in
                guard mine == life, let lease = each.lease else { return true }
                return ledger.renew([lease], until: each.leaseUntil)[0]
            }
            return .extended(ids, failures, held: held)
        }
    }

    private func commit(_ ids: [ItemID], _ commitments: [Commitment]) {
        let mine = life
        call(upTo: 30) { [self] in
            // The store dies with the process: what it had not begun it does not do.
            guard mine == life else { return nil }
            if commitments.contains(where: { ranIn[$0.lease.fence] != $0.generation }) {
                violation("a commitment names another generation than the one that ran it")
            }
            if isFaulty(4) { return .committed(ids, .failure(Failure(.storeUnavailable))) }
            let results = ledger.commit(commitments)
            if isFaulty(4) { return .committed(ids, .failure(Failure(.storeUnavailable, "", "unknown"))) }
            return .committed(ids, .success(results))
        }
    }

    // MARK: - events and their handler

    private func verify(_ envelope: Envelope) -> Result<Event, Failure> {
        let script = Script(envelope.body)
        switch script.kind {
        case .forged: return .failure(Failure(.verifyBadSignature))
        case .early where agenda.now - Self.start < .minutes(2): return .failure(Failure(.verifyUnknownKey))
        default: return .success(script.event(sentAt: envelope.sentAt))
        }
    }

    private func run(_ ids: [ItemID], _ batch: Batch) {
        let mine = life
        if isFaulty(2) {
            return call { .answered(batch.handler, ids, .failure(Failure(.handleWorkerUnavailable))) }
        }
        let seen = ledger.state
        let owner = SimulatedGeneration(number: batch.generation)
        for assignment in batch.assignments {
            running[assignment.event.id, default: 0] += 1
            ranIn[assignment.lease.fence] = batch.generation
            if owner.handler(of: Script(assignment.event.detail)) != batch.handler {
                violation("\(assignment.event.id.text) went to a handler that its generation does not route it to")
            }
        }
        let killers = batch.assignments.filter { Script($0.event.detail).kind == .poison }
        call(upTo: 1_500) { [self] in
            guard mine == life else { return nil }
            for assignment in batch.assignments { running[assignment.event.id] = nil }
            if batch.generation < generation.number, agenda.chance(20) {
                // It came too late for a worker of its generation.
                return .answered(batch.handler, ids, .failure(Failure(.handleWorkerUnavailable)))
            }
            let outcomes = batch.assignments.map { assignment -> Outcome in
                guard let killer = killers.first else { return outcome(of: assignment, seen: seen) }
                guard killer.event.id == assignment.event.id else { return .unanswered }
                return batch.isAlone ? .struck(Failure(.handleCrashed, assignment.event.id.text)) : .suspect
            }
            return .answered(batch.handler, ids, .success(outcomes))
        }
    }

    private func outcome(of assignment: Assignment, seen: [Bytes: (value: Int, version: UInt64)]) -> Outcome {
        let script = Script(assignment.event.detail)
        switch script.kind {
        case .rejected: return .reject(Reason(code: "never"))
        case .stubborn: return .retry(after: nil, Reason(code: "again"))
        case .twice where assignment.attempt < 3: return .retry(after: nil, Reason(code: "again"))
        case .waiting where agenda.now - Self.start < .minutes(3): return .wait(after: nil, Reason(code: "down"))
        default: break
        }
        if isFaulty(2) { return .unanswered }
        let key = Bytes("key\(script.number % stateKeys)")
        let old = seen[key] ?? (0, 0)
        let write = StateWrite(key: key, value: Bytes(String(old.value + 1)), expected: nil)
        let draft = Draft(
            source: "sim", detailType: "out", resource: "", correlationID: "", detail: Bytes("{}"), attributes: [])
        return .done(
            Effects(reads: [StateRead(key: key, version: old.version)], writes: [write], drafts: [draft]))
    }

    // MARK: - promise 1, at every delete

    private func checkDelete(_ message: SimulatedQueue.Message) {
        let script = Script(message.body)
        let hasLetter = letters.contains { $0.failure.contains("\"\(message.id.text)\"") }
        let event = script.event(sentAt: message.sentAt).id
        if isEphemeral, script.endsDone, sent.contains(event) || hasAnotherCopy(message) { return }
        switch ledger.rows[event]?.state {
        case .done where script.kind != .forged && !isEphemeral: return
        default:
            if !hasLetter && !isDuplicateOfDone(script) {
                violation("\(message.id) \(message.body.text) was deleted before its outcome was durable")
            }
        }
    }

    /// A repeat may go while a message of the same work is in the queue, which is then the copy that counts.
    private func hasAnotherCopy(_ message: SimulatedQueue.Message) -> Bool {
        let script = Script(message.body)
        return queue.left.contains { other in
            let its = Script(other.body)
            return other.id != message.id && (its.name == script.name || script.key != nil && its.key == script.key)
        }
    }

    private func isDuplicateOfDone(_ script: Script) -> Bool {
        script.kind == .sameKey && ledger.rows.values.contains {
            $0.state == .done && Script($0.event.detail).key == script.key
        }
    }
}
