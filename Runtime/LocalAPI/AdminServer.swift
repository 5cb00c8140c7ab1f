// The listener that kubelet and Prometheus talk to: metrics and health, nothing else.

public import Events
import Hummingbird
public import Logging
public import ServiceLifecycle

/// `/metrics`, `/healthz` and `/readyz` over plain HTTP/1.1. Anybody who reaches the address may ask; nothing can be
/// changed here.
public final class AdminServer: Service {
    /// Open at once; others wait in the backlog. Probes and scrapers need a handful.
    static let connections = 64

    private let address: ListenAddress
    private let responder: AdminResponder
    private let onListening: @Sendable (Int) -> Void
    private let logger: Logger

    /// The closures are called on every request, from any task, at once; they must not block.
    /// - Parameters:
    ///   - listen: `host:port`, see ``ListenAddress``.
    ///   - metrics: Prometheus text.
    ///   - isLive: false only when nothing but a restart helps.
    ///   - readiness: what keeps the sidecar from its work, if anything.
    ///   - onListening: told the bound port, once.
    /// - Throws: `settings.invalid` for an address that cannot be one.
    public init(
        listen: String, metrics: @escaping @Sendable () -> String, isLive: @escaping @Sendable () -> Bool,
        readiness: @escaping @Sendable () -> Readiness,
        logger: Logger = Logger(label: "admin") { _ in SwiftLogNoOpLogHandler() },
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws(Failure) {
        address = try ListenAddress(listen)
        responder = AdminResponder(metrics: metrics, isLive: isLive, readiness: readiness)
        self.onListening = onListening
        self.logger = logger
    }

    /// Serves until it is shut down gracefully or cancelled.
    /// - Throws: `settings.invalid` when the address cannot be listened on.
    public func run() async throws {
        let application = Application(
            responder: responder,
            server: .http1(configuration: .init(idleTimeout: .seconds(30))),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port),
                availableConnectionsDelegate: .maximum(AdminServer.connections, logger: logger)),
            onServerRunning: { [onListening, address] in onListening($0.localAddress?.port ?? address.port) },
            logger: logger)
        do {
            try await application.run()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw Failure(.settingsInvalid, "admin.listen", "cannot listen on \(address): \(error)")
        }
    }
}

/// What keeps the sidecar from its work, in words for people. Nothing, and it is ready.
public struct Readiness: Sendable, Hashable {
    /// Each names a thing and what it lacks: `queue payments: no key set was fetched yet`.
    public let problems: [String]

    public init(problems: [String] = []) { self.problems = problems }

    public static let ready = Readiness()
    public var isReady: Bool { problems.isEmpty }
}

/// Where to listen: `127.0.0.1:9464`, `[::1]:9464`, `0.0.0.0:9464`; port 0 takes any that is free.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    public let host: String
    public let port: Int

    /// - Throws: `settings.invalid`.
    public init(_ text: String) throws(Failure) {
        let invalid = Failure(.settingsInvalid, "admin.listen", "not an address with a port: \(text.prefix(128))")
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw invalid
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw invalid
        }
        guard !host.isEmpty else { throw invalid }
        self.host = String(host)
        self.port = Int(port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
