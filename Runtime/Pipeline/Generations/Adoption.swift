import Events

/// What a queue's pipeline works by, as one value: built and checked whole, taken over in one step.
public struct PipelineGeneration: Sendable {
    public let settings: PipelineSettings
    public let routes: RouteTable
    public let keys: any BusinessKeys

    public init(_ settings: PipelineSettings, routes: RouteTable, keys: any BusinessKeys) {
        self.settings = settings
        self.routes = routes
        self.keys = keys
    }
}

/// The step from one generation to the next, between two inputs like any other.
///
/// What runs finishes where it is and settles as usual. What waits is routed anew before its next step: one that keeps
/// its handler and its business key keeps its lease, too; any other gives it back and is claimed again. Nothing is
/// counted: attempts and strikes stand in the ledger, under the event's own identity.
extension Pipeline {
    mutating func adopt(_ next: PipelineGeneration, at now: Instant) {
        guard drain == .running else { return }
        generation = next
        lastRouted = nil
        admission.adopt(settings)
        visibility.timeout = settings.visibilityTimeout
        workbenches.adopt(settings.handlers)
        for item in hand.inOrder where item.state == .ready { ready(item, at: now) }
        // Before another word of the same step finds it where it stood.
        rerouteDisplaced()
    }

    /// True if it may go on where it stands. Else a newer generation moves it, before this step of the pipeline ends.
    mutating func staysInPlace(_ item: Item) -> Bool {
        guard let event = item.event, item.generation != settings.generation else { return true }
        if let (handler, route) = destination(of: event, isTimer: item.isTimer), handler == item.handler,
            case .success(let key) = businessKey(of: event, for: handler, isTimer: item.isTimer),
            key == item.businessKey
        {
            take(route, for: item)
            item.generation = settings.generation
            return true
        }
        displaced.append(item)
        return false
    }

    /// All that one step displaced goes back to route together.
    mutating func rerouteDisplaced() {
        while !displaced.isEmpty {
            let moved = displaced
            displaced = []
            let leases = moved.compactMap(\.lease)
            for item in moved { item.lease = nil }
            if !leases.isEmpty { actions.append(.release(leases)) }
            route(moved)
        }
    }
}
