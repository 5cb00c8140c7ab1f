import Events
import Pipeline

/// What a reload changes between two generations: the even ones have a second handler, which takes some of the
/// events, and a business key for events that had none.
struct SimulatedGeneration {
    static let first = HandlerID("first")
    static let second = HandlerID("second")
    static let moving: Set<Script.Kind> = [.good, .twin, .poison, .stubborn, .twice, .waiting]

    let number: Int
    var hasSecond: Bool { number.isMultiple(of: 2) }

    func handler(of script: Script) -> HandlerID {
        hasSecond && Self.moving.contains(script.kind) ? Self.second : Self.first
    }

    func pipeline(
        isFIFO: Bool, isEphemeral: Bool, seed: UInt64, suspects: Set<EventID> = []
    ) -> PipelineGeneration {
        let description = QueueDescription(
            isFIFO: isFIFO, visibilityTimeout: .seconds(30), retention: .days(4), maximumMessageSize: 262_144)
        let policy = HandlerPolicy(
            concurrency: 2, maximumBatch: seed % 2 == 0 ? 10 : 1, attempts: 4,
            backoff: Backoff(base: .seconds(1), cap: .minutes(5)))
        var handlers = [Self.first: policy]
        if hasSecond { handlers[Self.second] = policy }
        let settings = PipelineSettings(
            queue: QueueName("simulated"), description: description, handlers: handlers,
            deletesWaitForBus: isEphemeral, inHand: hasSecond ? 40 : 30, generation: number, suspects: suspects,
            seed: seed)
        return PipelineGeneration(settings, routes: routes, keys: SimulatedKeys(coverAll: hasSecond))
    }

    private var routes: RouteTable {
        var routes = [RouteTable.Route(source: "sim", detailType: "*", handler: Self.first)]
        if hasSecond {
            routes += Self.moving.map { .init(source: "sim", detailType: $0.rawValue, handler: Self.second) }
        }
        guard let table = try? RouteTable(routes) else { preconditionFailure("no two of these conflict") }
        return table
    }
}

struct SimulatedKeys: BusinessKeys {
    /// Every event has a key; those that share none with another have one of their own.
    let coverAll: Bool

    func businessKey(of event: Event, for handler: HandlerID) -> Result<Digest?, Failure> {
        let script = Script(event.detail)
        return .success((script.key ?? (coverAll ? script.name : nil)).map(Script.digest))
    }
}
