/// Token operations through the service next door: what its answers mean, and that no network does anything twice.

import HandlerTesting
import Kit
import Testing
import Token
import Vocabulary

@Suite struct TokenServiceTests {
    let host = FakeHost()
    let handler: TokenHandler

    init() throws {
        handler = try TokenHandler(config: [
            "networks": ["base", "ethereum", "polygon"], "quorum": 2, "retry": ["every": "10s", "attempts": 3],
            "broadcast": ["service": "gateway"],
        ])
    }

    private static func confirmed(_ asked: JSON) -> ServiceResponse {
        ServiceResponse(status: 200, json: ["transactionId": asked[.network] ?? "?"])
    }

    /// Mints five to ann, and lets the first timer fire.
    @discardableResult
    private func mint() -> [Outcome] {
        host.run(handler, TokenBench.event("Mint", "5", to: "ann"))
        return host.fireTimers(of: handler, until: host.now)
    }

    private var told: [String] { host.published.map(\.detailType) }

    @Test func theServiceIsCalledForEachNetworkUnderAKeyThatStays() throws {
        host.services["gateway"] = { try Self.confirmed(JSON(parsing: $0.body)) }
        #expect(mint() == [.done])
        #expect(host.calls.map(\.idempotencyKey) == ["R-1/base/0", "R-1/ethereum/0", "R-1/polygon/0"])
        let call = try #require(host.calls.first)
        #expect(call.method == "POST" && call.path == "/broadcasts")
        #expect(
            try JSON(parsing: call.body) == [
                "requestId": "R-1", "network": "base", "action": "mint", "token": "gold", "quantity": "5", "to": "ann",
            ])
        #expect(told == ["Token.Confirmed.v1"])
        #expect(host.published.last?.detail["/confirmed/0"] == ["network": "base", "transactionId": "base"])
    }

    /// What one network's answer comes to, where the two others confirm.
    @Test(arguments: [
        (200, ["transactionId": "tx"], nil), (202, [:], "no-answer"), (200, [:], "no-answer"),
        (200, ["transactionId": "t x"], "no-answer"), (422, ["code": "frozen"], "frozen"), (410, [:], "refused"),
    ] as [(Int, JSON, String?)])
    func aStatusMeansOneThing(status: Int, body: JSON, reason: String?) throws {
        host.services["gateway"] = { request in
            let asked = try JSON(parsing: request.body)
            return asked[.network] == "polygon" ? ServiceResponse(status: status, json: body) : Self.confirmed(asked)
        }
        mint()
        host.fireTimers(of: handler, until: host.now + .seconds(60))
        #expect(told == ["Token.Confirmed.v1"] + (reason == nil ? [] : ["Token.PartiallyConfirmed.v1"]))
        if let reason { #expect(host.published.last?.detail["/unconfirmed/0/reason"] == .string(reason)) }
    }

    @Test(arguments: [400, 404, 409, 429, 500, 503]) func nobodyToAskIsNoNetworksFault(status: Int) throws {
        host.services["gateway"] = { _ in ServiceResponse(status: status) }
        for _ in 1...5 { #expect(mint().last == .wait(Reason("host.unavailable"))) }
        host.services["gateway"] = { try Self.confirmed(JSON(parsing: $0.body)) }
        host.fireTimers(of: handler, until: host.now)
        #expect(told == ["Token.Confirmed.v1"])
    }

    @Test func aServiceThatMayNotBeCalledIsNoWait() {
        #expect(mint() == [.retry(Reason("host.denied"))])
    }

    /// Calls happen at least once: whatever is lost around them, a network does each request once, the balances add up,
    /// and each request ends once.
    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func noNetworkDoesAnythingTwice(seed: UInt64) throws {
        var chances = SeededNumbers(seed: seed)
        let service = KeyedService { asked in
            Int.random(in: 0..<4, using: &chances) == 0 ? ServiceResponse(status: 202) : Self.confirmed(asked)
        }
        service.serve(host, as: "gateway")
        service.mishap = {
            Int.random(in: 0..<3, using: &chances) == 0 ? .allCases.randomElement(using: &chances) : nil
        }
        var numbers = SeededNumbers(seed: seed &+ 1)
        let requests = (1...20).map { number in
            number % 3 == 0
                ? TokenBench.event("Transfer", "1", id: "R-\(number)", from: "ann", to: "bo")
                : TokenBench.event("Mint", "5", id: "R-\(number)", to: "ann")
        }
        for event in (requests + requests).shuffled(using: &numbers) {
            #expect(host.run(handler, event) == .done, "seed \(seed)")
            advance(seconds: Int.random(in: 0...20, using: &numbers))
        }
        service.mishap = { nil }
        advance(seconds: 120)
        #expect(host.timers.isEmpty, "seed \(seed)")
        let done = service.done.map { "\($0[.requestID] ?? "") \($0[.network] ?? "")" }
        #expect(Set(done).count == done.count, "seed \(seed)")
        let ends = host.published.filter { $0.detailType != "Token.PartiallyConfirmed.v1" }
        #expect(Set(ends.map { $0.detail[.requestID] }).count == 20 && ends.count == 20, "seed \(seed)")
        let balances = try ["ann", "bo"].reduce(0) { sum, owner in
            try sum + (Int(host.record(Balance.self, "balance:gold:\(owner)")?.quantity.text ?? "0") ?? -1)
        }
        #expect(try host.record(Balance.self, "supply:gold")?.quantity.text == String(balances), "seed \(seed)")
    }

    private func advance(seconds: Int) {
        for _ in 0..<seconds {
            host.fireTimers(of: handler, until: host.now + .seconds(1))
            host.remaining = .seconds(10)
        }
    }
}
