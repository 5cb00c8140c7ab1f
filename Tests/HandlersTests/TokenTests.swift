/// Tokens: what a request takes, what the networks' answers come to, and balances that are never below zero.

import HandlerTesting
import Kit
import Testing
import Token
import Vocabulary

/// Networks that answer as a test says.
struct ScriptedNetworks: Broadcaster {
    var answer: @Sendable (_ network: String, _ asked: Int) -> Answer

    func broadcast(
        _ request: TokenRequest, to network: Identifier, asked: Int, _ host: any Host
    ) throws(HostFailure) -> Answer {
        answer(network.text, asked)
    }

    static func confirmed(_ network: String) -> Answer {
        Identifier("tx-\(network)").map { .confirmed(transaction: $0) } ?? .notYet
    }
}

struct TokenBench {
    static let config: JSON = [
        "retry": ["every": "10s", "attempts": 3], "broadcast": ["simulated": [:]],
        "tokens": ["silver": ["decimals": 2, "supply": "100"]],
    ]
    let host = FakeHost()
    let handler: TokenHandler

    init(_ answer: @escaping @Sendable (String, Int) -> Answer = { network, _ in ScriptedNetworks.confirmed(network) })
        throws
    {
        handler = TokenHandler(try TokenSettings(json: Self.config), ScriptedNetworks(answer: answer))
    }

    static func event(
        _ action: String, _ quantity: String? = nil, id: String = "R-1", from: String? = nil, to: String? = nil,
        token: String = "gold", network: String? = nil, owner: String? = nil, metadata: JSON? = nil
    ) -> Event {
        Event(
            id: "E-\(id)", source: "qsl.tokens", detailType: "Token.\(action)Requested.v1",
            detail: .detail([
                .requestID: .string(id), .token: .string(token), .quantity: quantity.map(JSON.string),
                .from: from.map(JSON.string), .to: to.map(JSON.string), .network: network.map(JSON.string),
                .owner: owner.map(JSON.string), .metadata: metadata,
            ]), signedAt: Timestamp(milliseconds: 1_700_000_000_000))
    }

    @discardableResult
    func ask(_ event: Event) -> Outcome { host.run(handler, event) }

    /// Asks, lets the networks answer until they are silent, and says how it ended: the last event that was published
    /// about it, with its reason, or the code of an answer that is not done.
    @discardableResult
    func end(_ event: Event) -> String {
        let outcome = ask(event)
        guard outcome == .done else { return outcome.code }
        fire(after: .seconds(3_600))
        return told.last ?? "nothing"
    }

    func fire(after duration: Duration) { host.fireTimers(of: handler, until: host.now + duration) }

    /// What was published, with reasons.
    var told: [String] {
        host.published.map { draft in
            let reason = try? draft.detail.text(at: .reason)
            return draft.detailType.dropLast(3).dropFirst("Token.".count) + (reason.map { " \($0)" } ?? "")
        }
    }

    func balance(_ owner: String, token: String = "gold") throws -> String? {
        try host.record(Balance.self, "balance:\(token):\(owner)")?.quantity.text
    }
    func supply(_ token: String = "gold") throws -> String? {
        try host.record(Balance.self, "supply:\(token)")?.quantity.text
    }
}

@Suite struct TokenTests {
    let bench: TokenBench
    init() throws { bench = try TokenBench() }

    // MARK: rule 1, balances

    @Test func aMintAddsToItsOwnerOnceItIsConfirmed() throws {
        #expect(bench.ask(TokenBench.event("Mint", "5.5", to: "ann")) == .done)
        #expect(try bench.balance("ann") == nil && bench.supply() == "5.5")
        bench.fire(after: .zero)
        #expect(try bench.balance("ann") == "5.5" && bench.supply() == "5.5")
    }

    @Test func aTransferMayTakeAllAndNotMore() throws {
        bench.end(TokenBench.event("Mint", "5", to: "ann"))
        let more = TokenBench.event("Transfer", "5.000000000000000001", id: "R-2", from: "ann", to: "bo")
        #expect(bench.end(more) == "Failed insufficient-balance")
        #expect(try bench.balance("ann") == "5" && bench.balance("bo") == nil)
        #expect(bench.end(TokenBench.event("Transfer", "5", id: "R-3", from: "ann", to: "bo")) == "Confirmed")
        #expect(try bench.balance("ann") == "0" && bench.balance("bo") == "5")
    }

    @Test func aBurnMayTakeAllAndNotMore() throws {
        bench.end(TokenBench.event("Mint", "5", to: "ann"))
        #expect(bench.end(TokenBench.event("Burn", "6", id: "R-2", from: "ann")) == "Failed insufficient-balance")
        #expect(bench.end(TokenBench.event("Burn", "5", id: "R-3", from: "ann")) == "Confirmed")
        #expect(try bench.balance("ann") == "0" && bench.supply() == "0")
    }

    @Test func whatIsOnItsWayCannotBeSpentAgain() throws {
        bench.end(TokenBench.event("Mint", "5", to: "ann"))
        #expect(bench.ask(TokenBench.event("Transfer", "3", id: "R-2", from: "ann", to: "bo")) == .done)
        #expect(try bench.balance("ann") == "2" && bench.balance("bo") == nil)
        #expect(bench.ask(TokenBench.event("Transfer", "3", id: "R-3", from: "ann", to: "cy")) == .done)
        #expect(bench.told.last == "Failed insufficient-balance")
    }

    @Test func aTransferToOneselfMakesNothing() throws {
        bench.end(TokenBench.event("Mint", "5", to: "ann"))
        #expect(bench.end(TokenBench.event("Transfer", "5", id: "R-2", from: "ann", to: "ann")) == "Failed same-owner")
        #expect(try bench.balance("ann") == "5")
    }

    @Test func tokensAreApart() throws {
        bench.end(TokenBench.event("Mint", "5", to: "ann"))
        let silver = TokenBench.event("Burn", "5", id: "R-2", from: "ann", token: "silver")
        #expect(bench.end(silver) == "Failed insufficient-balance")
    }

    // MARK: rule 2, supply

    @Test func theSupplyMayBeReachedAndNotExceeded() throws {
        #expect(bench.end(TokenBench.event("Mint", "100", to: "ann", token: "silver")) == "Confirmed")
        let more = TokenBench.event("Mint", "0.01", id: "R-2", to: "bo", token: "silver")
        #expect(bench.end(more) == "Failed supply-exceeded")
        bench.end(TokenBench.event("Burn", "0.01", id: "R-3", from: "ann", token: "silver"))
        #expect(bench.end(TokenBench.event("Mint", "0.01", id: "R-4", to: "bo", token: "silver")) == "Confirmed")
        #expect(try bench.supply("silver") == "100")
    }

    // MARK: rule 3, metadata

    @Test func aTokenThatExistsIsDescribedOnceItIsConfirmed() throws {
        let metadata: JSON = ["name": "Gold", "unit": "gram"]
        let event = TokenBench.event("Metadata", id: "D-1", owner: "ann", metadata: metadata)
        #expect(bench.end(event) == "Failed unknown-token")
        bench.end(TokenBench.event("Mint", "1", to: "ann"))
        let again = TokenBench.event("Metadata", id: "D-2", owner: "ann", metadata: metadata)
        #expect(bench.end(again) == "Confirmed")
        #expect(try bench.host.record(Metadata.self, "metadata:gold")?.json == metadata)
    }

    // MARK: rule 4, networks

    @Test func anAnswerSaysTheRequestAgainAndWhatTheNetworksSaid() throws {
        let event = TokenBench.event("Mint", "0.5", to: "ann", network: "base")
        #expect(bench.end(event) == "Confirmed")
        let draft = try #require(bench.host.published.last)
        #expect(draft.source == "qsl.token" && draft.resource == "urn:qsl:token:request:R-1")
        #expect(
            draft.detail == [
                "requestId": "R-1", "action": "mint", "token": "gold", "quantity": "0.5", "to": "ann",
                "owner": "ann", "network": "base", "confirmed": [["network": "base", "transactionId": "tx-base"]],
                "unconfirmed": [],
            ])
    }

    @Test func aNetworkThatIsNotConfiguredIsUnknown() throws {
        #expect(bench.end(TokenBench.event("Mint", "5", to: "ann", network: "moon")) == "Failed unknown-network")
        #expect(try bench.balance("ann") == nil && bench.supply() == nil)
        #expect(bench.end(TokenBench.event("Mint", "5", id: "R-2", to: "ann", network: "base")) == "Confirmed")
    }

    @Test func fiveOfSixAreEnoughAndTheSixthIsReported() throws {
        let bench = try TokenBench { network, _ in
            network == "polygon" ? .notYet : ScriptedNetworks.confirmed(network)
        }
        #expect(bench.ask(TokenBench.event("Mint", "5", to: "ann")) == .done)
        bench.fire(after: .zero)
        #expect(bench.told == ["Confirmed"])
        #expect(try bench.balance("ann") == "5")
        #expect(bench.host.published[0].detail["/unconfirmed"] == [["network": "polygon", "reason": "waiting"]])
        bench.fire(after: .seconds(19))
        #expect(bench.told == ["Confirmed"])
        bench.fire(after: .seconds(1))
        #expect(bench.told == ["Confirmed", "PartiallyConfirmed"])
        #expect(bench.host.published[1].detail["/unconfirmed"] == [["network": "polygon", "reason": "no-answer"]])
        #expect(try bench.host.published[1].detail.array(at: "/confirmed").count == 5)
        #expect(try bench.balance("ann") == "5" && bench.host.timers.isEmpty)
    }

    @Test func fourOfSixAreNotEnoughAndAllIsGivenBack() throws {
        let bench = try TokenBench { network, _ in
            ["polygon", "base"].contains(network) ? .notYet : ScriptedNetworks.confirmed(network)
        }
        bench.ask(TokenBench.event("Mint", "5", to: "ann"))
        bench.fire(after: .zero)
        #expect(bench.told.isEmpty)
        bench.fire(after: .seconds(20))
        #expect(bench.told == ["Failed no-quorum"])
        #expect(try bench.host.published[0].detail.array(at: "/confirmed").count == 4)
        #expect(try bench.balance("ann") == nil && bench.supply() == "0")
    }

    @Test func aTransferThatFailsIsGivenBackToItsGiver() throws {
        bench.end(TokenBench.event("Mint", "5", to: "ann"))
        let silent = TokenHandler(
            try TokenSettings(json: TokenBench.config), ScriptedNetworks { _, _ in .notYet })
        for (id, action) in [("R-2", "Transfer"), ("R-3", "Burn")] {
            let event = TokenBench.event(action, "2", id: id, from: "ann", to: action == "Burn" ? nil : "bo")
            #expect(bench.host.run(silent, event) == .done)
        }
        #expect(try bench.balance("ann") == "1")
        bench.host.fireTimers(of: silent, until: bench.host.now + .seconds(60))
        #expect(try bench.balance("ann") == "5" && bench.balance("bo") == nil && bench.supply() == "5")
        #expect(bench.told == ["Confirmed", "Failed no-quorum", "Failed no-quorum"])
    }

    @Test func aSlowNetworkIsAskedAgainAndNothingIsReported() throws {
        let bench = try TokenBench { network, asked in
            network == "polygon" && asked < 2 ? .notYet : ScriptedNetworks.confirmed(network)
        }
        #expect(bench.end(TokenBench.event("Mint", "5", to: "ann")) == "Confirmed")
        #expect(bench.told == ["Confirmed"] && bench.host.timers.isEmpty)
    }

    @Test func aNetworkThatRefusesIsNotAskedAgain() throws {
        let refusal = try #require(Identifier("frozen"))
        let bench = try TokenBench { network, asked in
            network == "polygon" && asked == 0 ? .refused(reason: refusal) : ScriptedNetworks.confirmed(network)
        }
        bench.ask(TokenBench.event("Mint", "5", to: "ann"))
        bench.fire(after: .zero)
        #expect(bench.told == ["Confirmed", "PartiallyConfirmed"])
        #expect(bench.host.published[1].detail["/unconfirmed"] == [["network": "polygon", "reason": "frozen"]])
    }

    // MARK: rule 5, identity

    @Test func aRepeatedRequestIsDoneOnce() throws {
        bench.end(TokenBench.event("Mint", "5", to: "ann"))
        #expect(bench.ask(TokenBench.event("Mint", "5", to: "ann")) == .done)
        #expect(bench.host.counts["repeated_requests"] == 1 && bench.told == ["Confirmed"])
        bench.end(TokenBench.event("Burn", "9", id: "R-2", from: "ann"))
        bench.end(TokenBench.event("Burn", "9", id: "R-2", from: "ann"))
        #expect(bench.told == ["Confirmed", "Failed insufficient-balance"])
    }

    @Test func anIdThatIsUsedForAnotherRequestIsRejected() throws {
        bench.end(TokenBench.event("Mint", "5", to: "ann"))
        let before = bench.host.state
        #expect(bench.ask(TokenBench.event("Mint", "6", to: "ann")).code == "token.request-changed")
        #expect(bench.ask(TokenBench.event("Burn", "5", from: "ann")).code == "token.request-changed")
        #expect(bench.host.state == before)
    }

    // MARK: rule 6, bad input

    @Test(arguments: [
        ("0", "gold", "token.not-positive"), ("-1", "gold", "token.not-positive"),
        ("1000000000000000", "gold", "token.absurd"), ("0.001", "silver", "token.too-many-decimals"),
        ("0.0000000000000000001", "gold", "payload.mismatch"), ("one", "gold", "payload.mismatch"),
        ("1e3", "gold", "payload.mismatch"), ("1", "a:b", "payload.mismatch"),
    ]) func aQuantityThatCannotBeMeantIsRejected(quantity: String, token: String, code: String) {
        #expect(bench.ask(TokenBench.event("Mint", quantity, to: "ann", token: token)).code == code)
        #expect(bench.host.published.isEmpty && bench.host.state.isEmpty)
    }

    @Test(arguments: [("0.000000000000000001", "gold"), ("999999999999999", "gold"), ("0.01", "silver")])
    func aQuantityThatCanJustBeMeantIsTaken(quantity: String, token: String) {
        #expect(bench.end(TokenBench.event("Mint", quantity, to: "ann", token: token)) == "Confirmed")
    }

    @Test func whatLacksAPartyIsRejected() {
        #expect(bench.ask(TokenBench.event("Mint", "1")).code == "payload.mismatch")
        #expect(bench.ask(TokenBench.event("Transfer", "1", to: "ann")).code == "payload.mismatch")
        #expect(bench.ask(TokenBench.event("Burn", "1", to: "ann")).code == "payload.mismatch")
        #expect(bench.ask(TokenBench.event("Mint", "1", to: "ann:bo")).code == "payload.mismatch")
    }

    @Test(arguments: [
        [:], ["a b": "x"], ["name": 1], ["name": .string(String(repeating: "x", count: 1_025))],
    ] as [JSON]) func metadataThatIsNoneIsRejected(metadata: JSON) {
        let event = TokenBench.event("Metadata", owner: "ann", metadata: metadata)
        #expect(bench.ask(event).code == "payload.mismatch")
    }

    @Test func metadataMayBeAsLongAsItMay() {
        bench.end(TokenBench.event("Mint", "1", to: "ann"))
        let metadata: JSON = ["name": .string(String(repeating: "x", count: 1_024))]
        #expect(bench.end(TokenBench.event("Metadata", id: "D-1", owner: "ann", metadata: metadata)) == "Confirmed")
    }

    @Test func aStoredBalanceBelowZeroIsNotBelieved() {
        bench.host.put("balance:gold:ann", #"{"quantity": "-1"}"#)
        #expect(bench.ask(TokenBench.event("Mint", "5", to: "ann")) == .retry(Reason("host.invalid")))
    }

    // MARK: configuration

    @Test(arguments: [
        ("{}", "/broadcast"), (#"{"broadcast": {"service": "ledger", "simulated": {}}}"#, "/broadcast"),
        (#"{"broadcast": {"service": "a b"}}"#, "/broadcast/service"),
        (#"{"broadcast": {"service": "ledger"}, "networks": ["\#(String(repeating: "n", count: 65))"]}"#, "/networks"),
        (#"{"networks": ["a", "b c"]}"#, "/networks/1"),
        (#"{"networks": ["a", "a"]}"#, "/networks/1"), (#"{"networks": []}"#, "/networks"),
        (#"{"networks": ["a", "b"], "quorum": 3}"#, "/quorum"), (#"{"quorum": 0}"#, "/quorum"),
        (#"{"retry": {"attempts": 0}}"#, "/retry/attempts"), (#"{"retry": {"every": "often"}}"#, "/retry/every"),
        (#"{"tokens": {"gold": {"decimals": 19}}}"#, "/tokens/gold/decimals"),
        (#"{"tokens": {"gold": {"supply": "0"}}}"#, "/tokens/gold/supply"),
        (#"{"broadcast": {"simulated": {"failing": ["moon"]}}}"#, "/broadcast/simulated/failing/0"),
    ]) func aConfigurationThatCannotWorkNamesItsPlace(config: String, place: String) throws {
        let mismatch = #expect(throws: JSON.Mismatch.self) { try TokenHandler(config: .text(config)) }
        #expect(mismatch?.pointer.text == place)
    }

    @Test func theSimulatedNetworksFailAndWaitAsTheyAreTold() throws {
        let handler = try TokenHandler(config: [
            "retry": ["every": "10s", "attempts": 3],
            "broadcast": ["simulated": ["failing": ["polygon"], "slow": ["base": 1]]],
        ])
        let host = FakeHost()
        host.run(handler, TokenBench.event("Mint", "5", to: "ann"))
        host.fireTimers(of: handler, until: host.now + .seconds(9))
        #expect(host.published.isEmpty)
        host.fireTimers(of: handler, until: host.now + .seconds(60))
        #expect(host.published.map(\.detailType) == ["Token.Confirmed.v1", "Token.PartiallyConfirmed.v1"])
    }
}
