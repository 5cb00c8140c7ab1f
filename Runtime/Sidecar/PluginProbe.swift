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
            for handler in configuration.handlers { report.skip(handler.id, configuration.workerProgram) }
            return
        }
        defer { try? FileManager.default.removeItem(at: folder) }
        let host = PluginHost(
            program: configuration.workerProgram, directory: folder.path, state: NoState(), clock: SystemClock(),
            bounds: configuration.workerBounds, observer: Silence())
        do throws(Failure) {
            let trust = try configuration.pluginTrust()
            for (index, handler) in configuration.handlers.enumerated() {
                guard FileManager.default.fileExists(atPath: handler.plugin) else {
                    report.skip(handler.id, handler.plugin)
                    continue
                }
                var options = configuration.handlerOptions(handler, trust)
                options.workers = 1
                options.patience = .zero
                do throws(Failure) { _ = try await host.build(index + 1, handlers: [options]) } catch {
                    report.add(handler.id, error)
                }
                await host.discard(index + 1)
            }
        } catch { report.add(keys: error) }
        await host.stop(within: .zero)
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
