/// The treasury: what each event of a payment does to the books, what is held and reported, and when liquidity is told.

import HandlerTesting
import Kit
import Testing
import Treasury
import Vocabulary

/// A treasury with one account, and its host.
struct TreasuryBench {
    static let config: JSON = [
        "opening": ["main": ["EUR": "1000"]], "liquidity": ["EUR": ["low": "400", "restored": "600"]],
    ]
    /// 2026-11-21T12:00:00Z.
    static let noon = Timestamp(milliseconds: 1_795_262_400_000)

    let host = FakeHost()
    let handler: TreasuryHandler

    init(_ config: JSON = Self.config) throws {
        handler = try TreasuryHandler(config: config)
        host.now = Self.noon
    }

    static func detail(
        _ step: String, id: String = "P-1", amount: String = "100", direction: String = "debit",
        currency: String = "EUR"
    ) -> JSON {
        .detail([
            .paymentID: .string(id), .userID: "U-1", .account: "main", .amount: .string(amount),
            .direction: .string(direction), .currency: .string(currency),
            .workflowID: step == "abandoned" ? "W-1" : nil, .reason: step == "abandoned" ? "blocked" : nil,
        ])
    }

    static func route(_ step: String) -> Route {
        switch step {
        case "initiated": .paymentInitiated
        case "authorised": .paymentAuthorized
        case "settled": .paymentSettled
        case "failed": .paymentFailed
        default: .workflowFailed
        }
    }

    /// Runs steps of one payment: `initiated`, `authorised`, `settled`, `failed`, `abandoned`.
    @discardableResult
    func run(
        _ steps: String..., id: String = "P-1", amount: String = "100", direction: String = "debit",
        currency: String = "EUR"
    ) -> Outcome {
        var outcome = Outcome.done
        for step in steps {
            let detail = Self.detail(step, id: id, amount: amount, direction: direction, currency: currency)
            outcome = run(step, detail)
        }
        return outcome
    }

    func run(_ step: String, _ detail: JSON) -> Outcome {
        let route = Self.route(step)
        return host.run(
            handler,
            Event(
                id: "E-\(host.answers.count)", source: route.source, detailType: route.detailType, detail: detail,
                signedAt: host.now))
    }

    func position(_ currency: String = "EUR") throws -> Position? {
        try host.record(Position.self, "position:main:\(currency)")
    }

    /// Booked, reserved, held.
    func books(_ currency: String = "EUR") throws -> [String] {
        let position = try #require(try position(currency))
        return [position.booked.text, position.reserved.text, position.held.text]
    }

    var told: [String] { host.published.map(\.detailType) }

    func fire(after duration: Duration) { host.fireTimers(of: handler, until: host.now + duration) }
}

@Suite struct TreasuryTests {
    let bench: TreasuryBench
    init() throws { bench = try TreasuryBench() }

    // MARK: rule 1, positions

    @Test(arguments: [
        (["initiated"], ["1000", "100", "0"]), (["initiated", "authorised"], ["1000", "0", "100"]),
        (["initiated", "authorised", "settled"], ["900", "0", "0"]),
        (["initiated", "authorised", "failed"], ["1000", "0", "0"]),
        (["initiated", "authorised", "abandoned"], ["1000", "0", "0"]),
    ]) func aDebitIsReservedHeldBookedOrReleased(steps: [String], books: [String]) throws {
        for step in steps { #expect(bench.run(step) == .done) }
        #expect(try bench.books() == books)
    }

    @Test func aCreditCountsWhenItIsSettledAndNotBefore() throws {
        bench.run("initiated", "authorised", direction: "credit")
        #expect(try bench.books() == ["1000", "0", "0"])
        bench.run("settled", direction: "credit")
        #expect(try bench.books() == ["1100", "0", "0"])
    }

    @Test func anAccountWithoutOpeningBalanceBeginsAtZero() throws {
        bench.run("initiated", "settled", currency: "CHF")
        #expect(try bench.books("CHF") == ["-100", "0", "0"])
    }

    @Test func aRepeatedEventChangesNothing() throws {
        bench.run("initiated", "authorised")
        let before = bench.host.state
        #expect(bench.run("initiated", "authorised") == .done)
        #expect(bench.host.state == before)
        #expect(bench.host.counts["late_events"] == 2)
    }

    // MARK: rule 2, what comes too early is held

    @Test(arguments: [
        ("settled", "settled-before-initiated"), ("abandoned", "released-without-hold"),
        ("authorised", "not-initiated"), ("failed", "not-initiated"),
    ]) func whatComesBeforeTheInitiationIsHeldAndReported(step: String, code: String) throws {
        #expect(bench.run(step) == .done)
        #expect(try bench.books() == ["1000", "0", "0"])
        #expect(bench.host.published.isEmpty)
        bench.fire(after: .seconds(86_400))
        let report = try #require(bench.host.published.first)
        #expect(report.detailType == "Settlement.Mismatched.v1")
        #expect(report.detail["/exceptions"] == [["paymentId": "P-1", "code": .string(code)]])
        #expect(report.detail["/exceptionCount"] == 1)
    }

    @Test func whatWasHeldCountsOnceThePaymentIsInitiated() throws {
        bench.run("settled", "initiated")
        #expect(try bench.books() == ["900", "0", "0"])
        bench.fire(after: .seconds(86_400))
        #expect(bench.told == ["Settlement.Reconciled.v1"])
    }

    // MARK: rule 3, contradictions

    @Test(arguments: [("failed", "settled-though-failed"), ("abandoned", "settled-though-released")])
    func aSettlementStandsAndTheContradictionIsReported(step: String, code: String) throws {
        bench.run("initiated", step, "settled")
        #expect(try bench.books() == ["900", "0", "0"])
        bench.fire(after: .seconds(86_400))
        #expect(bench.host.published.last?.detail["/exceptions/0/code"] == .string(code))
    }

    // MARK: rule 4, terms

    @Test(arguments: [(Field.amount, "100.01"), (.currency, "CHF"), (.account, "other"), (.direction, "credit")])
    func termsThatChangeAreRejected(field: Field, value: String) throws {
        bench.run("initiated")
        let before = bench.host.state
        var changed = try TreasuryBench.detail("authorised").members(at: "")
        changed.set(field.name, .string(value))
        #expect(bench.run("authorised", .object(changed)).code == "treasury.terms-changed")
        #expect(bench.host.state == before)
    }

    @Test func theSameAmountWrittenOtherwiseIsTheSame() throws {
        bench.run("initiated", amount: "100")
        #expect(bench.run("authorised", amount: "100.00") == .done)
    }

    // MARK: rule 5, bad input

    @Test(arguments: [
        (Field.amount, "0", "money.not-positive"), (.amount, "-5", "money.not-positive"),
        (.amount, "1.001", "money.too-many-decimals"), (.amount, "1000000000000000", "money.absurd"),
        (.amount, "ten", "payload.mismatch"), (.amount, "1e2", "payload.mismatch"),
        (.currency, "euro", "money.unknown-currency"), (.currency, "XXX", "money.unknown-currency"),
        (.account, "a:b", "payload.mismatch"), (.paymentID, "", "payload.mismatch"),
        (.direction, "sideways", "payload.mismatch"), (.userID, "a b", "payload.mismatch"),
    ]) func whatIsNoPaymentIsRejected(field: Field, value: String, code: String) throws {
        var detail = try TreasuryBench.detail("initiated").members(at: "")
        detail.set(field.name, .string(value))
        #expect(bench.run("initiated", .object(detail)).code == code)
        #expect(bench.host.state.isEmpty && bench.host.timers.isEmpty)
    }

    @Test(arguments: [(Field.amount, "0.01"), (.amount, "999999999999999.99"), (.currency, "CHF"), (.account, "a.b")])
    func whatIsJustAPaymentIsTaken(field: Field, value: String) throws {
        var detail = try TreasuryBench.detail("initiated").members(at: "")
        detail.set(field.name, .string(value))
        #expect(bench.run("initiated", .object(detail)) == .done)
    }

    @Test func aNumberIsNoAmount() throws {
        var detail = try TreasuryBench.detail("initiated").members(at: "")
        detail.set("amount", 100)
        #expect(bench.run("initiated", .object(detail)).code == "payload.mismatch")
    }

    @Test(arguments: [Field.workflowID, .reason])
    func aWorkflowFailsUnderItsNameAndForAReason(field: Field) throws {
        var detail = try TreasuryBench.detail("abandoned").members(at: "")
        detail.set(field.name, "no identifier")
        #expect(bench.run("abandoned", .object(detail)).code == "payload.mismatch")
        detail.set(field.name, "an-identifier")
        #expect(bench.run("abandoned", .object(detail)) == .done)
    }

    @Test func stateThatCannotBeReadIsARetryAndNotTheEventsFault() {
        bench.host.put("position:main:EUR", "{\"booked\": \"x\"}")
        #expect(bench.run("initiated") == .retry(Reason("host.invalid")))
    }

    // MARK: rule 6, liquidity

    @Test func lowIsToldBelowTheThresholdAndNotAtIt() throws {
        bench.run("initiated", amount: "600")
        #expect(bench.host.published.isEmpty)
        bench.run("initiated", id: "P-2", amount: "0.01")
        let draft = try #require(bench.host.published.first)
        #expect(draft.detailType == "Liquidity.Low.v1" && draft.source == "qsl.treasury")
        #expect(draft.resource == "urn:qsl:treasury:position:main-EUR")
        #expect(
            draft.detail == [
                "account": "main", "currency": "EUR", "available": "399.99", "threshold": "400", "paymentId": "P-2",
            ])
    }

    @Test func lowIsToldOnceUntilRestored() {
        bench.run("initiated", amount: "700")
        bench.run("initiated", id: "P-2", amount: "50")
        bench.run("authorised", amount: "700")
        #expect(bench.told == ["Liquidity.Low.v1"])
    }

    @Test func restoredIsToldAtTheUpperThresholdAndNotBelowIt() {
        bench.run("initiated", amount: "700")
        bench.run("initiated", "settled", id: "P-2", amount: "299.99", direction: "credit")
        #expect(bench.told == ["Liquidity.Low.v1"])
        bench.run("initiated", "settled", id: "P-3", amount: "0.01", direction: "credit")
        #expect(bench.told == ["Liquidity.Low.v1", "Liquidity.Restored.v1"])
        #expect(bench.host.published.last?.detail["/threshold"] == "600")
    }

    @Test func aReleaseRestoresToo() {
        bench.run("initiated", "failed", amount: "700")
        #expect(bench.told == ["Liquidity.Low.v1", "Liquidity.Restored.v1"])
    }

    @Test func aCurrencyWithoutThresholdsIsNotWatched() {
        bench.run("initiated", "settled", amount: "5000", currency: "CHF")
        #expect(bench.host.published.isEmpty)
    }

    // MARK: rule 7, compensation

    @Test(arguments: [
        ["initiated", "abandoned"], ["initiated", "authorised", "abandoned"], ["abandoned", "initiated"],
        ["abandoned", "authorised", "initiated"], ["initiated", "failed", "abandoned"],
        ["initiated", "abandoned", "failed", "settled"], ["initiated", "abandoned", "abandoned"],
    ]) func aFailedWorkflowReleasesItsPaymentOnce(steps: [String]) throws {
        for step in steps { bench.run(step) }
        #expect(bench.told == ["Payment.Released.v1"])
        let draft = try #require(bench.host.published.first)
        #expect(draft.resource == "urn:qsl:treasury:payment:P-1")
        #expect(
            draft.detail == [
                "paymentId": "P-1", "userId": "U-1", "account": "main", "direction": "debit", "amount": "100",
                "currency": "EUR", "workflowId": "W-1", "reason": "blocked",
            ])
    }

    @Test(arguments: [
        ["abandoned"], ["initiated", "settled", "abandoned"], ["initiated", "failed"], ["abandoned", "authorised"],
        ["settled", "abandoned", "initiated"],
    ]) func nothingIsReleasedThatIsUnknownSettledOrInNoFailedWorkflow(steps: [String]) {
        for step in steps { bench.run(step) }
        #expect(bench.told.isEmpty)
    }
}
