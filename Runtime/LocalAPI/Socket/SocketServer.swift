import Events
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Serves HTTP/1.1 on one Unix socket.
final class SocketServer: Sendable {
    private struct State {
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var isStopping = false
    }

    private let kind: SocketKind
    private let file: SocketFile
    private let reception: Reception
    private let desk: RequestDesk
    private let timing: Reception.Timing
    private let logger: Logger
    private let state = Mutex(State())

    /// - Throws: `settings.invalid`, see ``SocketFile``. The socket listens from here on, and is answered by ``run()``.
    init(
        _ kind: SocketKind, at place: SocketPlace, _ desk: RequestDesk, timing: Reception.Timing = .init(),
        logger: Logger
    ) throws(Failure) {
        self.kind = kind
        self.desk = desk
        self.timing = timing
        self.logger = logger
        reception = Reception(desk.peers, timing, logger)
        file = try SocketFile(place)
    }

    /// Until stopped and the last connection has ended, or cancelled.
    func run() async throws {
        defer {
            file.remove()
            for connection in state.withLock({ Array($0.connections.values) }) { connection.close(promise: nil) }
        }
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.autoRead, value: false)
            .bind(file.descriptor, serverBackPressureStrategy: .init(lowWatermark: 1, highWatermark: 1)) { channel in
                channel.eventLoop.makeCompletedFuture { self.receive(channel) }
            }
        file.listenAgain()
        let isStopping = state.withLock { state in
            state.listener = server.channel
            return state.isStopping
        }
        if isStopping { stop() }
        try await server.executeThenClose { connections in
            try await withThrowingTaskGroup(of: Void.self) { group in
                var open = 0
                for try await connection in connections {
                    guard let connection else { continue }
                    if open == Limits.apiConnections {
                        // The next ones wait in the backlog.
                        try await group.next()
                        open -= 1
                    }
                    open += 1
                    group.addTask { await self.serve(connection) }
                }
            }
        }
    }

    /// Nothing new is accepted; what is answered just now is answered, and its connection ends.
    func stop() {
        file.remove()
        let (listener, connections) = state.withLock { state in
            state.isStopping = true
            return (state.listener, Array(state.connections.values))
        }
        listener?.close(promise: nil)
        for connection in connections { quiesce(connection) }
    }

    private func quiesce(_ channel: any Channel) {
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }

    /// Whatever becomes of the task that is to serve it, the connection ends with the server.
    private func receive(_ channel: any Channel) -> Connection? {
        guard let connection = reception.receive(channel) else { return nil }
        let id = ObjectIdentifier(channel)
        let isStopping = state.withLock { state in
            state.connections[id] = channel
            return state.isStopping
        }
        if isStopping { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in self.state.withLock { _ = $0.connections.removeValue(forKey: id) } }
        return connection
    }

    private func serve(_ connection: Connection) async {
        let http = reception.http(connection) { [desk, kind, timing] request, writer, channel in
            let response = await desk.answer(request, writer, connection, on: kind)
            try await writer.write(response: response.head, body: response.body)
            guard response.headers[.connection] == "close" else { return }
            // What is left of the request is read for a moment: cut off at once, the caller would not see the answer.
            channel.eventLoop.scheduleTask(in: TimeAmount(timing.linger)) { channel.close(promise: nil) }
        }
        guard let channel = try? await reception.open(connection, http) else {
            return connection.channel.close(promise: nil)
        }
        // The word to stop came before there was anybody to hear it.
        if state.withLock({ $0.isStopping }) { quiesce(connection.channel) }
        await http.handle(value: channel, logger: logger)
    }
}
