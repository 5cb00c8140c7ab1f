import AWS
import Events
import Pipeline
import ServiceLifecycle
import Settings
import Synchronization

/// One queue and its pipeline: asks the queue what it is, then works, from generation to generation, until it is told
/// to leave or the sidecar stops.
final class QueueStation: Sendable {
    /// What the queue and its dead letters say of themselves.
    struct Facts: Sendable {
        let queue: QueueDescription
        /// `nil` where the store keeps the letters.
        let letters: QueueDescription?
    }
    private struct State {
        var generation: Generation
        /// `nil` until the queue has answered.
        var facts: Facts?
    }

    let name: QueueName
    let runner: PipelineRunner
    private let queue: SQSQueue
    private let deadLetters: SQSDeadLetterQueue?
    private let suspects: Set<EventID>
    private let observers: Observers
    private let state: Mutex<State>
    private let leaving = Leaving()

    init(_ settings: QueueSettings, _ generation: Generation, verifier: any Verifier, around: Serving.Surroundings) {
        name = settings.name
        observers = around.observers
        suspects = around.suspects
        state = Mutex(State(generation: generation))
        queue = around.cloud.queue(settings.url)
        deadLetters = settings.deadLetter.map { around.cloud.deadLetterQueue($0) }
        let ports = PipelinePorts(
            queue: queue, deadLetters: deadLetters,
            quarantine: settings.quarantine.map { around.cloud.deadLetterQueue($0) }, verifier: verifier,
            ledger: around.store, receipts: around.store.receipts, host: around.host, observer: observers,
            clock: observers.clock)
        runner = PipelineRunner(settings.name, ports: ports, pollWait: settings.pollWait)
    }

    /// Returns when the pipeline has stopped, or when there is nothing to wait for any more: the queue was never
    /// reached.
    @Sendable func run() async {
        if let facts = await leaving.cancels({ await self.describe() }) ?? nil {
            let generation = state.withLock { state in
                state.facts = facts
                return state.generation
            }
            tellWhatDoesNotFit(generation, facts)
            if let pipeline = pipeline(generation, facts) { await runner.run(Pipeline(pipeline)) }
        }
        observers.queueEnded(name)
    }

    func adopt(_ generation: Generation) {
        let facts = state.withLock { state in
            state.generation = generation
            return state.facts
        }
        if let facts, let pipeline = pipeline(generation, facts) { runner.adopt(pipeline) }
    }

    /// The queue is in no generation any more: what runs finishes, the rest goes back.
    func leave(deadline: Instant) {
        leaving.now()
        runner.stop(deadline: deadline)
    }

    private func pipeline(_ generation: Generation, _ facts: Facts) -> PipelineGeneration? {
        generation.configuration[queue: name].map { generation.pipeline(of: $0, facts, suspects: suspects) }
    }

    /// What the queue's own settings contradict: it works, until one day it does not.
    private func tellWhatDoesNotFit(_ generation: Generation, _ facts: Facts) {
        let configuration = generation.configuration
        guard let settings = configuration[queue: name] else { return }
        let checks = QueueChecks(
            settings: settings, configuration: configuration, queue: facts.queue, deadLetters: facts.letters,
            file: "queue \(name)")
        for problem in checks.problems { observers.report(problem.failure) }
    }

    /// Asks again and again, with backoff: a queue that is not there yet is no reason to end.
    private func describe() async -> Facts? {
        // What waiting cannot help is on the board, and the other queues go on.
        try? await Patience(area: "queue \(name)", observers: observers).until { () throws(Failure) in
            Facts(queue: try await self.queue.describe(), letters: try await self.deadLetters?.describe())
        }
    }
}
