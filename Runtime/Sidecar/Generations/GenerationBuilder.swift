import Events
import HTTP
import Pipeline
import Plugins
import Settings
import Signatures

/// Builds a generation beside the one that serves. Whatever fails, nothing has changed, and nothing is left of it.
struct GenerationBuilder: Sendable {
    let host: HandlerHosts
    let client: HTTPClient
    let observers: Observers

    /// - Parameter serving: `nil` for the first generation.
    /// - Throws: `plugin.*`, `route.conflict`, `keys.*`, `settings.*`; `handle.worker-unavailable`.
    func build(
        _ configuration: Configuration, digest: String, beside serving: Generation?
    ) async throws(Failure) -> Generation {
        let number = (serving?.number ?? 0) + 1
        let trust = try configuration.pluginTrust()
        let schemas = try configuration.eventSchemas()
        let plan = TrialPlan(configuration, trust)
        let handlers = try await host.build(number, plan, configuration, beside: serving)
        do throws(Failure) {
            var routes: [QueueName: RouteTable] = [:]
            for queue in configuration.queues {
                let own = handlers.profiles.filter { queue.handlers.contains($0.id) }
                routes[queue.name] = try RouteTable(own.flatMap(configuration.routes))
            }
            let keySets = try await keySets(of: configuration, beside: serving)
            let verifier = EventVerifier(
                keySets: keySets.map(\.source), options: configuration.verifyOptions(handlers.profiles),
                clock: observers.clock)
            return Generation(
                number: number, configuration: configuration, digest: digest, handlers: handlers,
                decisions: plan.decisions, keySets: keySets, verifier: verifier, routes: routes,
                schemas: schemas)
        } catch {
            await host.discard(number)
            throw error
        }
    }

    /// Unchanged ones go on with the documents that they have. A new one must have been fetched before it is relied on;
    /// only at the start its queues wait for it.
    private func keySets(
        of configuration: Configuration, beside serving: Generation?
    ) async throws(Failure) -> [KeySetRun] {
        var runs: [KeySetRun] = []
        for settings in configuration.keySets {
            if let run = serving?.keySets.first(where: { $0.settings == settings }) {
                runs.append(run)
                continue
            }
            let options = configuration.keySetOptions(settings)
            let source = try KeySetSource(
                options, fetcher: try HTTPKeySetFetcher(options, client: client), clock: observers.clock,
                observer: observers, seed: UInt64.random(in: 1...(.max)))
            if serving == nil {
                observers.board.set("key set \(options.name)", "not fetched yet")
            } else {
                await source.refreshIfDue()
                guard source.status.isUsable else {
                    throw source.status.failure ?? Failure(.keysUnreachable, options.name, "not fetched")
                }
            }
            runs.append(KeySetRun(settings, source))
        }
        return runs
    }
}
