import Events
import Pipeline

/// The promises of the sidecar, as ARCHITECTURE.md numbers them.
public enum Promise: Int, Sendable, CaseIterable {
    case deletedWhenDurable = 1
    case onlyVerified
    case committedOnce
    case onlySettleSettles
    case groupsKeepOrder
    case crashCostsARetry
    case killLosesNothing
    case reloadDropsNothing
    case bounded

    public var text: String {
        switch self {
        case .deletedWhenDurable: "nothing is deleted before its outcome is durable, nothing left to expire"
        case .onlyVerified: "an event exists only if it was verified"
        case .committedOnce: "committed once per identity, published at least once under one id, or not at all"
        case .onlySettleSettles: "only settle deletes, delays or dead-letters, and what is missing is a retry"
        case .groupsKeepOrder: "the next of a group starts when the one before is settled"
        case .crashCostsARetry: "a handler that crashes costs the events in its worker a retry"
        case .killLosesNothing: "a sidecar killed at any instruction loses nothing and repeats nothing"
        case .reloadDropsNothing: "a reload drops nothing and repeats nothing"
        case .bounded: "memory is bounded"
        }
    }
}

public struct Violation: Sendable, Hashable, CustomStringConvertible {
    public let promise: Promise
    public let what: String
    /// Milliseconds after the beginning.
    public let at: Int64
    public var description: String { "promise \(promise.rawValue) (\(promise.text)): \(what)" }
}

/// Watches a world, and says which promise was broken. Every check of the simulation is in this file.
final class Promises {
    private let plan: Plan
    private let scripts: [Int: Script]
    /// The event that each message becomes once it is verified.
    let events: [Int: Event]
    private(set) var violations: [Violation] = []

    private var verified: Set<Int> = []
    /// What this store has done, by family.
    private var doneHere: [Int: Script] = [:]
    private var doneCount = 0
    /// What any store has done.
    private(set) var doneEver: [Int: [Script]] = [:]
    /// Done, and the bus has what it published.
    private var safe: Set<EventID> = []
    private var counted: [EventID: History] = [:]
    private var lastDone: [Int: Int] = [:]
    private var redriven: Set<Int> = []
    private var permitted: Set<Int> = []
    private var parkedBehind: [String: EventID] = [:]
    /// By event and by message: what has its outcome.
    private var settledEvents: Set<EventID> = []
    private var settledMessages: Set<Int> = []
    private var onTheirWay: [Int64: Int] = [:]

    init(_ plan: Plan, _ scripts: [Int: Script]) {
        self.plan = plan
        self.scripts = scripts
        var events: [Int: Event] = [:]
        for part in plan.parts {
            guard case .message(let script) = part.what else { continue }
            let age: Int64 = script.kind == .expired ? 26 * 3_600_000 : 1_000
            events[script.number] = script.event(signedAt: Agenda.instant(part.at - age))
        }
        self.events = events
    }

    private func broken(_ promise: Promise, _ what: String, _ world: World) {
        violations.append(Violation(promise: promise, what: what, at: world.agenda.now))
        world.log { "BROKEN: \(what)" }
    }

    // MARK: - 1: nothing is deleted before its outcome is durable

    func deleting(_ message: QueueModel.Message, in world: World) {
        guard let script = scripts[message.script] else { return }
        if world.letters.contains(where: { $0.message == message.number }) { return }
        if plan.shape.storage == .ephemeral {
            let hasCopy = world.queue.messages.contains {
                $0.fate == .present && $0.number != message.number && scripts[$0.script]?.isSameWork(as: script) == true
            }
            // What its publications were given up for is in the letter of the message that was done.
            let isSafe = doneEver[script.family]?.contains { done in
                done.isSameWork(as: script)
                    && (safe.contains(done.eventID) || world.letters.contains { $0.script == done.number })
            }
            if hasCopy || isSafe == true { return }
        } else if let done = doneHere[script.family], done.isSameWork(as: script) {
            return
        }
        broken(.deletedWhenDurable, "m\(message.number) was deleted before its outcome was durable", world)
    }

    func expired(_ message: QueueModel.Message, in world: World) {
        broken(.deletedWhenDurable, "m\(message.number) was left until the queue dropped it", world)
    }

    // MARK: - 2: only what was verified

    func verified(_ script: Script) { verified.insert(script.number) }

    private func checkVerified(_ event: Event, _ world: World) {
        if !verified.contains(Script.number(event.detail)) {
            broken(.onlyVerified, "\(event.id) was never verified", world)
        }
    }

    // MARK: - 3: committed once, published at least once

    func done(_ request: ClaimRequest, in world: World) {
        guard let script = scripts[Script.number(request.event.detail)] else { return }
        world.log { "done: \(script.number)" }
        checkVerified(request.event, world)
        if let group = request.group {
            if let head = parkedBehind[group], head != request.event.id {
                broken(.groupsKeepOrder, "\(request.event.id) was done behind the parked \(head)", world)
            }
            if parkedBehind[group] == request.event.id { parkedBehind[group] = nil }
        }
        if let before = doneHere[script.family] {
            broken(.committedOnce, "\(request.event.id) was done, and so was message \(before.number)'s", world)
        }
        if script.kind == .expired, !permitted.contains(script.family) {
            broken(.committedOnce, "\(request.event.id) is older than the ledger remembers, and was run", world)
        }
        doneHere[script.family] = script
        doneCount += 1
        doneEver[script.family, default: []].append(script)
        if script.drafts == 0 { safe.insert(request.event.id) }
        order(script, world)
    }

    /// No publication of this event waits any more.
    func published(_ parent: EventID, in world: World) {
        if !world.store.outbox.isWaiting(parent), world.store.outbox.failed[parent] == nil { safe.insert(parent) }
    }

    func took(_ publication: Publication, inOrder isInOrder: Bool, _ world: World) {
        guard world.store.outbox.committed.contains(publication.id) else {
            // What a store that ended with its pod had on its way may come whenever it likes.
            if plan.shape.storage == .ephemeral { return }
            return broken(.committedOnce, "\(publication.id) was published, but never committed", world)
        }
        if !isInOrder {
            broken(.committedOnce, "\(publication.id) came after a later one of its resource", world)
        }
    }

    func putting(_ publications: [Publication], _ sidecar: SidecarModel) {
        guard plan.shape.storage == .shared else { return }
        for publication in publications {
            onTheirWay[publication.row, default: 0] += 1
            if onTheirWay[publication.row, default: 0] > 1 {
                broken(.committedOnce, "two relays send \(publication.id) at once", sidecar.world)
            }
        }
    }

    func hasPut(_ publications: [Publication], _ sidecar: SidecarModel) {
        guard plan.shape.storage == .shared else { return }
        for publication in publications { onTheirWay[publication.row, default: 1] -= 1 }
    }

    func settling(_ results: [PublicationResult], _ sidecar: SidecarModel) {
        for result in results {
            guard case .gaveUp(let failure) = result.end, failure.code == .publishGaveUp,
                let entry = sidecar.world.store.outbox.entries.first(where: { $0.publication.row == result.row })
            else { continue }
            if (sidecar.now - entry.publication.committedAt).milliseconds <= plan.shape.giveUp {
                broken(.committedOnce, "\(entry.publication.id) was given up too early", sidecar.world)
            }
        }
    }

    /// The store ended with its pod, and the promises about what it held.
    func lostStore() {
        doneHere = [:]
        doneCount = 0
        counted = [:]
        lastDone = [:]
        parkedBehind = [:]
        settledEvents = []
    }

    // MARK: - 4: only settle settles

    /// A beat that is under way is awaited before a delete or a delay.
    func touches(_ ids: [ItemID], _ sidecar: SidecarModel) {
        if ids.contains(where: { sidecar.extending.contains($0) }) {
            broken(.onlySettleSettles, "a delete or a delay was sent while a beat was under way", sidecar.world)
        }
    }

    /// An old handle deletes nothing, and says that it did.
    func forgot(_ receipts: [ReceiptHandle], _ failures: [Failure?], _ sidecar: SidecarModel) {
        let queue = sidecar.world.queue
        for (receipt, failure) in zip(receipts, failures) where failure == nil {
            guard let place = queue.place(of: receipt), sidecar.newest[place] != receipt,
                sidecar.newest[place] == queue.messages[place].receipt, queue.messages[place].fate == .present,
                sidecar.pipeline.standing(of: "m\(place)").isEmpty
            else { continue }
            broken(.onlySettleSettles, "m\(place) was forgotten after a delete by an old handle", sidecar.world)
        }
    }

    // MARK: - 5: groups keep their order

    func redriven(_ script: Script) { redriven.insert(script.number) }
    func permitted(_ script: Script) { permitted.insert(script.family) }
    func freed() { parkedBehind = [:] }

    func refused(_ refusals: [Refusal]) {
        for refusal in refusals {
            settledMessages.insert(Script.number(Bytes(refusal.messageID.text.utf8.dropFirst())))
        }
    }

    /// Whether its place in its group is to be held: failed verification holds none, nor does what dedup refuses.
    private func holdsPlace(_ script: Script) -> Bool {
        script.signedBy == 0 && script.kind != .forged && script.kind != .expired && !hasRelative(script)
            && !redriven.contains(script.number)
    }

    /// Nothing runs while one before it in its group has no outcome.
    private func starting(_ script: Script, _ world: World) {
        guard plan.shape.isFIFO, holdsPlace(script),
            let own = world.queue.messages.first(where: { $0.script == script.number })?.number
        else { return }
        for message in world.queue.messages.prefix(own) where message.group == script.group {
            guard message.fate == .present, let other = scripts[message.script], holdsPlace(other),
                !settledEvents.contains(other.eventID), !settledMessages.contains(message.number)
            else { continue }
            broken(.groupsKeepOrder, "m\(own) runs before m\(message.number) of its group is settled", world)
        }
    }

    /// Within a group, in the order of sending. What was not verified at once, has a relative or was dead-lettered
    /// before holds no place.
    private func order(_ script: Script, _ world: World) {
        guard plan.shape.isFIFO, holdsPlace(script) else { return }
        let place = world.queue.messages.first { $0.script == script.number }?.number ?? 0
        if let before = lastDone[script.group], before > place {
            broken(.groupsKeepOrder, "group \(script.group): m\(before) was done before m\(place)", world)
        }
        lastDone[script.group] = place
    }

    private func hasRelative(_ script: Script) -> Bool {
        scripts[script.number + 1]?.family == script.family || scripts[script.number - 1]?.family == script.family
    }

    // MARK: - 6 and 7: what a crash costs, what a kill forgets

    func committed(_ request: ClaimRequest, _ commitment: Commitment, in world: World) {
        let id = request.event.id
        let history = commitment.history
        if let before = counted[id], history.attempts < before.attempts || history.strikes < before.strikes {
            broken(.killLosesNothing, "\(id) had \(before.attempts) attempts, now it has \(history.attempts)", world)
        }
        if history.strikes > 0, scripts[Script.number(request.event.detail)]?.kind != .poison {
            broken(.crashCostsARetry, "\(id) has the strike of another", world)
        }
        if case .retry = commitment.verdict {} else { settledEvents.insert(id) }
        guard case .dead(let failure, _, let parks) = commitment.verdict else {
            counted[id] = history
            return
        }
        if parks, let group = request.group { parkedBehind[group] = parkedBehind[group] ?? id }
        counted[id] = nil
        if plan.shape.head == .block, plan.shape.isFIFO { return }
        // The last word of a handler that a reload removed counts by the standard policy, which has more.
        let mayHaveMore = plan.parts.contains { if case .reload = $0.what { true } else { false } }
        let attempts = history.attempts
        if failure.code == .handleExhausted, attempts < GenerationModel.attempts
            || !mayHaveMore && attempts > GenerationModel.attempts {
            broken(.killLosesNothing, "\(id) was exhausted after \(history.attempts) attempts", world)
        }
        if failure.code == .handleCrashed, history.strikes != Limits.strikes {
            broken(.crashCostsARetry, "\(id) was dead after \(history.strikes) strikes", world)
        }
    }

    // MARK: - 8: reloads

    func running(_ batch: Batch, _ sidecar: SidecarModel) {
        if sidecar.knowsStoreAway {
            broken(.committedOnce, "a batch began while the store was away: nobody can say what is done", sidecar.world)
        }
        for assignment in batch.assignments {
            checkVerified(assignment.event, sidecar.world)
            guard let script = scripts[Script.number(assignment.event.detail)] else { continue }
            starting(script, sidecar.world)
            if GenerationModel(number: batch.generation).handler(of: script) != batch.handler {
                let what = "went to \(batch.handler), not where generation \(batch.generation) sends it"
                broken(.reloadDropsNothing, "\(assignment.event.id) \(what)", sidecar.world)
            }
        }
    }

    func committing(_ commitments: [Commitment], _ sidecar: SidecarModel) {
        for commitment in commitments {
            guard let ran = sidecar.ranIn[commitment.lease.fence], ran != commitment.generation else { continue }
            let what = "a commitment names generation \(commitment.generation), but \(ran) ran it"
            broken(.reloadDropsNothing, what, sidecar.world)
        }
    }

    // MARK: - 9: bounds

    func bounded(_ sidecar: SidecarModel, taking count: Int) {
        let inHand = sidecar.pipeline.inHand.messages
        if inHand + count > plan.shape.inHand {
            broken(.bounded, "takes \(count) with \(inHand) in hand", sidecar.world)
        }
    }

    func bounded(_ sidecar: SidecarModel, ticks: Int) {
        if ticks > 64 { broken(.bounded, "\(ticks) ticks are asked for at once", sidecar.world) }
    }

    // MARK: - the end: everything is somewhere

    func end(in world: World) {
        for message in world.queue.messages where message.fate == .present {
            broken(.deletedWhenDurable, "m\(message.number) never came to rest", world)
        }
        for (_, script) in scripts.sorted(by: { $0.key < $1.key }) { end(of: script, in: world) }
        let sum = world.store.state.values.reduce(0) { $0 + $1.value }
        if sum != doneCount { broken(.committedOnce, "\(doneCount) were done, but the state counts \(sum)", world) }
        endOfPublications(in: world)
    }

    private func endOfPublications(in world: World) {
        for entry in world.store.outbox.entries {
            broken(.committedOnce, "\(entry.publication.id) still waits for the bus", world)
        }
        for id in world.store.outbox.committed.sorted()
        where world.bus.taken[id] == nil && world.store.outbox.givenUp[id] == nil {
            broken(.committedOnce, "\(id) was committed, but the bus never had it", world)
        }
    }

    private func end(of script: Script, in world: World) {
        let letters = world.letters.filter { $0.script == script.number && !$0.isRedriven }
        let isDone = doneEver[script.family]?.contains { $0.isSameWork(as: script) } == true
        for letter in letters where !isAllowed(letter.code, of: script) {
            let what = "message \(script.number) (\(script.kind)) is a dead letter: \(letter.code)"
            broken(.onlySettleSettles, what, world)
        }
        if !isDone, letters.isEmpty {
            let hasCrashed = plan.parts.contains { if case .crash = $0.what { true } else { false } }
            let promise = hasCrashed ? Promise.killLosesNothing : .deletedWhenDurable
            broken(promise, "message \(script.number) (\(script.kind)) is nowhere", world)
        }
        if isDone, !script.endsDone, !permitted.contains(script.family) {
            broken(.onlySettleSettles, "message \(script.number) (\(script.kind)) was done", world)
        }
    }

    /// A clock is set by hours, which are those that a key is waited for.
    private var clockLeaps: Bool {
        plan.parts.contains { if case .clock(_, let by) = $0.what { abs(by) > 1_800_000 } else { false } }
    }

    /// The codes under which a message may end as a dead letter.
    private func isAllowed(_ code: String, of script: Script) -> Bool {
        let shape = plan.shape
        if code == "native" { return shape.maximumReceives < 100 }
        if shape.retention < 86_400_000 { return true }
        switch code {
        case "verify.bad-signature": return script.kind == .forged
        case "verify.unknown-key": return script.signedBy == 2 || script.signedBy == 1 && clockLeaps
        case "verify.not-authorised": return script.signedBy == 3
        case "dedup.expired": return script.kind == .expired
        case "dedup.conflict": return hasRelative(script)
        case "handle.crashed": return script.kind == .poison
        case "handle.rejected": return script.kind == .rejected || script.kind == .mended
        case "handle.exhausted": return script.kind == .stubborn
        case "dedup.parked": return shape.isFIFO && shape.head == .parkGroup
        case "publish.refused", "publish.gave-up": return shape.storage == .ephemeral
        default: return false
        }
    }
}
