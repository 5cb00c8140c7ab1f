import Events
import Foundation
import Pipeline
import Plugins
import Settings
import Signatures
import Store

// From settings, as an operator writes them, to the options of each module.

extension Configuration {
    func storeOptions(observer: @escaping @Sendable (StoreEvent) -> Void) -> StoreOptions {
        StoreOptions(
            path: store.path, durability: store.durability == .durable ? .durable : .ephemeral,
            lowWater: store.lowWater,
            journal: JournalOptions(
                keep: journal.keep, size: journal.size, segment: journal.segment, seal: journal.seal,
                keepsPayloads: journal.payloads == .keep),
            observer: observer)
    }

    /// By default the one beside this executable.
    var workerProgram: String {
        worker.map { URL(filePath: $0).path } ?? Installation.path("outrigger-worker")
    }

    var workerBounds: WorkerBounds {
        WorkerBounds(
            processes: workers.processes, memory: workers.memory, users: workers.users.map { $0.first...$0.last })
    }

    /// Whose plugins are loaded.
    /// - Throws: `settings.unreadable`, `keys.refused`: a file of keys.
    func pluginTrust() throws(Failure) -> PluginTrust {
        switch plugins.require {
        case .none: return .anybody
        case .pin: return .pinned
        case .signature:
            var keys: [[UInt8]] = []
            for path in plugins.keys { keys += try KeyTool.publicKeys(at: path) }
            return .signed(by: keys)
        }
    }

    func handlerOptions(_ settings: HandlerSettings, _ trust: PluginTrust) -> HandlerOptions {
        HandlerOptions(
            id: settings.id, plugin: settings.plugin, pin: settings.sha256,
            trust: trust, carrier: settings.call == nil ? nil : Installation.path("liboutrigger-call.so"),
            configuration: settings.call?.configuration ?? settings.config,
            workers: settings.workers, deadline: settings.deadline, grace: settings.grace,
            memory: settings.memory, openFiles: settings.openFiles, softMemory: settings.memorySoft,
            readable: settings.readable, environment: settings.environment,
            publish: settings.publish.flatMap { publish in
                publish.detailTypes.map { RoutePattern(source: publish.source, detailType: $0) }
            },
            calls: Set(settings.calls),
            sandbox: HandlerOptions.Sandbox(rawValue: sandbox.rawValue) ?? .required,
            isolation: settings.isolation == .inline ? .inline : .worker,
            routes: settings.routes.isEmpty
                ? nil : settings.routes.map { RoutePattern(source: $0.source, detailType: $0.detailType) },
            businessKey: settings.businessKey.isEmpty ? nil : settings.businessKey)
    }

    func keySetOptions(_ settings: KeySetSettings) -> KeySetOptions {
        KeySetOptions(
            name: settings.name, url: settings.location, pins: settings.pins, sources: settings.sources,
            profile: SignatureProfile(rawValue: settings.profile.rawValue) ?? .auto,
            canonical: CanonicalRule(rawValue: settings.canonical.rawValue) ?? .strict,
            requireBinding: settings.requireBinding, revoked: Set(settings.revoked), refresh: settings.refresh,
            maximumAge: settings.maximumAge)
    }

    /// Routes whose handler demands that events are bound to their envelope.
    func verifyOptions(_ profiles: [HandlerProfile]) -> VerifyOptions {
        let strict = Set(handlers.filter(\.requireBinding).map(\.id))
        let routes = profiles.filter { strict.contains($0.id) }.flatMap(\.routes)
        return VerifyOptions(
            skewAhead: skew.ahead,
            requireBinding: routes.map { VerifyOptions.Route(source: $0.source, detailType: $0.detailType) })
    }

    func policies(of queue: QueueSettings, _ profiles: [HandlerProfile]) -> [HandlerID: HandlerPolicy] {
        var policies: [HandlerID: HandlerPolicy] = [:]
        for profile in profiles where queue.handlers.contains(profile.id) {
            guard let settings = self[handler: profile.id] else { continue }
            let isDivided = settings.routes.contains(where: \.critical) && profile.concurrency > 1
            policies[profile.id] = HandlerPolicy(
                concurrency: profile.concurrency, reserved: isDivided ? max(1, profile.concurrency / 4) : 0,
                maximumBatch: profile.maximumBatch, retry: RetryBudget(settings.retry),
                classes: Dictionary(uniqueKeysWithValues: settings.retry.classes.map { ($0.reason, RetryBudget($0)) }),
                age: settings.retry.age)
        }
        return policies
    }

    /// The routes of a handler in this queue's table, with what the settings say of each beside.
    func routes(of profile: HandlerProfile) -> [RouteTable.Route] {
        let critical = Set(
            (self[handler: profile.id]?.routes ?? []).filter(\.critical).map { [$0.source, $0.detailType] })
        return profile.routes.map { route in
            RouteTable.Route(
                source: route.source, detailType: route.detailType, handler: route.handler,
                isCritical: critical.contains([route.source, route.detailType]))
        }
    }
}

extension RetryBudget {
    fileprivate init(_ settings: RetrySettings) {
        let jitter = Backoff.Jitter(rawValue: settings.jitter.rawValue) ?? .full
        self.init(
            attempts: settings.attempts,
            backoff: Backoff(base: settings.base, cap: settings.cap, jitter: jitter))
    }

    fileprivate init(_ settings: RetryClassSettings) {
        let jitter = Backoff.Jitter(rawValue: settings.jitter.rawValue) ?? .full
        self.init(
            attempts: settings.attempts,
            backoff: Backoff(base: settings.base, cap: settings.cap, jitter: jitter))
    }
}

/// What was built and installed together lies in one folder.
enum Installation {
    static func path(_ name: String) -> String {
        let link = "/proc/self/exe"
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) ?? CommandLine.arguments[0]
        return URL(filePath: own).deletingLastPathComponent().appending(path: name).path
    }
}
