import ArgumentParser
import Events
import Foundation
import LocalAPI
import Logging
import ServiceLifecycle
import Settings
import Telemetry
import UnixSignals

/// `outrigger run`: the sidecar itself, until SIGTERM.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the sidecar (the default command).")

    @Argument(help: "The configuration, a YAML file.")
    var config = "/etc/outrigger/outrigger.yaml"

    func run() async throws {
        let source = ConfigurationSource(path: config)
        let (configuration, problems) = source.read()
        guard let configuration else {
            Terminal.complain(CheckReport(file: config, configuration: nil, problems: problems).text)
            throw ExitCode.failure
        }
        let observers = Observers(level: configuration.log.level)
        let sidecar = SidecarService(configuration, from: source, observers: observers)
        let logger = observers.logger("lifecycle")
        var lifecycle = ServiceGroupConfiguration(
            services: [
                .init(service: try sidecar.admin(), failureTerminationBehavior: .gracefullyShutdownGroup),
                .init(
                    service: sidecar, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // Each generation says how long a stop may take; this is the end of them all.
        lifecycle.maximumGracefulShutdownDuration = StopSettings.longestDeadline + .seconds(5)
        try await ServiceGroup(configuration: lifecycle).run()
    }
}
