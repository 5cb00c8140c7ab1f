/// The treasury: what each step of a payment does to the books, in any order, and when liquidity is told.

import Kit
import Testing
import Treasury

@Suite struct TreasuryTests {
    static let config = """
        {"opening": {"main": {"EUR": "1000"}}, "liquidity": {"EUR": {"low": "400", "restored": "600"}}}
        """
    let host = FakeHost()
    let handler: TreasuryHandler

    init() throws { handler = try TreasuryHandler(config: .text(Self.config)) }

    static func event(
        _ step: String, id: String = "P-1", amount: String = "100", direction: String = "debit",
        currency: String = "EUR"
    ) -> Event {
        Event(
            id: "E-\(id)-\(step)", source: "qsl.payments", detailType: "Payment.\(step).v1",
            detail: [
                "paymentId": .string(id), "account": "main", "amount": .string(amount),
                "direction": .string(direction), "currency": .string(currency),
            ])
    }

    @discardableResult
    func run(_ step: String, id: String = "P-1", amount: String = "100", direction: String = "debit") -> Outcome {
        host.run(handler, Self.event(step, id: id, amount: amount, direction: direction))
    }

    func books(_ currency: String = "EUR") throws -> [String] {
        let position = try #require(try host.record(Position.self, "position:main:\(currency)"))
        return [position.booked.text, position.reserved.text, position.held.text]
    }

    // MARK: the steps

    @Test func anInitiatedPaymentIsReserved() throws {
        #expect(run("Initiated") == .done)
        #expect(try books() == ["1000", "100", "0"])
    }

    @Test func anAuthorisedPaymentIsHeld() throws {
        run("Initiated")
        run("Authorized")
        #expect(try books() == ["1000", "0", "100"])
    }

    @Test func aSettledPaymentIsBooked() throws {
        run("Initiated")
        run("Authorized")
        run("Settled")
        #expect(try books() == ["900", "0", "0"])
    }

    @Test func aFailedPaymentIsReleased() throws {
        run("Initiated")
        run("Authorized")
        run("Failed")
        #expect(try books() == ["1000", "0", "0"])
    }

    @Test func anIncomingPaymentCountsWhenItIsSettled() throws {
        run("Initiated", direction: "credit")
        run("Authorized", direction: "credit")
        #expect(try books() == ["1000", "0", "0"])
        run("Settled", direction: "credit")
        #expect(try books() == ["1100", "0", "0"])
    }

    @Test func aSettlementStandsWhateverFailureIsReported() throws {
        run("Failed")
        run("Settled")
        run("Failed")
        #expect(try books() == ["900", "0", "0"])
    }

    @Test func aStepThatIsPassedChangesNothing() throws {
        run("Authorized")
        let before = host.state
        #expect(run("Initiated") == .done)
        #expect(run("Authorized") == .done)
        #expect(host.state == before)
        #expect(host.counts["late_events"] == 2)
    }

    @Test func anAccountWithoutOpeningBalanceBeginsAtZero() throws {
        #expect(host.run(handler, Self.event("Settled", currency: "CHF")) == .done)
        #expect(try books("CHF") == ["-100", "0", "0"])
    }

    // MARK: any order

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func theBooksAreTheSameInAnyOrderAndWithRepeats(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let courses = [["Initiated"], ["Initiated", "Authorized"], ["Initiated", "Authorized", "Settled"],
            ["Initiated", "Failed"], ["Initiated", "Authorized", "Failed"], ["Failed", "Settled"]]
        var events: [Event] = []
        for payment in 0..<12 {
            let course = try #require(courses.randomElement(using: &numbers))
            let amount = "\(Int.random(in: 1...99_999, using: &numbers))e-2"
            let direction = Bool.random(using: &numbers) ? "debit" : "credit"
            events += course.map { Self.event($0, id: "P-\(payment)", amount: amount, direction: direction) }
        }
        for event in events { #expect(host.run(handler, event) == .done) }
        let inOrder = try books()

        let other = FakeHost()
        let repeated = events + events.filter { _ in Bool.random(using: &numbers) }
        for event in repeated.shuffled(using: &numbers) { #expect(other.run(handler, event) == .done) }
        let position = try #require(try other.record(Position.self, "position:main:EUR"))
        #expect([position.booked.text, position.reserved.text, position.held.text] == inOrder)
    }

    // MARK: what is refused

    @Test(arguments: [("amount", "100.01"), ("currency", "CHF"), ("account", "other"), ("direction", "credit")])
    func termsThatChangeAreRejected(member: String, value: String) throws {
        run("Initiated")
        let before = host.state
        var changed = try Self.event("Authorized").detail.members(at: "")
        changed.set(member, .string(value))
        let event = Event(
            id: "E-2", source: "qsl.payments", detailType: "Payment.Authorized.v1", detail: .object(changed))
        #expect(host.run(handler, event).code == "treasury.terms-changed")
        #expect(host.state == before)
    }

    @Test func theSameAmountWrittenOtherwiseIsTheSame() throws {
        run("Initiated", amount: "100")
        #expect(run("Authorized", amount: "100.00") == .done)
    }

    @Test(arguments: [
        ("amount", "0"), ("amount", "-5"), ("amount", "ten"), ("currency", "euro"), ("account", "a:b"),
        ("paymentId", ""), ("direction", "sideways"),
    ]) func whatIsNoPaymentIsRejected(member: String, value: String) throws {
        var detail = try Self.event("Initiated").detail.members(at: "")
        detail.set(member, .string(value))
        let event = Event(
            id: "E-1", source: "qsl.payments", detailType: "Payment.Initiated.v1", detail: .object(detail))
        #expect(host.run(handler, event).code == "payload.mismatch")
        #expect(host.state.isEmpty)
    }

    @Test func aSumOutOfRangeIsRejectedAndChangesNothing() throws {
        let most = "170141183460469231731"
        #expect(run("Settled", id: "P-1", amount: most, direction: "debit") == .done)
        let before = host.state
        #expect(run("Settled", id: "P-2", amount: most, direction: "debit").code == "amount.overflow")
        #expect(host.state == before)
    }

    @Test func stateThatCannotBeReadIsARetryAndNotTheEventsFault() {
        host.put("position:main:EUR", "{\"booked\": \"x\"}")
        #expect(run("Initiated") == .retry(Reason("host.invalid")))
    }

    // MARK: liquidity

    @Test func lowIsToldBelowTheThresholdAndNotAtIt() throws {
        run("Initiated", id: "P-1", amount: "600")
        #expect(host.published.isEmpty)
        run("Initiated", id: "P-2", amount: "0.01")
        let draft = try #require(host.published.first)
        #expect(draft.detailType == "Liquidity.Low.v1" && draft.source == "qsl.treasury")
        #expect(draft.resource == "urn:qsl:treasury:position:main-EUR")
        #expect(
            draft.detail == [
                "account": "main", "currency": "EUR", "available": "399.99", "threshold": "400", "paymentId": "P-2",
            ])
    }

    @Test func lowIsToldOnceUntilRestored() {
        run("Initiated", id: "P-1", amount: "700")
        run("Initiated", id: "P-2", amount: "50")
        run("Authorized", id: "P-1", amount: "700")
        #expect(host.published.map(\.detailType) == ["Liquidity.Low.v1"])
    }

    @Test func restoredIsToldAtTheUpperThresholdAndNotBelowIt() {
        run("Initiated", id: "P-1", amount: "700")
        run("Settled", id: "P-2", amount: "299.99", direction: "credit")
        #expect(host.published.map(\.detailType) == ["Liquidity.Low.v1"])
        run("Settled", id: "P-3", amount: "0.01", direction: "credit")
        #expect(host.published.map(\.detailType) == ["Liquidity.Low.v1", "Liquidity.Restored.v1"])
        #expect(host.published.last?.detail["/threshold"] == "600")
    }

    @Test func aReleaseRestoresToo() {
        run("Initiated", amount: "700")
        run("Failed", amount: "700")
        #expect(host.published.map(\.detailType) == ["Liquidity.Low.v1", "Liquidity.Restored.v1"])
    }

    @Test func aCurrencyWithoutThresholdsIsNotWatched() {
        #expect(host.run(handler, Self.event("Settled", amount: "5000", currency: "CHF")) == .done)
        #expect(host.published.isEmpty)
    }

    // MARK: configuration

    @Test(arguments: [
        (#"{"opening": {"main": {"EUR": "x"}}}"#, "/opening/main/EUR"),
        (#"{"opening": {"main": {"eur": "1"}}}"#, "/opening/main/eur"),
        (#"{"opening": []}"#, "/opening"),
        (#"{"liquidity": {"EUR": {"low": "5"}}}"#, "/liquidity/EUR/restored"),
        (#"{"liquidity": {"EUR": {"low": "5", "restored": "4.99"}}}"#, "/liquidity/EUR/restored"),
        (#"{"liquidity": {"Euro": {"low": "5", "restored": "5"}}}"#, "/liquidity/Euro"),
    ]) func aConfigurationThatCannotWorkNamesItsPlace(config: String, place: String) throws {
        let mismatch = #expect(throws: JSON.Mismatch.self) { try TreasuryHandler(config: .text(config)) }
        #expect(mismatch?.pointer.text == place)
    }

    @Test func everythingMayBeLeftOut() throws { _ = try TreasuryHandler(config: [:]) }
}
