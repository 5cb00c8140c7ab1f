import Events
import Foundation
import HTTP
import Hummingbird
import JSON
import Logging
import Pipeline
import Synchronization
import Testing

@testable import LocalAPI

/// Requests about dead letters, over a real socket.
@Suite struct LetterRoutesTests {
    private let office = ScriptedOffice(
        (1...3).map { number in
            BoxedLetter(
                id: MessageID("l-\(number)"), body: Bytes(#"{"detail-type":"T.v1"}"#),
                attributes: [Attribute(name: "kind", value: "x")],
                failure: #"{"code":"handle.rejected","handler":"pay","attempts":2,"eventId":"e-\#(number)","#
                    + #""signature":"verified"}"#,
                arrivedAt: Instant(unixSeconds: Int64(number)), group: nil)
        })

    private func serving(
        _ kind: SocketKind = .admin, _ body: @escaping @Sendable (LetterBenchSocket) async throws -> Void
    ) async throws {
        let bench = LetterBenchSocket(kind, office)
        try await bench.serving { try await body(bench) }
    }

    @Test func lettersAreListedWithoutTheirBodies() async throws {
        try await serving { bench in
            let target = "/v1/dead-letters?queue=main&code=handle.rejected&olderThan=60&limit=2"
            let answer = try await bench.ask("GET", target)
            #expect(answer.status == 200)
            #expect(answer.json["letters"]?.array?.count == 2 && answer.json["whole"]?.bool == false)
            #expect(answer.json["letters"]?[0]?["fingerprint"]?.string == "handle.rejected/pay/T.v1")
            #expect(answer.json["letters"]?[0]?["body"] == nil)
            let asked = office.asked.withLock { $0 }
            #expect(asked.place == LetterPlace(queue: QueueName("main")))
            #expect(asked.filter?.code == "handle.rejected" && asked.filter?.olderThan == .seconds(60))
            #expect(asked.filter?.queue == QueueName("main"))
            let groups = try await bench.ask("GET", "/v1/dead-letters/groups?queue=main")
            #expect(groups.json["groups"]?[0]?["count"]?.int == 3)
            for parked in [answer.json["parked"]?[0], groups.json["parked"]?[0]] {
                #expect(parked?["messageGroup"]?.string == "account 7" && parked?["behind"]?.string == "e-1")
                #expect(parked?["since"]?.string == "1970-01-01T00:01:00.000Z")
            }
            let permitted = try await bench.ask("GET", "/v1/dead-letters/l-1?queue=main")
            #expect(permitted.json["permittedUntil"]?.string == "1970-01-02T00:00:00.000Z")
            let one = try await bench.ask("GET", "/v1/dead-letters/l-2?queue=main&box=quarantine")
            #expect(one.json["body"]?.string == #"{"detail-type":"T.v1"}"#)
            #expect(one.json["attributes"]?["kind"]?.string == "x" && one.json["permittedUntil"] == nil)
            #expect(try await bench.ask("GET", "/v1/dead-letters/l-9?queue=main").status == 404)
        }
    }

    @Test func aRedriveSaysExactlyWhichLettersHowFastAndWhy() async throws {
        try await serving { bench in
            let body = #"{"queue":"main","group":"handle.rejected/pay/T.v1","rate":2.5,"canary":3,"patience":9,"#
                + #""reason":"fixed"}"#
            let answer = try await bench.ask("POST", "/v1/dead-letters/redrive", body)
            #expect(answer.status == 200 && answer.json["moved"]?.int == 3)
            let asked = office.asked.withLock { $0 }
            #expect(asked.filter?.fingerprint?.text == "handle.rejected/pay/T.v1")
            #expect(asked.plan?.rate == 2.5 && asked.plan?.canary == 3 && asked.plan?.patience == .seconds(9))
            #expect(asked.author == LetterAuthor(name: "peer own-user (uid \(geteuid()))", reason: "fixed"))
        }
    }

    @Test(arguments: [
        #"{"queue":"main"}"#, #"{"queue":"main","id":"l-1","all":true}"#, #"{"queue":"main","all":false}"#,
        #"{"all":true}"#, #"{"queue":"main","all":true,"box":"other"}"#, #"{"queue":"main","al":true}"#, "[]", "",
        #"{"queue":"main","all":true,"rate":0}"#, #"{"queue":"main","all":true,"canary":-1}"#,
        #"{"queue":"main","group":"x"}"#, #"{"queue":"main","all":true,"arrivedBy":"yesterday"}"#,
    ])
    func whatIsNotClearIsNotDone(body: String) async throws {
        try await serving { bench in
            let answer = try await bench.ask("POST", "/v1/dead-letters/redrive", body)
            #expect(answer.status == 400 && answer.json["code"]?.string == "api.malformed")
            #expect(office.asked.withLock { $0.place } == nil)
        }
    }

    @Test func nothingIsDiscardedWithoutAReason() async throws {
        try await serving { bench in
            let path = "/v1/dead-letters/discard"
            #expect(try await bench.ask("POST", path, #"{"queue":"main","all":true}"#).status == 400)
            #expect(office.asked.withLock { $0.place } == nil)
            let answer = try await bench.ask("POST", path, #"{"queue":"main","id":"l-1","reason":"obsolete"}"#)
            #expect(answer.status == 200)
            #expect(office.asked.withLock { $0.author?.reason } == "obsolete")
        }
    }

    @Test func anOverrideNeedsAReasonAndIsPartOfThePlan() async throws {
        try await serving { bench in
            let path = "/v1/dead-letters/redrive"
            for wrong in [
                #"{"queue":"main","all":true,"override":true}"#, #"{"queue":"main","all":true,"override":1}"#,
            ] {
                let status = try await bench.ask("POST", path, wrong).status
                #expect(status == 400)
            }
            #expect(office.asked.withLock { $0.place } == nil)
            let right = #"{"queue":"main","id":"l-1","override":true,"reason":"the bank lost it"}"#
            #expect(try await bench.ask("POST", path, right).status == 200)
            #expect(office.asked.withLock { $0.plan?.override } != nil)
        }
    }

    @Test func permitsAreGivenMessageByMessage() async throws {
        try await serving { bench in
            let path = "/v1/dead-letters/permits"
            let answer = try await bench.ask(
                "POST", path, #"{"queue":"main","bodies":["signed","forged"],"reason":"the bank lost it"}"#)
            #expect(answer.status == 200)
            #expect(answer.json["permits"]?[0]?["eventId"]?.string == "e-1")
            #expect(answer.json["permits"]?[0]?["until"]?.string == "1970-01-02T00:00:00.000Z")
            #expect(answer.json["permits"]?[1]?["failure"]?["code"]?.string == "verify.bad-signature")
            #expect(office.asked.withLock { $0.bodies } == [Bytes("signed"), Bytes("forged")])
            let eleven = Array(repeating: #""b""#, count: 11).joined(separator: ",")
            for wrong in [
                #"{"queue":"main","bodies":["signed"]}"#, #"{"queue":"main","bodies":[],"reason":"r"}"#,
                #"{"queue":"main","bodies":[1],"reason":"r"}"#, #"{"queue":"main","bodies":[\#(eleven)],"reason":"r"}"#,
            ] {
                let status = try await bench.ask("POST", path, wrong).status
                #expect(status == 400, "\(wrong)")
            }
        }
    }

    @Test func aParkedGroupIsFreedByNameAndWithAReason() async throws {
        try await serving { bench in
            let path = "/v1/dead-letters/free"
            let nameless = try await bench.ask("POST", path, #"{"queue":"main","messageGroup":"account 7"}"#)
            #expect(nameless.status == 400)
            let other = try await bench.ask("POST", path, #"{"queue":"main","messageGroup":"x","reason":"r"}"#)
            #expect(other.status == 404)
            let freed = try await bench.ask("POST", path, #"{"queue":"main","messageGroup":"account 7","reason":"r"}"#)
            #expect(freed.status == 204)
            #expect(office.asked.withLock { $0.freed } == "account 7")
        }
    }

    @Test func anEditIsTheRawPayload() async throws {
        try await serving { bench in
            let body = #"{"queue":"main","detailCore":{"b":1.50,"a":[ ]}}"#
            let answer = try await bench.ask("POST", "/v1/dead-letters/l-1/edit", body)
            #expect(answer.json["eventId"]?.string == "new" && answer.json["new"]?.bool == true)
            #expect(office.asked.withLock { $0.core } == Bytes(#"{"b":1.50,"a":[ ]}"#))
        }
    }

    @Test func whatWasDoneElsewhereIsNoted() async throws {
        try await serving { bench in
            let path = "/v1/dead-letters/notes"
            let letter = #"{"message":"m-1","event":"e-1","code":"handle.rejected","handler":"pay"}"#
            let body = #"{"queue":"main","action":"discarded","reason":"old","letters":[\#(letter)]}"#
            let status = try await bench.ask("POST", path, body).status
            #expect(status == 204)
            let asked = office.asked.withLock { $0 }
            #expect(asked.action == .discarded && asked.author?.reason == "old")
            #expect(asked.notes.map(\.message) == ["m-1"] && asked.notes.map(\.code) == ["handle.rejected"])
            for wrong in [#"{"queue":"main","action":"done","letters":[{}]}"#, #"{"queue":"main","action":"edited"}"#] {
                let status = try await bench.ask("POST", path, wrong).status
                #expect(status == 400)
            }
        }
    }

    @Test func theServiceSocketHasNoSay() async throws {
        try await serving(.service) { bench in
            for (method, path) in [
                ("GET", "/v1/dead-letters?queue=main"), ("GET", "/v1/dead-letters/l-1?queue=main"),
                ("POST", "/v1/dead-letters/redrive"), ("POST", "/v1/dead-letters/discard"),
                ("POST", "/v1/dead-letters/l-1/edit"), ("POST", "/v1/dead-letters/permits"),
                ("POST", "/v1/dead-letters/free"),
            ] {
                let status = try await bench.ask(method, path, #"{"queue":"main","all":true}"#).status
                #expect(status == 403, "\(path)")
            }
        }
    }
}

/// A socket with these routes alone.
final class LetterBenchSocket: Sendable {
    private let folder: String
    private let kind: SocketKind
    private let office: ScriptedOffice

    init(_ kind: SocketKind, _ office: ScriptedOffice) {
        var template = Array("/tmp/or.XXXXXX".utf8CString)
        folder = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
        self.kind = kind
        self.office = office
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private var socket: String { folder + "/api.sock" }

    func serving(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let routes = Routes()
        LetterRoutes(office: office, clock: MachineClock()).add(to: routes.router)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let peers = PeerBook(.of([PeerPolicy.ownUser(geteuid())]), isWorker: { _ in false })
        let desk = RequestDesk(
            peers: peers, responder: routes.responder(), logger: logger, observer: Answers(),
            date: AnswerDate(clock: MachineClock()))
        let place = SocketPlace(path: socket, mode: 0o600, group: nil)
        let server = try SocketServer(kind, at: place, desk, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await body()
            group.cancelAll()
        }
    }

    func ask(_ method: String, _ path: String, _ body: String = "") async throws -> HTTP.HTTPResponse {
        let client = HTTPClient(connections: 1)
        defer { client.shutdown() }
        return try await client.send(
            HTTP.HTTPRequest(
                method: method, url: "http://localhost" + path, body: Bytes(body), unixSocket: socket))
    }
}
