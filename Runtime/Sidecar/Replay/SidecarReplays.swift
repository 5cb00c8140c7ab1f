import Events
import LocalAPI
import Pipeline
import Plugins
import Settings
import StoreCommon
import Synchronization

/// Replays in the generation that serves, one request at a time: the workers have other work.
final class SidecarReplays: ReplayOffice {
    private let replayer: Replayer
    private let isBusy = Mutex(false)

    init(
        _ serving: Serving, _ hosts: HandlerHosts, _ plugins: PluginHost, _ store: any EventStore,
        clock: any WallClock
    ) {
        replayer = Replayer(
            Replayer.Surroundings(
                records: JournalRecords(store), rehearsal: plugins, host: hosts, ledger: store, control: store,
                stage: { handler in Result { () throws(Failure) in try serving.generation.stage(for: handler) } },
                clock: clock))
    }

    func replay(
        _ query: ReplayQuery, _ plan: ReplayPlan, by author: LetterAuthor
    ) async throws(Failure) -> ReplayReport {
        let isFree = isBusy.withLock { isBusy in
            defer { isBusy = true }
            return !isBusy
        }
        guard isFree else { throw Failure(.apiThrottled, "replay", "another one is under way") }
        defer { isBusy.withLock { $0 = false } }
        return try await replayer.replay(query, plan, by: author.words)
    }
}

extension Generation {
    /// - Throws: `api.unsupported` for a handler that is none of this generation's, or no plugin.
    fileprivate func stage(for handler: HandlerID) throws(Failure) -> ReplayStage {
        guard let settings = configuration[handler: handler], handlers[handler: handler] != nil else {
            throw Failure(.apiUnsupported, handler.text, "the generation that serves has no such handler")
        }
        guard settings.kind == .plugin else {
            throw Failure(.apiUnsupported, handler.text, "it is no plugin: nothing of it could be dropped")
        }
        return ReplayStage(generation: number, keys: handlers, deadline: settings.deadline)
    }
}
