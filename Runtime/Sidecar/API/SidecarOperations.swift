import Events
import LocalAPI
import Pipeline
import Plugins
import Services
import Settings
import Telemetry

/// Answers operators: what every part says of itself, put together.
struct SidecarOperations: Operations {
    let keeper: GenerationKeeper
    let serving: Serving
    let store: any EventStore
    let observers: Observers
    let since: Instant

    func status() async -> StatusReport {
        let status = await keeper.status
        let configuration = serving.generation.configuration
        var report = StatusReport(
            version: Outrigger.version, now: observers.clock.now, since: since,
            problems: observers.board.readiness.problems, generation: StatusReport.Generation(status),
            sandbox: configuration.sandbox.rawValue)
        report.lastReload = status.lastAttempt.map { StatusReport.Attempt($0) }
        let parked = (try? await store.parkedGroups(at: observers.clock.now)) ?? []
        report.queues = configuration.queues.map { settings in
            let entry = observers.queues[settings.name]
            var queue = StatusReport.Queue(name: settings.name.text, handlers: settings.handlers.map(\.text))
            (queue.messages, queue.bytes, queue.oldest) = (entry.messages, entry.bytes, entry.oldest)
            queue.paused = entry.paused
            (queue.available, queue.hidden) = (entry.depth?.available, entry.hidden)
            queue.circuits = entry.circuits.sorted { $0.key < $1.key }.map {
                .init(handler: $0.key.text, until: $0.value.until, failure: $0.value.failure)
            }
            let groups = parked.filter { $0.consumer == settings.name }
            (queue.parked, queue.parkedSince) = (groups.count, groups.first?.since)
            return queue
        }
        report.outbox = (try? await store.depth()).map {
            StatusReport.Outbox(rows: $0.rows, bytes: $0.bytes, oldest: $0.oldest)
        }
        report.services = serving.circuits.map { .init(name: $0.service, circuit: $0.state.name.rawValue) }
        report.store = (try? await store.size()).map { size in
            [("bytes", size.bytes)] + size.tables.map { ($0.name, $0.rows) }
        } ?? []
        report.trials = configuration.handlers.compactMap { handler in
            handler.trial.map { trial in
                StatusReport.Trial(
                    handler: handler.id.text, kind: trial.kind.rawValue, plugin: trial.plugin,
                    verdict: serving.generation.decisions[handler.id]?.verdict.rawValue)
            }
        }
        return report
    }

    func handlers() async -> [HandlerReport] {
        let generation = serving.generation
        return generation.handlers.profiles.map { profile in
            let settings = generation.configuration[handler: profile.id]
            // A service, the journal, and what runs inline have neither workers nor a sandbox.
            let hasWorkers = settings?.kind == .plugin && !profile.sandbox.isInline
            return HandlerReport(
                id: profile.id.text, plugin: profile.plugin.name, version: profile.plugin.version,
                digest: profile.digest.hexadecimal, generation: generation.number,
                routes: profile.routes.map { ($0.source, $0.detailType) },
                workers: hasWorkers ? settings?.workers ?? 0 : 0, isReused: profile.isReused,
                sandbox: hasWorkers ? profile.sandbox.parts : [:])
        }
    }

    func reload(ifMatch expected: String?) async -> ReloadReport {
        let result = await keeper.reload(.request, ifMatch: expected)
        let status = await keeper.status
        switch result {
        case .switched(let change):
            let told = ReloadReport.Change(
                number: change.number, started: change.started.map(\.text), kept: change.kept.map(\.text),
                gone: change.gone.map(\.text))
            return .switched(told, digest: status.digest, needsRestart: status.needsRestart)
        case .unchanged: return .unchanged(digest: status.digest, needsRestart: status.needsRestart)
        case .refused(let refusal):
            return .refused(
                refusal.failure,
                refusal.problems.map {
                    ReloadReport.Problem(place: $0.place, path: $0.path, why: $0.why, fix: $0.fix)
                })
        }
    }

    func configuration() async -> ConfigurationReport {
        let generation = serving.generation
        return ConfigurationReport(digest: generation.digest, settings: generation.configuration.disclosed)
    }
}

extension StatusReport.Generation {
    fileprivate init(_ status: KeeperStatus) {
        self.init(
            number: status.number ?? 0, since: status.since, digest: status.digest,
            configuration: status.configuration, alive: status.alive, needsRestart: status.needsRestart)
    }
}

extension StatusReport.Attempt {
    fileprivate init(_ attempt: KeeperStatus.Attempt) {
        let (result, failure): (String, Failure?) =
            switch attempt.result {
            case .switched: ("switched", nil)
            case .unchanged: ("unchanged", nil)
            case .refused(let refusal): ("refused", refusal.failure)
            }
        self.init(trigger: attempt.trigger.rawValue, at: attempt.at, result: result, failure: failure)
    }
}

extension Observers: APIObserver {
    func answered(_ socket: SocketKind, peer: String, status: Int, failure: Failure?) {
        telemetry.requested(socket: socket.rawValue, peer: peer, status: status, failure, at: clock.now)
    }
}
