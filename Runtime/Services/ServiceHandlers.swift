public import Events
public import Pipeline
import Synchronization

/// A handler that is no plugin: each event is sent to a service, whose answer is the outcome.
public struct ServiceHandlerOptions: Sendable, Hashable {
    public var id: HandlerID
    public var service: String
    public var path: String
    /// For one event.
    public var deadline: Duration
    public init(id: HandlerID, service: String, path: String, deadline: Duration) {
        self.id = id
        self.service = service
        self.path = path
        self.deadline = deadline
    }
}

/// Runs the handlers that are services. A batch is exchanges side by side; nothing of it stays when it has ended, so a
/// generation drains by itself.
public final class ServiceHandlers: HandlerHost {
    private let services: any ServiceCaller
    private let clock: any WallClock
    private let generations = Mutex<[Int: [HandlerID: ServiceHandlerOptions]]>([:])
    private let underWay = Mutex<[Lease: Leaving]>([:])

    public init(services: any ServiceCaller, clock: any WallClock) {
        self.services = services
        self.clock = clock
    }

    // MARK: - generations

    public func add(_ generation: Int, _ handlers: [ServiceHandlerOptions]) {
        generations.withLock { $0[generation] = Dictionary(handlers.map { ($0.id, $0) }) { $1 } }
    }

    public func discard(_ generation: Int) { generations.withLock { $0[generation] = nil } }

    /// They get nothing more; what runs may finish.
    public func retire(before generation: Int) {
        generations.withLock { $0 = $0.filter { $0.key >= generation } }
    }

    public func has(_ handler: HandlerID, in generation: Int) -> Bool {
        generations.withLock { $0[generation]?[handler] } != nil
    }

    // MARK: - HandlerHost

    public func run(_ batch: Batch) async throws(Failure) -> [Outcome] {
        guard let options = generations.withLock({ $0[batch.generation]?[batch.handler] }) else {
            let cause = "generation \(batch.generation) does not have it, or has ended"
            throw Failure(.handleWorkerUnavailable, batch.handler.text, cause)
        }
        return await withTaskGroup(of: (Int, Outcome).self) { group in
            for (index, assignment) in batch.assignments.enumerated() {
                group.addTask { (index, await self.run(assignment, by: options)) }
            }
            var outcomes = batch.assignments.map { _ in Outcome.unanswered }
            for await (index, outcome) in group { outcomes[index] = outcome }
            return outcomes
        }
    }

    /// The claim is no longer ours, or the host stops: what the service answers does not count.
    public func revoke(_ lease: Lease) { underWay.withLock { $0[lease] }?.now() }

    private func run(_ assignment: Assignment, by options: ServiceHandlerOptions) async -> Outcome {
        let off = Leaving()
        underWay.withLock { $0[assignment.lease] = off }
        defer { underWay.withLock { $0[assignment.lease] = nil } }
        let outcome = await off.cancels { await self.outcome(of: assignment, options) }
        // Called off meanwhile: the answer, if one came, is late.
        return Task.isCancelled ? .unanswered : outcome ?? .unanswered
    }

    private func outcome(of assignment: Assignment, _ options: ServiceHandlerOptions) async -> Outcome {
        let event = assignment.event
        let call = ServiceCall(
            service: options.service, method: "POST", path: options.path,
            headers: CloudEventWriter.headers(of: assignment), body: CloudEventWriter.body(of: event)[...],
            timeout: options.deadline,
            origin: .init(
                event: event.id, handler: options.id, attempt: assignment.attempt, ordinal: 0,
                traceParent: event.trace.parent))
        do throws(Failure) {
            return ServiceVerdict.outcome(of: try await services.call(call), at: clock.now)
        } catch { return ServiceVerdict.outcome(of: error) }
    }
}
