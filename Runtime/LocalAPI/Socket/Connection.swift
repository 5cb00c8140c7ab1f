import Events
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Synchronization

/// One accepted connection and who is at its other end. Nothing is read from it yet.
struct Connection: Sendable {
    let channel: any Channel
    let credentials: Credentials?
    /// Held as long as it is open.
    let permit: Allowance
    /// Why every request gets the same answer.
    let refusal: ProblemError?
}

/// Takes connections in: asks the kernel who it is, before a byte is read.
struct Reception: Sendable {
    struct Timing: Sendable {
        var idle = Limits.apiIdle
        var linger = Limits.apiLinger
    }

    private let peers: PeerBook
    private let strangers: PeerLimits
    private let timing: Timing
    private let logger: Logger

    init(_ peers: PeerBook, _ timing: Timing, _ logger: Logger) {
        self.peers = peers
        self.timing = timing
        self.logger = logger
        let bounds = PeerLimits.Bounds(rate: 1, body: 0, streams: 0, connections: Limits.apiStrangers)
        strangers = PeerLimits("strangers", bounds)
    }

    /// On the connection's event loop. `nil`: it was cut off.
    func receive(_ channel: any Channel) -> Connection? {
        let credentials = Credentials(of: channel)
        var permit: Allowance?
        var refusal: ProblemError?
        do throws(ProblemError) {
            let (peer, limits) = try peers.peer(credentials)
            permit = limits.openConnection()
            if permit == nil { refusal = tooMany(of: peer) }
        } catch { refusal = error }
        // Who does not listen is not told again.
        guard let permit = permit ?? strangers.openConnection() else {
            channel.close(promise: nil)
            return nil
        }
        return Connection(channel: channel, credentials: credentials, permit: permit, refusal: refusal)
    }

    /// Its requests and answers, from now on.
    func open(_ connection: Connection, _ http: HTTP1Channel) async throws -> HTTP1Channel.Value {
        let channel = connection.channel
        return try await channel.eventLoop.flatSubmit { [logger] in
            http.setup(channel: channel, logger: logger).flatMap { value in
                // A connection that is gone says so when it is read; `value` must be used in any case.
                channel.setOption(.autoRead, value: true).map { value }.recover { _ in value }
            }
        }.get()
    }

    func http(_ connection: Connection, _ answer: @escaping HTTPChannelHandler.Responder) -> HTTP1Channel {
        HTTP1Channel(responder: answer, configuration: configuration(isRefused: connection.refusal != nil))
    }

    private func tooMany(of peer: Peer) -> ProblemError {
        let cause = "\(Limits.apiConnectionsPerPeer) connections are open; reuse them"
        let failure = Failure(.apiThrottled, "peer \(peer.grant.name)", cause)
        return ProblemError(.tooManyRequests, failure, retryAfter: .seconds(1)).closing
    }

    private func configuration(isRefused: Bool) -> HTTP1Channel.Configuration {
        HTTP1Channel.Configuration(
            idleTimeout: TimeAmount(isRefused ? timing.linger : timing.idle),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: Limits.apiHeaderBytes, maxHeaderListSize: Limits.apiHeaderBytes,
                maxHeaderFieldCount: Limits.apiHeaders))
    }
}
