import Cryptography
import Events
import Plugins
import Services
import Settings

// Services of the pod, from settings to options.

extension Configuration {
    var serviceOptions: [ServiceOptions] {
        services.map { service in
            ServiceOptions(
                name: service.name, socket: service.socket, timeout: service.timeout,
                concurrency: service.concurrency,
                breaker: .init(
                    failures: service.breaker.failures, open: service.breaker.open,
                    openAtMost: service.breaker.openAtMost))
        }
    }
}

extension ServiceHandlers: ResidentHandlers {
    func add(_ generation: Int, _ configuration: Configuration) -> [HandlerProfile] {
        var options: [ServiceHandlerOptions] = []
        var profiles: [HandlerProfile] = []
        for settings in configuration.handlers {
            guard let handler = settings.service, let service = configuration[service: handler.name] else { continue }
            options.append(
                ServiceHandlerOptions(
                    id: settings.id, service: handler.name, path: handler.path, deadline: settings.deadline))
            profiles.append(HandlerProfile(settings, of: handler, service))
        }
        add(generation, options)
        return profiles
    }
}

extension HandlerProfile {
    /// No more events at once than the service takes: the others are better kept in the queue than in its line.
    fileprivate init(_ settings: HandlerSettings, of handler: ServiceHandlerSettings, _ service: ServiceSettings) {
        let batch = min(Limits.batchEntries, service.concurrency)
        let parts = [
            handler.name, handler.path, "\(settings.deadline)", "\(settings.routes)", "\(settings.businessKey)",
        ]
        self.init(
            resident: settings.id, kind: "service \(handler.name)",
            routes: settings.routes.map { RoutePattern(source: $0.source, detailType: $0.detailType) },
            maximumBatch: batch, concurrency: max(1, service.concurrency / batch), businessKey: settings.businessKey,
            digest: Hash.sha256(Array(parts.joined(separator: "\n").utf8)))
    }
}
