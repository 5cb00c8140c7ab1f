import Events
import Foundation
import HTTP
import Support
import Testing

@testable import LocalAPI

/// Who is at the other end, and how much of the socket they get. The kernel says who: processes of other users ask.
@Suite(.enabled(if: geteuid() == 0, "only root can be other users"))
struct PeerSocketTests {
    private static let grants = [
        Grant(name: "service", users: [41_001], groups: [], roles: [.publish, .read]),
        Grant(name: "operators", users: [], groups: [42_000], roles: [.read, .operate]),
        PeerPolicy.ownUser(0),
    ]

    @Test func aPeerIsKnownByItsUserOrAnyOfItsGroups() async throws {
        let bench = SocketBench(peers: .of(Self.grants))
        try await bench.serving { _ in
            let cases: [(UInt32, UInt32, [UInt32], String)] = [
                (41_001, 41_001, [], "service"), (43_000, 42_000, [], "operators"),
                (43_000, 43_000, [43_001, 42_000, 43_002], "operators"), (41_001, 42_000, [], "service"),
            ]
            for (user, group, groups, name) in cases {
                let answer = try await bench.curl("http://localhost/", user: user, group: group, groups: groups)
                #expect(answer.output.contains("You are \(name): uid \(user)"), "\(answer.output)")
            }
        }
    }

    @Test func strangersAreToldAndCutOff() async throws {
        let bench = SocketBench(peers: .of(Self.grants))
        try await bench.serving { _ in
            for user in [43_000, 65_534] as [UInt32] {
                let answer = try await bench.curl("http://localhost/v1/status", user: user)
                #expect(answer.output.hasPrefix("HTTP/1.1 403"), "\(answer.output)")
                #expect(answer.output.contains("api.denied"))
                #expect(answer.output.lowercased().contains("connection: close"))
            }
            let refused = Answers.Answer(peer: "unknown", status: 403, code: .apiDenied)
            #expect(bench.answers.all == [refused, refused])
        }
    }

    @Test func theOverflowIdIsNobodyEvenIfListed() async throws {
        let open = Grant(name: "open", users: [65_534], groups: [65_534], roles: [.read])
        let bench = SocketBench(peers: .of([open]))
        try await bench.serving { _ in
            for (user, group) in [(65_534, 65_534), (43_000, 65_534)] as [(UInt32, UInt32)] {
                let answer = try await bench.curl("http://localhost/", user: user, group: group)
                #expect(answer.output.hasPrefix("HTTP/1.1 403"))
            }
        }
    }

    @Test func aWorkerIsRefusedByItsProcess() async throws {
        // Its own user may operate; the process may not.
        let bench = SocketBench(isWorker: { $0 != getpid() })
        try await bench.serving { _ in
            let child = try await bench.curl("http://localhost/")
            #expect(child.output.hasPrefix("HTTP/1.1 403"))
            #expect(child.output.contains("worker of this sidecar"))
            #expect(try await bench.ask("GET", "/").status == 200)
        }
    }

    @Test func whoMayNotWriteTheSocketDoesNotEvenConnect() async throws {
        let bench = SocketBench(peers: .of(Self.grants))
        try await bench.serving(mode: 0o660) { _ in
            let answer = try await bench.curl("http://localhost/", user: 41_001)
            #expect(answer.status == 7, "curl: could not connect")
            #expect(try await bench.ask("GET", "/").status == 200)
        }
    }

    // MARK: - roles

    @Test func aRoleCountsOnItsSocketAlone() async throws {
        let service = SocketBench(.service, peers: .of(Self.grants))
        try await service.serving { _ in
            let answer = try await service.curl("http://localhost/v1/status")
            #expect(answer.output.hasPrefix("HTTP/1.1 403"))
            #expect(answer.output.contains("'operate' is for the admin socket"))
        }
        let admin = SocketBench(.admin, peers: .of(Self.grants))
        try await admin.serving { _ in
            let answer = try await admin.curl("-X POST http://localhost/v1/reload", user: 41_001)
            #expect(answer.output.hasPrefix("HTTP/1.1 403"))
            #expect(answer.output.contains("peer service (uid 41001) has not the role 'operate'"))
        }
    }

    @Test func aGrantThatIsTakenAwayEndsOnOpenConnectionsAsWell() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            let socket = try RawSocket(bench.socket)
            let request = "GET /v1/config HTTP/1.1\r\nHost: x\r\n\r\n"
            socket.send(request)
            #expect(await socket.receive(until: "info").hasPrefix("HTTP/1.1 200"))
            bench.peers.become(.of([Self.grants[0]]))
            socket.send(request)
            #expect(await socket.receiveAll().hasPrefix("HTTP/1.1 403"))
        }
    }

    // MARK: - how much

    @Test func tooManyRequestsAreToldWhenToComeAgain() async throws {
        let bench = SocketBench(peers: .of([PeerPolicy.ownUser(0)], rate: 1))
        try await bench.serving { _ in
            #expect(try await bench.ask("GET", "/").status == 200)
            let answer = try await bench.ask("GET", "/")
            #expect(answer.status == 429)
            #expect(answer.code == "api.throttled")
            #expect(answer.headers["Retry-After"] == "1")
        }
    }

    @Test func streamsOfAPeerAreBoundedAndComeBack() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            var streams: [RawSocket] = []
            for _ in 0..<2 {
                let stream = try RawSocket(bench.socket)
                stream.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = await stream.receive(until: "first")
                streams.append(stream)
            }
            #expect(try await bench.ask("GET", "/stream").status == 429)
            bench.gate.open()
            for stream in streams { _ = await stream.receive(until: "0\r\n\r\n") }
            let isFree = try await eventually { try await bench.ask("GET", "/stream").status == 200 }
            #expect(isFree)
        }
    }

    @Test func aThousandConnectionsOfOnePeerKeepNobodyElseOut() async throws {
        let bench = SocketBench(peers: .of(Self.grants))
        try await bench.serving { _ in
            let held = (0..<1_000).compactMap { _ in try? RawSocket(bench.socket) }
            #expect(held.count > Limits.apiConnectionsPerPeer)
            // While the kernel's own line for the socket is full a connect that does not wait is refused.
            let isServed = try await eventually {
                try await bench.curl("http://localhost/", user: 41_001).output.hasPrefix("HTTP/1.1 200")
            }
            #expect(isServed)
            withExtendedLifetime(held) {}
        }
        #expect(bench.answers.all.contains(.init(peer: "service", status: 200, code: nil)))
    }

    @Test func afterAThousandConnectionsTheSamePeerIsServedAgain() async throws {
        let bench = SocketBench()
        try await bench.serving { _ in
            do {
                let held = (0..<1_000).compactMap { _ in try? RawSocket(bench.socket) }
                withExtendedLifetime(held) {}
            }
            // Until they have all been let go it is cut off like a stranger.
            let isServed = await eventually { (try? await bench.ask("GET", "/"))?.status == 200 }
            #expect(isServed)
        }
    }
}
