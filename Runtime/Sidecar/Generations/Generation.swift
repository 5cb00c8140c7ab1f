import Events
import LocalAPI
import Pipeline
import Plugins
import Settings
import Signatures

/// Configuration and plugins as one immutable value: built and checked whole, and in force everywhere from one step to
/// the next.
struct Generation: Sendable {
    /// From 1, in the order in which they came into force.
    let number: Int
    let configuration: Configuration
    /// Of everything that it is made of: what `If-Match` names.
    let digest: String
    let handlers: HandlerGeneration
    /// What was decided of second builds, and holds in this generation.
    let decisions: [HandlerID: TrialBook.Decision]
    let keySets: [KeySetRun]
    let verifier: EventVerifier
    let routes: [QueueName: RouteTable]
    /// What peers publish must fit these.
    let schemas: EventSchemas

    /// What a queue's pipeline works by.
    func pipeline(
        of settings: QueueSettings, _ facts: QueueStation.Facts, suspects: Set<EventID>
    ) -> PipelineGeneration {
        var pipeline = PipelineSettings(
            queue: settings.name, description: facts.queue,
            handlers: configuration.policies(of: settings, handlers.profiles),
            deadLetterRetention: facts.letters?.retention ?? .days(14),
            deadLetters: facts.letters == nil ? .shelf : .queue,
            unroutable: PipelineSettings.Unroutable(rawValue: settings.unroutable.rawValue) ?? .deadLetter,
            poisonousHead: PipelineSettings.PoisonousHead(rawValue: settings.poisonousHead.rawValue) ?? .block,
            deletesWaitForBus: configuration.store.durability == .ephemeral, maximumAge: settings.maxAge,
            hold: settings.hold, pollers: settings.pollers, inHand: settings.inHand.messages,
            inHandBytes: settings.inHand.bytes, generation: number, configuration: configuration.digest,
            suspects: suspects, seed: UInt64.random(in: 1...(.max)))
        pipeline.visibilityTimeout = max(
            settings.visibility ?? facts.queue.visibilityTimeout, Limits.visibilityAtLeast)
        return PipelineGeneration(pipeline, routes: routes[settings.name] ?? .none, keys: handlers)
    }
}
