import Events
import Foundation
import Pipeline
import Plugins
import Settings

/// Loads each plugin as the sidecar would, in its sandbox, and creates its handler: what `check` says of plugins.
struct PluginProbe {
    let configuration: Configuration

    /// Adds what is wrong, handler by handler. A plugin that is not on this machine is not looked at, and said so.
    func report(to report: inout CheckReport) async {
        let folder = FileManager.default.temporaryDirectory.appending(path: "outrigger-check-\(UUID().uuidString)")
        guard FileManager.default.isExecutableFile(atPath: configuration.workerProgram),
            (try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)) != nil
        else {
            for handler in configuration.handlers where handler.kind == .plugin {
                report.skip(handler.id, configuration.workerProgram)
            }
            return
        }
        defer { try? FileManager.default.removeItem(at: folder) }
        let host = PluginHost(
            program: configuration.workerProgram, directory: folder.path, state: NoState(), clock: SystemClock(),
            bounds: configuration.workerBounds, observer: Silence())
        do throws(Failure) {
            let trust = try configuration.pluginTrust()
            for (index, handler) in configuration.handlers.enumerated() where handler.kind == .plugin {
                var options = configuration.handlerOptions(handler, trust)
                options.workers = 1
                options.patience = .zero
                // No plugin runs in this process, trusted or not.
                options.isolation = .worker
                let isGood = await isBuilt(options, nil, 2 * index + 1, by: host, &report)
                guard isGood, let trial = handler.trial else { continue }
                _ = await isBuilt(options, trial.options, 2 * index + 2, by: host, &report)
            }
        } catch { report.add(keys: error) }
        await host.stop(within: .zero)
    }

    /// - Parameter trial: the second build, looked at beside the first, which is good.
    private func isBuilt(
        _ options: HandlerOptions, _ trial: TrialOptions?, _ number: Int, by host: PluginHost,
        _ report: inout CheckReport
    ) async -> Bool {
        let plugin = trial?.plugin ?? options.plugin
        guard FileManager.default.fileExists(atPath: plugin) else {
            report.skip(options.id, plugin, isTrial: trial != nil)
            return false
        }
        do throws(Failure) {
            let trials = trial.map { [options.id: $0] } ?? [:]
            _ = try await host.build(number, handlers: [options], trials: trials)
            await host.discard(number)
            return true
        } catch {
            report.add(options.id, error, isTrial: trial != nil)
            await host.discard(number)
            return false
        }
    }

    private struct NoState: HandlerState {
        func read(_ keys: [Bytes], of handler: HandlerID, at now: Instant) async throws(Failure) -> [StateValue] {
            keys.map { StateValue(key: $0, value: [], version: 0) }
        }
    }

    private struct Silence: WorkerObserver {
        func note(_ event: WorkerEvent, of worker: WorkerName) {}
    }
}
