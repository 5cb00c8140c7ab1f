import Events
import Pipeline

/// What a reload changes between two generations: the even ones have a second handler, which takes some of the events,
/// and a business key for events that had none.
struct GenerationModel {
    static let first = HandlerID("a")
    static let second = HandlerID("b")
    static let attempts = 4

    let number: Int
    private var hasSecond: Bool { number.isMultiple(of: 2) }

    func handler(of script: Script) -> HandlerID {
        hasSecond && script.detailType == "other" ? Self.second : Self.first
    }

    func pipeline(of world: World, seed: UInt64, suspects: Set<EventID> = []) -> PipelineGeneration {
        let shape = world.plan.shape
        let description = QueueDescription(
            isFIFO: shape.isFIFO, visibilityTimeout: .milliseconds(shape.visibility),
            retention: .milliseconds(shape.retention), maximumMessageSize: 262_144)
        let policy = HandlerPolicy(
            concurrency: 2, reserved: shape.hasCritical ? 1 : 0, maximumBatch: shape.batch,
            retry: RetryBudget(attempts: Self.attempts, backoff: Backoff(base: .seconds(1), cap: .minutes(5))),
            classes: ["throttled": RetryBudget(attempts: 5, backoff: Backoff(base: .seconds(2), cap: .minutes(1)))])
        var handlers = [Self.first: policy]
        if hasSecond { handlers[Self.second] = policy }
        let settings = PipelineSettings(
            queue: QueueName("q"), description: description, handlers: handlers,
            deadLetters: shape.usesShelf ? .shelf : .queue, poisonousHead: shape.head,
            deletesWaitForBus: shape.storage == .ephemeral,
            inHand: shape.inHand, generation: number, suspects: suspects, seed: seed)
        return PipelineGeneration(
            settings, routes: Self.tables[(hasSecond ? 1 : 0) + (shape.hasCritical ? 2 : 0)],
            keys: KeysModel(scripts: world.scripts, coverAll: hasSecond))
    }

    private static let tables = [false, true].flatMap { isCritical in
        [[("*", first)], [("*", first), ("other", second)]].map { table($0 + [("good", first)], isCritical) }
    }
    private static func table(_ routes: [(String, HandlerID)], _ isCritical: Bool) -> RouteTable {
        let routes = routes.map {
            RouteTable.Route(
                source: "sim", detailType: $0.0, handler: $0.1, isCritical: isCritical && $0.0 == "good")
        }
        guard let table = try? RouteTable(routes) else { preconditionFailure("no two of these conflict") }
        return table
    }
}

struct KeysModel: BusinessKeys {
    let scripts: [Int: Script]
    /// Every event has a key; those that share none with another have one of their own.
    let coverAll: Bool

    func businessKey(of event: Event, for handler: HandlerID) -> Result<Digest?, Failure> {
        guard let script = scripts[Script.number(event.detail)] else { return .success(nil) }
        return .success(script.businessKey ?? (coverAll ? Script.digest(3, script.identity) : nil))
    }
}
