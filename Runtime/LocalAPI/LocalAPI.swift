// The API of the service in the pod and of operators: two Unix sockets with the same routes and different roles.

public import Events
import Hummingbird
public import Logging
import ServiceLifecycle

/// Both sockets. They listen from the moment that this is made; ``run()`` answers.
public final class LocalAPI: Sendable {
    private let service: SocketServer
    private let admin: SocketServer

    /// - Throws: `settings.invalid`: a socket that another process serves, or that cannot be made.
    public init(
        service: SocketPlace, admin: SocketPlace, peers: PeerBook, operations: any Operations,
        events: EventRoutes, letters: any LetterOffice, replays: any ReplayOffice, observer: any APIObserver,
        logger: Logger
    ) throws(Failure) {
        let routes = Self.routes(operations, events, letters, replays)
        let desk = RequestDesk(
            peers: peers, responder: routes.responder(), logger: logger, observer: observer,
            date: AnswerDate(clock: events.clock))
        self.service = try SocketServer(.service, at: service, desk, logger: logger)
        self.admin = try SocketServer(.admin, at: admin, desk, logger: logger)
    }

    static func routes(
        _ operations: any Operations, _ events: EventRoutes, _ letters: any LetterOffice, _ replays: any ReplayOffice
    ) -> Routes {
        let routes = Routes()
        OperateRoutes(operations: operations).add(to: routes.router)
        events.add(to: routes.router)
        LetterRoutes(office: letters, clock: events.clock).add(to: routes.router)
        ReplayRoutes(office: replays, clock: events.clock).add(to: routes.router)
        IndexRoutes(routes: routes.list).add(to: routes.router)
        return routes
    }

    /// Until cancelled. When a graceful shutdown begins the service socket ends: what it is asked just now it answers,
    /// its streams end, and nothing new is taken. Operators may look on.
    /// - Parameter onServiceEnd: told when that is done: what was taken by then is all there will be.
    public func run(onServiceEnd: @escaping @Sendable () -> Void = {}) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.admin.run() }
            group.addTask {
                defer { onServiceEnd() }
                try await withGracefulShutdownHandler {
                    try await self.service.run()
                } onGracefulShutdown: {
                    self.service.stop()
                }
            }
            try await group.waitForAll()
        }
    }
}
