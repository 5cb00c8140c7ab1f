/// Compliance: each rule with the payment that breaks it and the one just beside.

import Compliance
import Kit
import Testing

@Suite struct ComplianceTests {
    static let config = """
        {"version": "2026-11", "limits": {"EUR": "10000", "CHF": "500"}, "paymentsPerDay": 2,
         "sanctioned": ["M\\u00fcller, Jos\\u00e9", "ACME Trading Ltd."]}
        """
    let host = FakeHost()
    let handler: ComplianceHandler

    init() throws { handler = try ComplianceHandler(config: .text(Self.config)) }

    @discardableResult
    func screen(
        _ id: String = "P-1", amount: String = "100", currency: String = "EUR", payer: String = "Ann Lee",
        payee: String = "Bo Chen", user: String = "U-1", day: Int64 = 20_000
    ) -> String {
        let outcome = host.run(
            handler,
            Event(
                id: "E-\(id)", source: "qsl.payments", detailType: "Payment.Initiated.v1",
                detail: [
                    "paymentId": .string(id), "userId": .string(user), "amount": .string(amount),
                    "currency": .string(currency), "payer": ["name": .string(payer)],
                    "payee": ["name": .string(payee)],
                ], signedAt: Timestamp(milliseconds: day * 86_400_000)))
        guard outcome == .done, let draft = host.published.last else { return outcome.code }
        guard draft.detailType == "Compliance.Blocked.v1" else { return "cleared" }
        return (try? draft.detail.string(at: "/rule")) ?? ""
    }

    @Test func aClearedPaymentNamesRulesAndVersion() throws {
        #expect(screen() == "cleared")
        let draft = try #require(host.published.first)
        #expect(draft.source == "qsl.compliance" && draft.detailType == "Compliance.Cleared.v1")
        #expect(
            draft.detail == [
                "paymentId": "P-1", "userId": "U-1", "version": "2026-11",
                "rules": ["sanctioned-name", "currency-not-allowed", "amount-over-limit", "too-many-today"],
            ])
    }

    @Test func aBlockedPaymentNamesRuleAndVersionAndNoPerson() throws {
        screen(payee: "Jos\u{E9} M\u{FC}ller")
        let draft = try #require(host.published.first)
        #expect(draft.source == "qsl.compliance" && draft.resource == "urn:qsl:compliance:payment:P-1")
        #expect(
            draft.detail == ["paymentId": "P-1", "userId": "U-1", "version": "2026-11", "rule": "sanctioned-name"])
    }

    @Test func anAmountIsBlockedAboveItsLimitAndNotAtIt() {
        #expect(screen("P-1", amount: "10000") == "cleared")
        #expect(screen("P-2", amount: "10000.000000000000000001") == "amount-over-limit")
        #expect(screen("P-3", amount: "500.01", currency: "CHF") == "amount-over-limit")
    }

    @Test func aCurrencyWithoutLimitIsNotAllowed() {
        #expect(screen(currency: "USD") == "currency-not-allowed")
    }

    @Test(arguments: ["Jose Mueller", "Jos\u{E9} M\u{FC}ller Jr", "Jos\u{E9}", "ACME Trading", "AC ME Trading Ltd"])
    func anotherNameIsCleared(name: String) { #expect(screen(payee: name) == "cleared") }

    @Test(arguments: [
        "jose muller", "MULLER JOSE", "Jose\u{301}  Mu\u{308}ller", "M\u{FC}ller-Jos\u{E9}", "acme trading ltd",
        "Ltd ACME, Trading", "\u{FF21}CME Trading Ltd", "ACME\u{200B} Trading Ltd",
    ]) func aSanctionedNameIsBlockedHoweverWritten(name: String) {
        #expect(screen("P-1", payer: name) == "sanctioned-name")
        #expect(screen("P-2", payee: name) == "sanctioned-name")
    }

    @Test func theCountIsPerUserAndDay() {
        #expect(screen("P-1") == "cleared")
        #expect(screen("P-2") == "cleared")
        #expect(screen("P-3") == "too-many-today")
        #expect(screen("P-4", user: "U-2") == "cleared")
        #expect(screen("P-5", day: 20_001) == "cleared")
        #expect(screen("P-6", day: 20_000) == "too-many-today")
    }

    @Test func aBlockedPaymentIsNotCounted() {
        screen("P-1", amount: "99999")
        screen("P-2", currency: "USD")
        #expect(screen("P-3") == "cleared")
        #expect(screen("P-4") == "cleared")
    }

    @Test func theFirstBrokenRuleIsNamed() {
        #expect(screen(amount: "99999", currency: "USD", payee: "Acme Trading Ltd") == "sanctioned-name")
        #expect(screen(amount: "99999", currency: "USD") == "currency-not-allowed")
    }

    @Test func whatCannotBeScreenedIsRejected() {
        #expect(screen(payer: "") == "payload.mismatch")
        #expect(screen(payee: "?!") == "payload.mismatch")
        #expect(screen(amount: "0") == "payload.mismatch")
        #expect(screen(user: "") == "payload.mismatch")
        #expect(host.published.isEmpty && host.state.isEmpty)
    }

    @Test func aHostThatIsNotThereIsWaitedFor() {
        host.failure = .unavailable
        #expect(screen() == "host.unavailable")
        host.failure = nil
        #expect(screen() == "cleared")
    }

    @Test(arguments: [
        (#"{"limits": {}, "paymentsPerDay": 1, "sanctioned": []}"#, "/version"),
        (#"{"version": "1", "limits": {"EUR": "0"}, "paymentsPerDay": 1, "sanctioned": []}"#, "/limits/EUR"),
        (#"{"version": "1", "limits": {"E": "1"}, "paymentsPerDay": 1, "sanctioned": []}"#, "/limits/E"),
        (#"{"version": "1", "limits": {}, "paymentsPerDay": 0, "sanctioned": []}"#, "/paymentsPerDay"),
        (#"{"version": "1", "limits": {}, "paymentsPerDay": 1}"#, "/sanctioned"),
        (#"{"version": "1", "limits": {}, "paymentsPerDay": 1, "sanctioned": ["Ann", "-"]}"#, "/sanctioned/1"),
    ]) func aConfigurationThatCannotWorkNamesItsPlace(config: String, place: String) throws {
        let mismatch = #expect(throws: JSON.Mismatch.self) { try ComplianceHandler(config: .text(config)) }
        #expect(mismatch?.pointer.text == place)
    }
}

@Suite struct NormalisedNameTests {
    @Test(arguments: [
        ("Stra\u{DF}e", ["strasse"]), ("STRA\u{1E9E}E", ["strasse"]), ("\u{141}\u{F3}d\u{17A}", ["lodz"]),
        ("S\u{F8}ren", ["soren"]), ("\u{C6}gir", ["aegir"]), ("O\u{2019}Neil", ["oneil"]), ("O'Neil", ["oneil"]),
        ("\u{130}brahim", ["ibrahim"]),
        ("Ya\u{11F}\u{131}z", ["yagiz"]), ("\u{1EBE}", ["e"]), ("o\u{FB03}ce", ["office"]),
        ("Lee, Ann", ["ann", "lee"]), ("  ", []), ("\u{41F}\u{435}\u{442}\u{440}", ["\u{43F}\u{435}\u{442}\u{440}"]),
        ("\u{738B}\u{5C0F}\u{660E}", ["\u{738B}\u{5C0F}\u{660E}"]), ("R2 D2", ["d2", "r2"]),
    ]) func foldsWhatTypistsVary(name: String, words: [String]) {
        #expect(NormalisedName(name).words == words)
    }

    @Test func aLookAlikeOfAnotherScriptIsAnotherName() {
        #expect(NormalisedName("\u{430}nn") != NormalisedName("ann"))
    }
}
