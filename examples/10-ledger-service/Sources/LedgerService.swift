/// `ledger-service`: a service beside a sidecar. It owns its data, hears of events by HTTP, and knows nothing of
/// queues, signatures or brokers.

import ArgumentParser
import Foundation
import Hummingbird
import Logging

@main
struct LedgerService: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger-service", abstract: "A ledger of payments, behind a Unix socket.")

    @Option(help: "Where to listen.")
    var socket: String

    @Option(help: "The SQLite file; made where there is none.")
    var database: String

    @Option(help: "Users without an address, U-13, or without one of a channel, U-13:sms. May be repeated.")
    var noAddress: [String] = []

    @Option(help: "Networks that do not confirm at once: polygon=silent, base=refuses. May be repeated.")
    var network: [Networks.Entry] = []

    @Flag(help: "End when standard input does: for a parent that may be killed and could not end it then.")
    var endWithInput = false

    func run() async throws {
        let socket = try ServiceSocket(path: socket)
        defer { socket.remove() }
        let ledger = try Ledger(path: database)
        let routes = Routes(ledger: ledger, addresses: Addresses(without: noAddress), networks: Networks(network))
        let application = Application(
            router: routes.router, server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: ApplicationConfiguration(address: .unixDomainSocket(path: socket.path), serverName: nil),
            logger: Logger(label: "ledger-service"))
        if endWithInput { Self.stopAtEndOfInput() }
        // SIGTERM and SIGINT: no new connection, the requests at hand are answered, then it ends.
        try await application.runService()
    }

    private static func stopAtEndOfInput() {
        Thread.detachNewThread {
            while let data = try? FileHandle.standardInput.read(upToCount: 1), !data.isEmpty {}
            kill(getpid(), SIGTERM)
        }
    }
}
