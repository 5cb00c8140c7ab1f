/// Tokens: mint, transfer, burn, and balances that are never below zero.

import Kit
import Testing
import Token

@Suite struct TokenTests {
    let host = FakeHost()
    let handler: TokenHandler

    init() throws { handler = try TokenHandler(config: .text(#"{"networks": ["main", "side"]}"#)) }

    /// The reason, "confirmed", or the code of an answer that is not done.
    @discardableResult
    func ask(
        _ action: String, _ quantity: String, from: String? = nil, to: String? = nil, network: String = "main",
        token: String = "gold"
    ) -> String {
        var detail = JSON.Members()
        detail.set("requestId", "R-1")
        detail.set("network", .string(network))
        detail.set("token", .string(token))
        detail.set("quantity", .string(quantity))
        if let from { detail.set("from", .string(from)) }
        if let to { detail.set("to", .string(to)) }
        let outcome = host.run(
            handler,
            Event(
                id: "E-1", source: "qsl.tokens", detailType: "Token.\(action)Requested.v1", detail: .object(detail)))
        guard outcome == .done, let draft = host.published.last else { return outcome.code }
        guard draft.detailType == "Token.Failed.v1" else { return "confirmed" }
        return (try? draft.detail.string(at: "/reason")) ?? ""
    }

    func balance(_ owner: String, network: String = "main", token: String = "gold") throws -> String? {
        try host.record(Balance.self, "balance:\(network):\(token):\(owner)")?.quantity.text
    }

    @Test func aMintAddsToItsOwner() throws {
        #expect(ask("Mint", "5", to: "ann") == "confirmed")
        #expect(ask("Mint", "0.5", to: "ann") == "confirmed")
        #expect(try balance("ann") == "5.5")
        #expect(host.published.last?.source == "qsl.token")
        #expect(
            host.published.last?.detail == [
                "requestId": "R-1", "action": "mint", "network": "main", "token": "gold", "quantity": "0.5",
                "to": "ann", "owner": "ann",
            ])
    }

    @Test func aTransferMayTakeAllAndNotMore() throws {
        ask("Mint", "5", to: "ann")
        #expect(ask("Transfer", "5.000000000000000001", from: "ann", to: "bo") == "insufficient-balance")
        #expect(try balance("ann") == "5" && balance("bo") == nil)
        #expect(ask("Transfer", "5", from: "ann", to: "bo") == "confirmed")
        #expect(try balance("ann") == "0" && balance("bo") == "5")
    }

    @Test func aBurnMayTakeAllAndNotMore() throws {
        ask("Mint", "5", to: "ann")
        #expect(ask("Burn", "6", from: "ann") == "insufficient-balance")
        #expect(ask("Burn", "5", from: "ann") == "confirmed")
        #expect(try balance("ann") == "0")
        #expect(ask("Burn", "1", from: "bo") == "insufficient-balance")
    }

    @Test func aTransferToOneselfMakesNothing() throws {
        ask("Mint", "5", to: "ann")
        #expect(ask("Transfer", "5", from: "ann", to: "ann") == "same-owner")
        #expect(try balance("ann") == "5")
    }

    @Test func networksAndTokensAreApart() throws {
        ask("Mint", "5", to: "ann")
        #expect(ask("Burn", "5", from: "ann", network: "side") == "insufficient-balance")
        #expect(ask("Burn", "5", from: "ann", token: "silver") == "insufficient-balance")
        #expect(ask("Mint", "5", to: "ann", network: "side") == "confirmed")
        #expect(ask("Mint", "5", to: "ann", network: "moon") == "unknown-network")
        #expect(try balance("ann", network: "moon") == nil)
    }

    @Test func aBalanceOutOfRangeFails() throws {
        ask("Mint", "170141183460469231731", to: "ann")
        #expect(ask("Mint", "1", to: "ann") == "too-much")
        #expect(try balance("ann") == "170141183460469231731")
    }

    @Test func aFailureSaysTheRequestAgain() {
        ask("Transfer", "1", from: "ann", to: "bo")
        #expect(
            host.published.last?.detail == [
                "requestId": "R-1", "action": "transfer", "network": "main", "token": "gold", "quantity": "1",
                "from": "ann", "to": "bo", "owner": "ann", "reason": "insufficient-balance",
            ])
        #expect(host.counts["refused"] == 1)
    }

    @Test func whatIsNoRequestIsRejected() {
        #expect(ask("Mint", "0", to: "ann") == "payload.mismatch")
        #expect(ask("Mint", "-1", to: "ann") == "payload.mismatch")
        #expect(ask("Mint", "1") == "payload.mismatch")
        #expect(ask("Transfer", "1", to: "ann") == "payload.mismatch")
        #expect(ask("Mint", "1", to: "ann:bo") == "payload.mismatch")
        #expect(host.published.isEmpty && host.state.isEmpty)
    }

    @Test func aStoredBalanceBelowZeroIsNotBelieved() {
        host.put("balance:main:gold:ann", #"{"quantity": "-1"}"#)
        #expect(ask("Mint", "5", to: "ann") == "host.invalid")
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func balancesAreNeverNegativeAndAddUp(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let owners = ["ann", "bo", "cy"]
        var supply = 0
        for _ in 0..<100 {
            let quantity = Int.random(in: 1...50, using: &numbers)
            let from = try #require(owners.randomElement(using: &numbers))
            let to = try #require(owners.randomElement(using: &numbers))
            switch Int.random(in: 0..<4, using: &numbers) {
            case 0: if ask("Mint", "\(quantity)", to: to) == "confirmed" { supply += quantity }
            case 1: if ask("Burn", "\(quantity)", from: from) == "confirmed" { supply -= quantity }
            default: ask("Transfer", "\(quantity)", from: from, to: to)
            }
            let balances = try owners.map { try #require(Int(balance($0) ?? "0")) }
            #expect(balances.allSatisfy { $0 >= 0 })
            #expect(balances.reduce(0, +) == supply)
        }
    }

    @Test(arguments: [("{}", "/networks"), (#"{"networks": ["a", "b c"]}"#, "/networks/1")])
    func aConfigurationThatCannotWorkNamesItsPlace(config: String, place: String) throws {
        let mismatch = #expect(throws: JSON.Mismatch.self) { try TokenHandler(config: .text(config)) }
        #expect(mismatch?.pointer.text == place)
    }
}
