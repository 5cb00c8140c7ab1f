import ArgumentParser
import AWS
import Events
import Foundation
import HTTP
import Pipeline
import Settings

/// `outrigger check FILE`: every problem of a configuration, and what the queues say of themselves.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a configuration, the plugins, the queues and the store that it names.")

    @Argument(help: "The configuration, a YAML file.")
    var file: String

    @Flag(help: "Do not ask the queues and a shared store.")
    var offline = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        var (configuration, problems) = Configuration.load(path: file, environment: environment)
        problems += configuration?.peerWarnings(user: geteuid(), file: file) ?? []
        var report = CheckReport(file: file, configuration: configuration, problems: problems)
        if let configuration, !offline {
            let client = HTTPClient()
            defer { client.shutdown() }
            let cloud = Cloud(configuration, environment: environment, client: client, clock: SystemClock())
            for queue in configuration.queues { await ask(queue, cloud, &report) }
            if configuration.store.isShared { await askStore(configuration, environment, client, &report) }
        }
        for service in configuration?.services ?? [] where !FileManager.default.fileExists(atPath: service.socket) {
            report.add(absent: service)
        }
        do throws(Failure) { _ = try configuration?.eventSchemas() } catch { report.add(schemas: error) }
        if let configuration { await PluginProbe(configuration: configuration).report(to: &report) }
        Terminal.write(report.text)
        if !report.isGood { throw ExitCode.failure }
    }

    private func askStore(
        _ configuration: Configuration, _ environment: [String: String], _ client: HTTPClient,
        _ report: inout CheckReport
    ) async {
        let opening = StoreOpening(
            configuration, environment: environment, client: client, clock: SystemClock(), migrates: false)
        for finding in await StoreOffice(opening: opening).inspect() {
            switch finding.verdict {
            case .fit: break
            case .note: report.add(store: finding.subject, finding.words, finding.advice, isUnfit: false)
            case .unfit: report.add(store: finding.subject, finding.words, finding.advice, isUnfit: true)
            }
        }
    }

    private func ask(_ queue: Settings.QueueSettings, _ cloud: Cloud, _ report: inout CheckReport) async {
        do throws(Failure) {
            let description = try await cloud.queue(queue.url).describe()
            var letters: QueueDescription?
            if let url = queue.deadLetter { letters = try await cloud.deadLetterQueue(url).describe() }
            report.add(queue.name, description, deadLetters: letters)
        } catch {
            report.add(queue.name, error)
        }
    }
}
