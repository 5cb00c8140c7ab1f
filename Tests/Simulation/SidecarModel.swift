import Events
import Pipeline

/// One sidecar: the real pipeline and the real relay, a clock of its own, lives that end. Performs what they ask for
/// upon the world, and suffers the faults that the plan has for it.
final class SidecarModel {
    unowned(unsafe) let world: World
    let agenda: Agenda
    let shape: Shape
    let number: Int

    var pipeline: Pipeline
    var relay: Relay
    private(set) var generation = GenerationModel(number: 1)
    private(set) var generations: Set<Int> = [1]
    /// Answers to an earlier life are lost.
    private(set) var life = 0
    private var isUp = false
    private var isStopping = false
    private var restartsAfter: Int64 = 0
    private var frozenUntil: Int64 = 0
    /// How far its clock is ahead of the right one.
    private(set) var ahead: Int64
    private var armed = [UInt8](repeating: 0, count: Fault.allCases.count)
    /// What its workers are in, by event: the blame marks outlive the process.
    var running: [EventID: Int] = [:]
    /// By fence: the generation whose worker ran it.
    var ranIn: [UInt64: Int] = [:]
    /// The newest handles that it was told of, by message.
    var newest: [Int: ReceiptHandle] = [:]
    /// Whether it was told that nothing may begin, since its store is away.
    private(set) var knowsStoreAway = false
    private var watchesStore = false
    /// What the pipeline was told and has not taken.
    private var mail: [Input] = []
    /// Ticks that were asked for and have not come.
    private var ticks = 0
    /// Items whose visibility a call under way may still change.
    var extending: Set<ItemID> = []
    /// Items that wait until the bus has what their event published.
    var awaiting: [(parent: EventID, id: ItemID)] = []
    /// Where ``PlantedBug`` keeps what it needs.
    var handles: [ItemID: ReceiptHandle] = [:]

    init(_ number: Int, in world: World) {
        self.world = world
        self.number = number
        agenda = world.agenda
        shape = world.plan.shape
        ahead = world.plan.shape.skew.indices.contains(number) ? world.plan.shape.skew[number] : 0
        pipeline = Pipeline(generation.pipeline(of: world, seed: world.plan.seed &+ UInt64(number)))
        relay = Relay(giveUp: .milliseconds(world.plan.shape.giveUp), seed: world.plan.seed &+ UInt64(number))
    }

    var now: Instant { Agenda.instant(agenda.now + ahead) }
    /// The clock that leases go by: the shared store has one of its own.
    var storeClock: Instant { shape.storage == .shared ? agenda.instant : now }
    var isAtRest: Bool { !isUp || pipeline.inHand.messages == 0 }

    // MARK: - life

    func start(suspects: Set<EventID>) {
        let seed = world.plan.seed &+ UInt64(number) &+ UInt64(life) << 8
        isUp = true
        isStopping = false
        pipeline = Pipeline(generation.pipeline(of: world, seed: seed, suspects: suspects))
        relay = Relay(giveUp: .milliseconds(shape.giveUp), seed: seed)
        tell(.start)
        look(life)
        watchStore()
    }

    /// A shared store is asked once a second. Here only while it is away, and once more.
    func watchStore() {
        guard shape.storage == .shared, isUp, !watchesStore, world.isAway(.store) else { return }
        watchesStore = true
        let mine = life
        agenda.after(agenda.upTo(1_000)) { [self] in beat(mine) }
    }

    private func beat(_ mine: Int) {
        guard mine == life else { return }
        let isAway = world.isAway(.store)
        tell(.storeAway(isAway ? Failure(.storeUnavailable) : nil))
        watchesStore = isAway
        if isAway { agenda.after(1_000) { [self] in beat(mine) } }
    }

    /// The relay looks at the outbox when something was committed here, and now and then, since others commit, too.
    private func look(_ mine: Int) {
        guard mine == life else { return }
        tellRelay(.wake)
        if shape.storage == .shared { agenda.after(30_000) { [self] in look(mine) } }
    }

    func crash(away: Int64) {
        guard isUp else { return }
        end()
        let suspects = Set(running.keys)
        running = [:]
        agenda.after(away) { [self] in start(suspects: suspects) }
    }

    private func end() {
        world.log { "sidecar \(number) ends" }
        life += 1
        isUp = false
        frozenUntil = 0
        ticks = 0
        mail = []
        (knowsStoreAway, watchesStore) = (false, false)
        (newest, extending, awaiting, handles) = ([:], [], [], [:])
        if shape.storage == .ephemeral { world.promises.lostStore() }
        world.store.crashed()
    }

    func stop(grace: Int64, away: Int64) {
        guard isUp, !isStopping else { return }
        isStopping = true
        restartsAfter = away
        tell(.stop(deadline: now + .milliseconds(grace)))
    }

    func pipelineStopped() { tellRelay(.stop(deadline: now + .seconds(5))) }

    func relayStopped() {
        guard isStopping else { return }
        end()
        running = [:]
        agenda.after(restartsAfter) { [self] in start(suspects: []) }
    }

    func reload() {
        guard isUp else { return }
        generation = GenerationModel(number: generation.number + 1)
        tell(.adopt(generation.pipeline(of: world, seed: world.plan.seed)))
    }

    func freeze(for milliseconds: Int64) { frozenUntil = agenda.now + milliseconds }

    /// What comes while it stands still is taken in when it goes on.
    private func waits(_ work: @escaping () -> Void) -> Bool {
        guard agenda.now < frozenUntil else { return false }
        let mine = life
        agenda.at(frozenUntil) { [self] in if mine == life { work() } }
        return true
    }

    func setClock(by milliseconds: Int64) { ahead += milliseconds }

    // MARK: - faults

    func arm(_ fault: Fault) { armed[Int(fault.rawValue)] += 1 }
    func disarm() { armed = [UInt8](repeating: 0, count: armed.count) }

    /// Whether this call is the one that suffers it.
    func suffers(_ fault: Fault) -> Bool {
        guard armed[Int(fault.rawValue)] > 0 else { return false }
        armed[Int(fault.rawValue)] -= 1
        world.log { "sidecar \(number): \(fault)" }
        return true
    }

    // MARK: - inputs and actions

    /// The pipeline takes it at once, or its turn comes later and with all that came meanwhile.
    func tell(_ input: Input) {
        mail.append(input)
        guard mail.count == 1 else { return }
        if agenda.random.chance(50) { return deliver() }
        let mine = life
        agenda.after(agenda.upTo(3)) { [self] in if mine == life { deliver() } }
    }

    private func deliver() {
        if waits({ [self] in deliver() }) { return }
        let told = mail
        mail = []
        for input in told { learn(from: input) }
        if taken(told) > 0 { world.promises.bounded(self, taking: taken(told)) }
        let inputs = told.map(distorted)
        for input in inputs { world.trace?.add(agenda.now, number, input) }
        for action in pipeline.on(inputs, at: now) {
            if case .note = action { continue }
            world.trace?.add(agenda.now, number, action)
            for action in distorted(action) { perform(action) }
        }
        for case .deleted(_, let receipts, let failures) in told { world.promises.forgot(receipts, failures, self) }
    }

    private func learn(from input: Input) {
        switch input {
        case .storeAway(let failure): knowsStoreAway = failure != nil
        case .received(.success(let envelopes), _):
            for envelope in envelopes { newest[world.queue.number(of: envelope.messageID)] = envelope.receipt }
        default: break
        }
    }

    /// What the queue gave it in this step.
    private func taken(_ inputs: [Input]) -> Int {
        inputs.reduce(0) { count, input in
            if case .received(.success(let envelopes), _) = input { count + envelopes.count } else { count }
        }
    }

    func tellRelay(_ input: Relay.Input) {
        if waits({ [self] in tellRelay(input) }) { return }
        let input = distorted(input)
        world.trace?.add(agenda.now, number, input)
        for action in relay.on(input, at: now) {
            world.trace?.add(agenda.now, number, action)
            perform(distorted(action))
        }
    }

    /// The effect happens after one delay, the answer arrives after another: an end may fall before, between, after.
    /// `effect` gets whether the life that asked still lasts.
    func call(upTo most: Int64, _ effect: @escaping (_ lives: Bool) -> Input?) {
        let mine = life
        agenda.after(agenda.upTo(suffers(.slow) ? 30_000 : most)) { [self] in
            guard let answer = effect(mine == life) else { return }
            agenda.after(agenda.upTo(most)) { [self] in if mine == life { tell(answer) } }
        }
    }

    func callForRelay(upTo most: Int64, _ effect: @escaping (_ lives: Bool) -> Relay.Input?) {
        let mine = life
        agenda.after(agenda.upTo(most)) { [self] in
            guard let answer = effect(mine == life) else { return }
            agenda.after(agenda.upTo(most)) { [self] in if mine == life { tellRelay(answer) } }
        }
    }

    /// The process ends with the answer on its way.
    func dies(_ fault: Fault, lives: Bool) -> Bool {
        guard lives, suffers(fault) else { return false }
        crash(away: agenda.upTo(3_000))
        return true
    }

    private func perform(_ action: Action) {
        switch action {
        case .receive(let count): receive(count)
        case .verify(let ids, let envelopes): verify(ids, envelopes)
        case .claim(let ids, let requests): claim(ids, requests)
        case .run(let ids, let batch): run(ids, batch)
        case .commit(let ids, let commitments): commit(ids, commitments)
        case .refuse(let ids, let refusals): refuse(ids, refusals)
        case .awaitSent(let id, let parent): awaitSent(id, parent)
        case .sendLetter(let id, let letter, _): send(id, letter)
        case .delete(let ids, let receipts): delete(ids, receipts)
        case .giveBack(let ids, let changes): giveBack(ids, changes)
        case .extend(let ids, let extensions): extend(ids, extensions)
        case .release(let leases): release(leases)
        case .measure: measure()
        case .wake(let at):
            let mine = life
            ticks += 1
            world.promises.bounded(self, ticks: ticks)
            agenda.after((at - now).milliseconds) { [self] in
                guard mine == life else { return }
                ticks -= 1
                tell(.tick)
            }
        case .stopped: pipelineStopped()
        case .revoke, .note: break
        }
    }
}
