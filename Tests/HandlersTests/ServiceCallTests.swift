/// Calls of services: from a handler across the C boundary, and in the fake host.

import ABI
import HandlerTesting
import Kit
import Testing

/// Books through a service, then writes what it was told.
private struct Booker: Handler {
    static let id = "booker"
    static let routes = [Route("a.source", "A.Type.v1")]
    static let services: [Service] = [.state, .call]
    init(config: JSON) throws {}

    func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        switch event.detail["/do"] {
        case "get":
            _ = try host.call(
                ServiceRequest(
                    "ledger", method: "GET", path: "/accounts?of=A-1", headers: [("x-tenant", "T")],
                    idempotencyKey: "own", timeout: .milliseconds(1_500)))
        case "catch":
            do { _ = try host.call(ServiceRequest("ledger", path: "/x")) } catch .unavailable { return .done }
        case "often": for _ in 0...32 { _ = try host.call(ServiceRequest("ledger", path: "/x")) }
        case "large":
            _ = try host.call(ServiceRequest("ledger", path: "/x", body: Array(repeating: 0, count: 1_048_577)))
        case "other": _ = try host.call(ServiceRequest("other", path: "/x"))
        case "twice":
            for _ in 0..<2 { _ = try host.call(ServiceRequest("ledger", path: "/x")) }
            _ = try host.call(ServiceRequest("ledger", path: "/y"))
        default:
            let answer = try host.call(ServiceRequest("ledger", path: "/entries", json: ["amount": "1.00"]))
            guard answer.isSuccess else { throw Rejection("ledger.refused", "\(answer.status)") }
            let booked = try answer.json()["/booked"] == true
            host.log(.info, "\(answer.status) \(booked) \(answer.header("x-answer") ?? "-")")
            try host.put("booked", Array("yes".utf8), ifVersion: .any, timeToLive: nil)
        }
        return .done
    }
}

private let plugin = Plugin("calls", version: "1.0.0", Booker.self)

@Suite struct ServiceCallTests {
    private func handle(_ command: String, _ change: (CHost) -> Void = { _ in }) throws -> (eh_result, CHost) {
        let host = CHost()
        change(host)
        let handler = try #require(plugin.table?.pointee.handlers[0]?.pointee)
        var instance: UnsafeMutableRawPointer?
        var why = eh_reason()
        #expect(handler.create(host.pointer, host.lend("{}"), &instance, &why) == EH_OK)
        let result = try host.handle(handler, instance, "{\"do\":\"\(command)\"}")
        handler.destroy(instance)
        return (result, host)
    }

    @Test func aCallCrossesTheBoundaryAndItsAnswerComesBack() throws {
        let (result, host) = try handle("book")
        #expect(result.outcome == EH_DONE)
        #expect(host.calls == [
            "call [ledger] [POST] [/entries] [{\"amount\":\"1.00\"}] [] 0 content-type=application/json",
            "log 2 201 true yes", "put booked yes any 0",
        ])
    }

    @Test func methodKeyAndTimeAreTheHandlers() throws {
        let (_, host) = try handle("get")
        #expect(host.calls == ["call [ledger] [GET] [/accounts?of=A-1] [] [own] 1500 x-tenant=T"])
    }

    @Test(arguments: [
        (EH_UNAVAILABLE, EH_WAIT, "host.unavailable"), (EH_DENIED, EH_RETRY, "host.denied"),
        (EH_TOO_LARGE, EH_RETRY, "host.too-large"), (EH_EXPIRED, EH_RETRY, "host.expired"),
        (EH_INVALID, EH_RETRY, "host.invalid"),
    ])
    func whatTheHostSaysBecomesItsAnswer(_ status: eh_status, _ outcome: eh_outcome, _ code: String) throws {
        let (result, _) = try handle("book") { $0.status = status }
        #expect(result.outcome == outcome)
        let said = withUnsafeBytes(of: result.reason.code) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        #expect(said == code)
    }

    @Test func aHostWithoutTheServiceDenies() throws {
        let (result, _) = try handle("book") { $0.offersServices = false }
        #expect(result.outcome == EH_RETRY)
    }

    // MARK: - the fake host

    private let host = FakeHost()
    private let handler: Booker

    init() throws { handler = try Booker(config: [:]) }

    private func run(_ command: String) -> Outcome { host.run(handler, "A.Type.v1", ["do": .string(command)]) }

    @Test func aServiceOfATestAnswers() throws {
        host.services["ledger"] = { request in
            #expect(request.method == "POST" && request.path == "/entries")
            return ServiceResponse(status: 201, json: ["booked": true])
        }
        #expect(run("book") == .done)
        #expect(host.text("booked") == "yes")
        #expect(host.logLines == ["201 true -"])
        #expect(host.calls.map(\.path) == ["/entries"])
    }

    @Test func oneThatIsAwayIsAWaitUnlessTheHandlerKnowsBetter() throws {
        struct Away: Error {}
        host.services["ledger"] = { _ in throw Away() }
        #expect(run("book") == .wait(Reason("host.unavailable")))
        #expect(run("catch") == .done)
        #expect(host.text("booked") == nil)
    }

    @Test func oneThatIsNotListedIsDenied() throws {
        #expect(run("book").code == "host.denied")
        host.services["ledger"] = { _ in ServiceResponse(status: 204) }
        #expect(run("other").code == "host.denied")
    }

    @Test func callsAreOutsideOfThePromiseAndKeepTheirKeys() throws {
        host.services["ledger"] = { _ in ServiceResponse(status: 500) }
        let event = host.event(Booker.self, "A.Type.v1", [:])
        #expect(host.run(handler, event).code == "ledger.refused")
        host.services["ledger"] = { _ in ServiceResponse(status: 200, json: ["booked": true]) }
        #expect(host.run(handler, event) == .done)
        #expect(host.calls.count == 2 && Set(host.calls.map(\.idempotencyKey)).count == 1)
        #expect(run("twice") == .done)
        #expect(Set(host.calls.map(\.idempotencyKey)).count == 4)
    }

    @Test func theLimitsOfTheHeaderHold() throws {
        host.services["ledger"] = { _ in ServiceResponse(status: 200) }
        #expect(run("often").code == "host.too-large")
        #expect(host.calls.count == 32)
        #expect(run("large").code == "host.too-large")
        host.services["ledger"] = { _ in ServiceResponse(status: 200, body: Array(repeating: 0, count: 1_048_577)) }
        #expect(run("book").code == "host.too-large")
        host.remaining = .zero
        #expect(run("book").code == "handle.unanswered")
    }
}
