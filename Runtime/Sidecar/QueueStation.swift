import AWS
import Events
import Pipeline
import Plugins
import ServiceLifecycle
import Settings

/// One queue and its pipeline: asks the queue what it is, then works until it is told to stop.
struct QueueStation: Sendable {
    let settings: QueueSettings
    let runner: PipelineRunner
    private let queue: SQSQueue
    private let deadLetters: SQSDeadLetterQueue?
    private let host: PluginHost
    private let observers: Observers

    init(
        _ settings: QueueSettings, cloud: Cloud, verifier: any Verifier, ledger: any Ledger, host: PluginHost,
        observers: Observers, pollWait: Duration
    ) {
        self.settings = settings
        self.observers = observers
        self.host = host
        queue = cloud.queue(settings.url)
        deadLetters = settings.deadLetter.map { cloud.deadLetterQueue($0) }
        let ports = PipelinePorts(
            queue: queue, deadLetters: deadLetters,
            quarantine: settings.quarantine.map { cloud.deadLetterQueue($0) }, verifier: verifier, ledger: ledger,
            host: host, observer: observers, clock: observers.clock)
        runner = PipelineRunner(settings.name, ports: ports, pollWait: pollWait)
    }

    /// Returns when the pipeline has stopped, or when the sidecar stops before the queue was ever reached.
    func run(
        _ configuration: Configuration, profiles: [HandlerProfile], generation: Int, suspects: Set<EventID>
    ) async {
        guard let (description, letters) = await describe() else { return }
        let routes = profiles.filter { settings.handlers.contains($0.id) }.flatMap(\.routes)
        var pipelineSettings = PipelineSettings(
            queue: settings.name, description: description, handlers: configuration.policies(of: settings, profiles),
            deadLetterRetention: letters?.retention ?? .days(14), deadLetters: deadLetters == nil ? .shelf : .queue,
            unroutable: PipelineSettings.Unroutable(rawValue: settings.unroutable.rawValue) ?? .deadLetter,
            maximumAge: settings.maxAge, hold: settings.hold, pollers: settings.pollers,
            inHand: settings.inHand.messages, inHandBytes: settings.inHand.bytes, generation: generation,
            configuration: configuration.digest, suspects: suspects, seed: UInt64.random(in: 1...(.max)))
        if let visibility = settings.visibility { pipelineSettings.visibilityTimeout = visibility }
        do throws(Failure) {
            let pipeline = Pipeline(pipelineSettings, routes: try RouteTable(routes), keys: host)
            observers.board.set("queue \(settings.name)", nil)
            await runner.run(pipeline)
        } catch {
            observers.report(error)
            observers.board.set("queue \(settings.name)", error.description)
        }
    }

    /// Asks again and again, with backoff: a queue that is not there yet is no reason to end.
    private func describe() async -> (QueueDescription, QueueDescription?)? {
        await Patience(area: "queue \(settings.name)", observers: observers).until { () throws(Failure) in
            let description = try await queue.describe()
            return (description, try await deadLetters?.describe())
        }
    }
}
