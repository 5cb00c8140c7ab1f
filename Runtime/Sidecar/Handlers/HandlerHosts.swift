import Events
import Pipeline
import Plugins
import Services
import Settings

/// A kind of handlers that are no plugins: the sidecar itself runs them, generation by generation.
protocol ResidentHandlers: HandlerHost {
    /// What of this configuration is of its kind, as it is in force from this generation on. Nothing is started: what a
    /// resident needs, it needs when an event comes.
    func add(_ generation: Int, _ configuration: Configuration) -> [HandlerProfile]
    func has(_ handler: HandlerID, in generation: Int) -> Bool
    func discard(_ generation: Int)
    /// The generations before this one get nothing more.
    func retire(before generation: Int)
}

/// Runs each batch where its handler lives: in worker processes, or in the sidecar.
struct HandlerHosts: HandlerHost {
    private let plugins: PluginHost
    /// In the order in which their profiles follow those of the plugins.
    private let residents: [any ResidentHandlers]

    init(plugins: PluginHost, residents: [any ResidentHandlers]) {
        self.plugins = plugins
        self.residents = residents
    }

    func run(_ batch: Batch) async throws(Failure) -> [Outcome] {
        if let resident = residents.first(where: { $0.has(batch.handler, in: batch.generation) }) {
            return try await resident.run(batch)
        }
        return try await plugins.run(batch)
    }

    func revoke(_ lease: Lease) {
        for resident in residents { resident.revoke(lease) }
        plugins.revoke(lease)
    }

    // MARK: - generations

    /// - Parameter serving: what has not changed since, is reused.
    /// - Throws: `plugin.*`, `handle.worker-unavailable`: nothing has changed.
    func build(
        _ number: Int, _ plan: TrialPlan, _ configuration: Configuration, beside serving: Generation?
    ) async throws(Failure) -> HandlerGeneration {
        let profiles = residents.flatMap { $0.add(number, configuration) }.map { profile in
            var profile = profile
            profile.isReused = serving?.handlers[handler: profile.id]?.digest == profile.digest
            return profile
        }
        do throws(Failure) {
            return try await plugins.build(number, handlers: plan.handlers, trials: plan.trials, residents: profiles)
        } catch {
            for resident in residents { resident.discard(number) }
            throw error
        }
    }

    /// Gives up a generation that was built and is not to serve.
    func discard(_ number: Int) async {
        for resident in residents { resident.discard(number) }
        await plugins.discard(number)
    }

    func retire(before number: Int, within drain: Duration) async {
        for resident in residents { resident.retire(before: number) }
        await plugins.retire(before: number, within: drain)
    }

    /// The numbers of generations, each when it has ended.
    var endings: AsyncStream<Int> { plugins.endings }
    /// The generations that have not.
    var alive: [Int] { get async { await plugins.alive } }
}
