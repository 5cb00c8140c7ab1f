public import Events

/// The way of a message, whole: receive, verify, route, dedup, handle, settle.
///
/// A state machine without I/O and without a clock: inputs in, actions out. ``PipelineRunner`` performs the actions
/// against the real world; the simulation performs them against a hostile one, under a seed. Each numbered file of
/// this folder is one stage: what enters it, what it decides, what leaves it.
public struct Pipeline {
    /// What it works by, until the next one is adopted.
    var generation: PipelineGeneration
    var settings: PipelineSettings { generation.settings }

    var hand = Hand()
    var admission: Admission
    var visibility: Visibility
    var groups = Groups()
    var workbenches: Workbenches
    var parked = Timetable()
    /// Within one step: what it found to be claimed.
    var claims: [Item] = []
    var commits = Batching(limit: Limits.storeBatch, lanes: 2)
    var refusals = Batching(limit: 64, lanes: 1)
    var deletions = Batching(limit: Limits.batchEntries, lanes: 8)
    var returns = Batching(limit: Limits.batchEntries, lanes: 1)
    var suspects: Set<EventID>
    /// Under the generation in force: the next event often goes where the last one went.
    var lastRouted: Routed?
    /// Within one step: what the generation in force routes elsewhere than the one that routed it.
    var displaced: [Item] = []
    var backlog = Backlog()
    var drain = Drain.running
    var random: SeededGenerator
    var storeErrors = 0
    /// When ticks were asked for that have not come, in order. Each is asked for once, or they never become fewer.
    private var ticks: [Instant] = []
    private var gaugedAt = Instant.distantPast
    var actions: [Action] = []
    /// What this step has to tell of the events' way, each kind in one note.
    var runs: [PipelineEvent.Run] = []
    var settlements: [PipelineEvent.Settlement] = []

    public init(_ generation: PipelineGeneration) {
        self.generation = generation
        let settings = generation.settings
        admission = Admission(settings)
        visibility = Visibility(
            timeout: settings.visibilityTimeout, received: settings.description.visibilityTimeout)
        workbenches = Workbenches(settings.handlers)
        suspects = settings.suspects
        random = SeededGenerator(seed: settings.seed)
    }

    /// One step: takes what happened, all that is known by now and in its order, and decides what follows. So what
    /// several calls brought goes on in one.
    public mutating func on(_ inputs: [Input], at now: Instant) -> [Action] {
        guard drain != .stopped else { return [] }
        for input in inputs { take(input, at: now) }
        advance(at: now)
        tellTheWay()
        gauge(at: now)
        defer { actions = [] }
        return actions
    }

    private mutating func take(_ input: Input, at now: Instant) {
        switch input {
        case .start: break
        case .tick: if !ticks.isEmpty { ticks.removeFirst() }
        case .pressure(let area, let failure): pause(area, failure)
        case .storeAway(let failure): storeAway(failure)
        case .stop(let deadline): stop(by: deadline, at: now)
        case .adopt(let next): adopt(next, at: now)
        // 1 receive: what the queue gave is ours from here on, and its visibility is kept up
        case .received(let result, let asked): received(result, asked: asked, at: now)
        case .timers(let events): received(timers: events, at: now)
        case .extended(let ids, let failures, let held): extended(ids, failures, held: held, at: now)
        case .measured(let result): measured(result)
        // 2 verify: an envelope becomes an event, or a quarantined letter; 3 route: which handler
        case .verified(let ids, let results): verified(ids, results, at: now)
        // 4 dedup: new, done, in flight, dead, refused
        case .claimed(let ids, let result): claimed(ids, result, at: now)
        // 5 handle: one frame to one worker, one outcome for each event
        case .answered(let handler, let ids, let result): answered(handler, ids, result, at: now)
        // 6 settle: one commit, then the queue
        case .committed(let ids, let result): committed(ids, result, at: now)
        case .refused(let ids, let failure): refused(ids, failure, at: now)
        case .sent(let id, let failure): sent(id, failure, at: now)
        case .letterSent(let id, let failure): letterSent(id, failure, at: now)
        case .deleted(let ids, let receipts, let failures): deleted(ids, receipts, failures, at: now)
        case .returned(let ids, let receipts, let failures): returned(ids, receipts, failures, at: now)
        }
    }

    /// Starts whatever has become possible, by the input or by time.
    private mutating func advance(at now: Instant) {
        resumeParked(at: now)
        repeat {
            rerouteDisplaced()
            claimBatches()
        } while !displaced.isEmpty
        extendDue(at: now)
        runBatches(at: now)
        settleBatches(at: now)
        poll(at: now)
        measure(at: now)
        finishDrain(at: now)
        guard drain != .stopped else { return }
        wake(after: now)
    }

    /// Asks for the next moment at which time alone makes something possible.
    private mutating func wake(after now: Instant) {
        var next = ticks.first { $0 > now } ?? .distantFuture
        var isSooner = false
        func consider(_ time: Instant?) {
            guard let time, time > now, time < next else { return }
            next = time
            isSooner = true
        }
        consider(parked.next)
        consider(visibility.next)
        consider(commits.next)
        consider(refusals.next)
        consider(deletions.next)
        consider(returns.next)
        consider(admission.next(probe: workbenches.probe))
        consider(workbenches.next(after: now))
        consider(backlog.next)
        consider(drain.deadline)
        guard isSooner else { return }
        ticks.insert(next, at: ticks.firstIndex { $0 > next } ?? ticks.endIndex)
        actions.append(.wake(at: next))
    }

    private mutating func resumeParked(at now: Instant) {
        for id in parked.takeDue(at: now) {
            guard let item = hand[id], case .parked(let step) = item.state else { continue }
            switch step {
            case .verify: verify([item])
            case .claim: claim([item])
            case .letter: sendLetter(item)
            case .delete: delete(item)
            }
        }
    }

    private mutating func tellTheWay() {
        if !runs.isEmpty { actions.append(.note(.handled(runs))) }
        if !settlements.isEmpty { actions.append(.note(.settled(settlements))) }
        runs = []
        settlements = []
    }

    /// What is in hand, told once a second at most.
    private mutating func gauge(at now: Instant) {
        guard now - gaugedAt >= .seconds(1) else { return }
        gaugedAt = now
        let oldest = hand.items.lazy.map { $0.envelope.sentAt }.min() ?? now
        actions.append(.note(.inHand(messages: admission.count, bytes: admission.bytes, oldest: now - oldest)))
    }

    /// What is in hand now, for `/metrics` and for tests.
    public var inHand: (messages: Int, bytes: Int) { (admission.count, admission.bytes) }
}
