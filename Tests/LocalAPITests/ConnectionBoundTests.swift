import Events
import Foundation
import Testing

@testable import LocalAPI

/// So many connections at once on one socket, whoever has them. Two peers with all that one peer may have fill it.
@Suite(.enabled(if: geteuid() == 0, "only root can be other users"))
struct ConnectionBoundTests {
    private static let others: [UInt32] = [41_001, 41_002]
    private static let grants = others.map {
        Grant(name: "user-\($0)", users: [$0], groups: [], roles: [.read])
    } + [PeerPolicy.ownUser(0)]
    private static let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    private static let end = "describes them.\n"

    @Test func whoComesWhenTheSocketIsFullWaitsForAPlace() async throws {
        let bench = SocketBench(peers: .of(Self.grants))
        try await bench.serving { _ in
            let own = try RawSocket(bench.socket)
            own.send(Self.request)
            #expect(await own.receive(until: Self.end).hasPrefix("HTTP/1.1 200"))
            // They are answered when the gate opens.
            let most = Limits.apiConnectionsPerPeer
            async let first = bench.hold(most, as: Self.others[0])
            async let second = bench.hold(Limits.apiConnections - most - 1, as: Self.others[1])
            for _ in 0..<Limits.apiConnections - 1 { await bench.gate.someoneWaits() }
            let late = try RawSocket(bench.socket)
            late.send(Self.request)
            // Some rounds through the server, on a connection that it serves: it had every opportunity.
            for _ in 0..<20 {
                own.send(Self.request)
                _ = await own.receive(until: Self.end)
            }
            #expect(!late.isAnswered, "it is in the backlog")
            bench.gate.open()
            #expect(await late.receive(until: Self.end).hasPrefix("HTTP/1.1 200"))
            #expect(try await [first.status, second.status] == [0, 0])
        }
    }
}

extension SocketBench {
    fileprivate func hold(_ count: Int, as user: UInt32) async throws -> (status: Int32, output: String) {
        try await curl(
            "-m 300 --parallel --parallel-immediate --parallel-max \(count) -o /dev/null "
                + "'http://localhost/slow?[1-\(count)]'", user: user)
    }
}
