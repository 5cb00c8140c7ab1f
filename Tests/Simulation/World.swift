import Events
import Pipeline

/// One world: sidecars with the real pipeline and the real relay, and models of everything around them. A plan says
/// what happens; the run ends when all is at rest, or a promise is broken.
final class World {
    /// A letter that its queue, or the store's shelf, has accepted.
    struct Letter {
        let message: Int
        let script: Int
        let code: String
        var isRedriven = false
    }
    /// What never comes to rest is broken, too.
    private static let patience: Int64 = 6 * 3_600_000

    let plan: Plan
    let scripts: [Int: Script]
    let bug: PlantedBug?
    let agenda: Agenda
    let queue: QueueModel
    let store: StoreModel
    let bus = BusModel()
    let promises: Promises
    private(set) var sidecars: [SidecarModel] = []
    private(set) var letters: [Letter] = []
    private(set) var isCalm = false
    private var awayUntil = [Int64](repeating: 0, count: Outage.allCases.count)
    private var due: Int
    private(set) var steps = 0
    var trace: Trace?

    init(_ plan: Plan, bug: PlantedBug? = nil, traces: Bool = false) {
        self.plan = plan
        self.bug = bug
        var scripts: [Int: Script] = [:]
        for case .message(let script) in plan.parts.map(\.what) { scripts[script.number] = script }
        self.scripts = scripts
        agenda = Agenda(seed: plan.seed)
        queue = QueueModel(plan.shape, agenda)
        store = StoreModel(plan.shape, agenda, bug: bug)
        promises = Promises(plan, scripts)
        due = plan.parts.count
        trace = traces ? Trace() : nil
        sidecars = (0..<plan.shape.sidecars).map { SidecarModel($0, in: self) }
        connect()
    }

    private func connect() {
        queue.onRedrive = { [unowned self] message in
            letters.append(Letter(message: message.number, script: message.script, code: "native"))
            log { "the queue moves m\(message.number) to its dead-letter queue" }
        }
        queue.onExpiry = { [unowned self] message in promises.expired(message, in: self) }
        store.onDone = { [unowned self] request in promises.done(request, in: self) }
        store.onVerdict = { [unowned self] request, commitment in
            promises.committed(request, commitment, in: self)
        }
        store.onShelved = { [unowned self] letter in accept(letter) }
        store.outbox.onEnd = { [unowned self] parent in
            promises.published(parent, in: self)
            for sidecar in sidecars { sidecar.publicationsEnded(of: parent) }
        }
    }

    // MARK: - the run

    /// - Returns: what was broken, and nothing if all came to rest.
    func run() -> [Violation] {
        let calm = plan.calm
        for sidecar in sidecars { sidecar.start(suspects: []) }
        for part in plan.parts {
            agenda.at(part.at) { [unowned self] in
                due -= 1
                happen(part.what)
            }
        }
        agenda.at(calm) { [unowned self] in
            isCalm = true
            for sidecar in sidecars { sidecar.disarm() }
        }
        let end = calm + Self.patience
        while promises.violations.isEmpty, agenda.step(until: end) {
            steps += 1
            if isCalm, due == 0, isAtRest { break }
        }
        if promises.violations.isEmpty { promises.end(in: self) }
        dismantle()
        return promises.violations
    }

    private var isAtRest: Bool {
        queue.present == 0 && store.outbox.entries.isEmpty && sidecars.allSatisfy(\.isAtRest)
    }

    /// Worlds refer to themselves through what is still to happen.
    private func dismantle() {
        agenda.clear()
        queue.clear()
        sidecars = []
    }

    func log(_ text: () -> String) { trace?.add(agenda.now, text()) }

    private func happen(_ what: Part.What) {
        log { "--- \(Trace.text(of: what))" }
        switch what {
        case .message(let script): queue.send(script)
        case .crash(let number, let away): sidecars[number].crash(away: away)
        case .stop(let number, let grace, let away): sidecars[number].stop(grace: grace, away: away)
        case .reload(let number): sidecars[number].reload()
        case .fault(let fault, let number): sidecars[number].arm(fault)
        case .outage(let outage, let lasts):
            awayUntil[Int(outage.rawValue)] = max(awayUntil[Int(outage.rawValue)], agenda.now + lasts)
            for sidecar in sidecars { sidecar.watchStore() }
        case .clock(let number, let by): sidecars[number].setClock(by: by)
        case .freeze(let number, let lasts): sidecars[number].freeze(for: lasts)
        case .redrive(let overrides): redrive(overrides: overrides)
        case .free:
            store.free()
            promises.freed()
        }
    }

    func isAway(_ outage: Outage) -> Bool { agenda.now < awayUntil[Int(outage.rawValue)] }

    // MARK: - dead letters

    func accept(_ letter: DeadLetter) {
        let name = letter.deduplicationID.utf8.dropFirst().prefix { $0 != UInt8(ascii: ".") }
        let message = Script.number(Bytes(name))
        let isKnown = plan.shape.usesShelf && letters.contains { $0.message == message && !$0.isRedriven }
        guard !isKnown else { return }
        letters.append(
            Letter(message: message, script: Script.number(letter.body), code: Self.code(of: letter.failure)))
    }

    /// The value of the member `code`, which comes first.
    private static func code(of failure: String) -> String {
        let value = failure.utf8.dropFirst(#"{"code":""#.utf8.count).prefix { $0 != UInt8(ascii: "\"") }
        return String(decoding: Array(value), as: UTF8.self)
    }

    private func redrive(overrides: Bool) {
        for place in letters.indices where !letters[place].isRedriven {
            guard let script = scripts[letters[place].script] else { continue }
            letters[place].isRedriven = true
            if overrides, letters[place].code == "dedup.expired" {
                store.permit(script.eventID)
                promises.permitted(script)
            }
            promises.redriven(script)
            queue.send(script)
        }
    }
}
