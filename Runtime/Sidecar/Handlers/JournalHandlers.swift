import Cryptography
import Events
import Pipeline
import Plugins
import Settings
import Synchronization

/// Handlers that are the journal alone: an event that came so far is verified and no duplicate, and its commit writes
/// its row. So there is nothing to run, and the answer is always done.
final class JournalHandlers: ResidentHandlers {
    private let generations = Mutex<[Int: Set<HandlerID>]>([:])

    func add(_ generation: Int, _ configuration: Configuration) -> [HandlerProfile] {
        let handlers = configuration.handlers.filter { $0.kind == .journal }
        generations.withLock { $0[generation] = Set(handlers.map(\.id)) }
        return handlers.map { settings in
            HandlerProfile(
                resident: settings.id, kind: "journal",
                routes: settings.routes.map { RoutePattern(source: $0.source, detailType: $0.detailType) },
                maximumBatch: Limits.batchEntries, concurrency: 4, businessKey: settings.businessKey,
                digest: Hash.sha256(Array("\(settings.routes)\n\(settings.businessKey)".utf8)))
        }
    }

    func has(_ handler: HandlerID, in generation: Int) -> Bool {
        generations.withLock { $0[generation]?.contains(handler) } ?? false
    }

    func discard(_ generation: Int) { generations.withLock { $0[generation] = nil } }

    func retire(before generation: Int) {
        generations.withLock { $0 = $0.filter { $0.key >= generation } }
    }

    func run(_ batch: Batch) async throws(Failure) -> [Outcome] { batch.assignments.map { _ in .done(.none) } }

    func revoke(_ lease: Lease) {}
}
