/// Compliance: each rule with the event that triggers it, and the one just beside.

import Compliance
import Kit
import Testing
import Vocabulary

/// A handler, its host, and short ways to say events.
struct ComplianceBench {
    static let config = """
        {"version": "2026-11",
         "sanctions": {"names": ["M\\u00fcller, Jos\\u00e9", "ACME Trading Ltd.", "Ann Bo"], "distance": 1,
           "transliterate": {"\\u00fc": "ue", "\\u0436": "zh"}},
         "limits": {"EUR": {"review": "5000", "block": "10000"}, "CHF": {"block": "500"}, "JPY": {"block": "9000"}},
         "tokenLimits": {"gold": {"review": "50", "block": "100"}},
         "velocity": {"window": "24h", "count": 3, "amounts": {"EUR": "12000"}},
         "structuring": {"window": "7d", "count": 3, "from": {"EUR": "4500"}},
         "countries": {"blocked": ["XA"], "review": ["XB"]},
         "rules": {"country-not-stated": {"points": 0}}, "remember": "30d"}
        """
    let host = FakeHost()
    let handler: ComplianceHandler

    init(_ config: String = Self.config) throws { handler = try ComplianceHandler(config: .text(config)) }

    /// Hours since the test began.
    static func hour(_ hour: Int) -> Timestamp { Timestamp(milliseconds: 1_700_000_000_000 + Int64(hour) * 3_600_000) }

    @discardableResult
    func payment(
        _ id: String = "P-1", amount: JSON = "100", currency: String = "EUR", payer: String = "Ann Lee",
        payee: String = "Dan Chen", user: String = "U-1", from: JSON? = "CH", to: JSON? = "CH", hour: Int = 0,
        event: String? = nil
    ) -> String {
        let detail = JSON.detail([
            .paymentID: .string(id), .userID: .string(user), .amount: amount, .currency: .string(currency),
            .payer: JSON.detail([.name: .string(payer), .country: from]),
            .payee: JSON.detail([.name: .string(payee), .country: to]),
        ])
        return run(.paymentInitiated, detail, hour, event ?? "E-\(id)")
    }

    @discardableResult
    func user(
        _ id: String = "U-1", _ verification: String = "verified", revision: Int = 1, name: String = "Ann Lee",
        country: JSON? = "CH", status: JSON? = nil, hour: Int = 0
    ) -> String {
        let detail = JSON.detail([
            .userID: .string(id), .name: .string(name), .country: country, .verification: .string(verification),
            .revision: .number(JSON.Number(revision)), .status: status,
        ])
        return run(revision == 1 ? .userRegistered : .userUpdated, detail, hour, "E-\(id)-\(revision)")
    }

    @discardableResult
    func token(
        _ id: String = "T-1", quantity: JSON = "10", token: String = "gold", from: JSON? = "U-1", to: JSON? = "U-2",
        _ route: Route = .tokenTransferRequested
    ) -> String {
        let detail = JSON.detail([
            .requestID: .string(id), .token: .string(token), .quantity: quantity, .from: from, .to: to,
        ])
        return run(route, detail, 0, "E-\(id)")
    }

    @discardableResult
    func metadata(_ texts: JSON, id: String = "D-1", owner: String = "U-1") -> String {
        let detail = JSON.detail([
            .requestID: .string(id), .token: "gold", .owner: .string(owner), .metadata: texts,
        ])
        return run(.tokenMetadataRequested, detail, 0, "E-\(id)")
    }

    /// Says that a payment is over.
    @discardableResult
    func end(_ id: String = "P-1", _ route: Route = .paymentSettled, hour: Int = 0) -> String {
        run(route, ["paymentId": .string(id)], hour, "E-\(id)-\(route.detailType)")
    }

    /// Lets due timers fire, and says what was decided anew: `P-1 blocked user-closed`.
    func lookAgain() -> [String] {
        let before = host.published.count
        host.fireTimers(of: handler, until: host.now + .seconds(60))
        return host.published[before...].map { "\((try? $0.detail.text(at: .subjectID)) ?? "?") \(Self.said($0))" }
    }

    /// "cleared", or the verdict's type and its rules; the code where nothing was decided.
    private func run(_ route: Route, _ detail: JSON, _ hour: Int, _ event: String) -> String {
        let before = host.published.count
        host.now = Self.hour(hour)
        let outcome = host.run(
            handler,
            Event(
                id: event, source: route.source, detailType: route.detailType, detail: detail,
                signedAt: Self.hour(hour)))
        guard outcome == .done else { return outcome.code }
        guard host.published.count > before, let draft = host.published.last else { return "nothing" }
        return Self.said(draft)
    }

    static func said(_ draft: Draft) -> String {
        let rules = (try? draft.detail.array(at: "/reasons").map { try $0.string(at: "/rule") }) ?? []
        let verdicts = [
            "Compliance.Cleared.v1": "cleared", "Compliance.ReviewRequired.v1": "review",
            "Compliance.Blocked.v1": "blocked",
        ]
        return ([verdicts[draft.detailType] ?? "?"] + rules).joined(separator: " ")
    }
}

@Suite struct ComplianceTests {
    let bench: ComplianceBench

    /// With users who are known, so that each test is about its own rule.
    init() throws {
        bench = try ComplianceBench()
        #expect(bench.user("U-1") == "cleared")
        #expect(bench.user("U-2") == "cleared")
    }

    @Test func aDecisionNamesRuleVersionAndInputsAndNoPerson() throws {
        #expect(bench.payment(payee: "Jos\u{E9} M\u{FC}ller") == "blocked sanctioned-name")
        let draft = try #require(bench.host.published.last)
        #expect(draft.source == "qsl.compliance" && draft.resource == "urn:qsl:compliance:payment:P-1")
        #expect(draft.detail[.rule] == "sanctioned-name" && draft.detail[.version] == "2026-11")
        #expect(draft.detail[.paymentID] == "P-1" && draft.detail[.score] == 100)
        #expect(draft.detail["/reasons"] == [["rule": "sanctioned-name", "verdict": "block", "points": 100]])
        #expect(draft.detail["/inputs/eventId"] == "E-P-1")
        #expect(try draft.detail.string(at: "/inputs/sha256").utf8.count == 64)
        let record = try #require(bench.host.text("decision:payment:P-1"))
        #expect(record.contains("2026-11") && record.contains("sanctioned-name") && record.contains("E-P-1"))
        let said = bench.host.logLines.joined() + record + draft.detail.description
        for name in ["ller", "Jos", "Ann", "Lee"] { #expect(!said.contains(name)) }
    }

    @Test func aClearedPaymentNamesTheRulesThatWereAsked() throws {
        #expect(bench.payment() == "cleared")
        let draft = try #require(bench.host.published.last)
        #expect(draft.detail[.score] == 0 && draft.detail[.rule] == nil)
        #expect(try draft.detail.array(at: "/rules").contains("structuring"))
    }

    // MARK: - names

    @Test(arguments: [
        "jose muller", "MULLER JOSE", "Jose\u{301}  Mu\u{308}ller", "M\u{FC}ller-Jos\u{E9}", "acme trading ltd",
        "Ltd ACME, Trading", "\u{FF21}CME Trading Ltd", "ACME\u{200B} Trading Ltd", "Jos\u{E9} Mueller",
    ]) func aSanctionedNameIsBlockedHoweverWritten(name: String) {
        #expect(bench.payment("P-1", payer: name).hasPrefix("blocked sanctioned-name"))
        #expect(bench.payment("P-2", payee: name).hasPrefix("blocked sanctioned-name"))
    }

    @Test(arguments: [
        ("Jos\u{E9} M\u{FC}lle", "review similar-name"), ("Jos\u{E9} M\u{FC}l", "cleared"),
        ("Xos\u{E9} Muller", "review similar-name"), ("Jsoe Muller", "review similar-name"),
        ("AC ME Trading Ltd", "review similar-name"), ("ACME Trading", "cleared"), ("An Bo", "review similar-name"),
        ("A Bo", "cleared"),
    ]) func aSimilarNameIsReviewedAndOneFartherIsCleared(name: String, expected: String) {
        #expect(bench.payment(payee: name) == expected)
    }

    @Test(arguments: [
        ("Jos\u{E9} M\u{FC}ller Garc\u{ED}a", "review listed-name-within"), ("Jos\u{E9} Garc\u{ED}a", "cleared"),
        ("Old ACME Trading Company Ltd", "review listed-name-within"), ("Old ACME Company Ltd", "cleared"),
    ]) func aNameThatHoldsAListedOneIsReviewed(name: String, expected: String) {
        #expect(bench.payment(payee: name) == expected)
    }

    @Test func aWordOfTwoAlphabetsIsReviewed() {
        #expect(bench.payment("P-1", payee: "\u{410}nton Reed") == "review mixed-scripts")
        #expect(bench.payment("P-2", payee: "\u{410}\u{43D}\u{442}\u{43E}\u{43D} Reed") == "cleared")
    }

    // MARK: - amounts

    @Test func anAmountIsReviewedAndBlockedAboveItsLimitsAndNotAtThem() {
        #expect(bench.payment("P-1", amount: "5000") == "cleared")
        #expect(bench.payment("P-2", amount: "5000.01") == "review amount-to-review")
        #expect(bench.payment("P-3", amount: "10000", user: "U-2") == "review amount-to-review")
        #expect(bench.payment("P-4", amount: "10000.01").hasPrefix("blocked amount-over-limit"))
        #expect(bench.payment("P-5", amount: "500", currency: "CHF", user: "U-2") == "cleared")
        #expect(bench.payment("P-6", amount: "500.01", currency: "CHF", user: "U-2") == "blocked amount-over-limit")
    }

    @Test func aCurrencyWithoutLimitIsNotAllowed() {
        #expect(bench.payment("P-1", currency: "USD") == "blocked unit-not-allowed")
        #expect(bench.payment("P-2", currency: "JPY") == "cleared")
    }

    // MARK: - windows

    @Test func tooManyWithinTheWindowAreReviewed() {
        for hour in [0, 8, 16] { #expect(bench.payment("P-\(hour)", hour: hour) == "cleared") }
        #expect(bench.payment("P-24", hour: 24) == "cleared")
        #expect(bench.payment("P-25", hour: 25) == "review too-many")
        #expect(bench.payment("P-26", user: "U-2", hour: 25) == "cleared")
    }

    @Test func eventsOutOfOrderAreTooManyJustTheSame() {
        #expect(bench.payment("P-3", hour: 20) == "cleared")
        #expect(bench.payment("P-2", hour: 10) == "cleared")
        #expect(bench.payment("P-4", hour: 23) == "cleared")
        #expect(bench.payment("P-1", hour: 1) == "review too-many")
    }

    @Test func tooMuchWithinTheWindowIsReviewed() {
        #expect(bench.payment("P-1", amount: "4400", hour: 0) == "cleared")
        #expect(bench.payment("P-2", amount: "4400", hour: 1) == "cleared")
        #expect(bench.payment("P-3", amount: "3200", hour: 23) == "cleared")
        #expect(bench.payment("P-4", amount: "4400", user: "U-2") == "cleared")
        #expect(bench.payment("P-5", amount: "0.01", hour: 23).hasPrefix("review too-many too-much"))
        #expect(bench.payment("P-6", amount: "0.01", hour: 47) == "cleared")
    }

    @Test func severalAmountsJustBelowTheLimitAreStructuring() {
        #expect(bench.payment("P-1", amount: "4500", hour: 0) == "cleared")
        #expect(bench.payment("P-2", amount: "4499.99", hour: 30) == "cleared")
        #expect(bench.payment("P-3", amount: "5000", hour: 60) == "cleared")
        #expect(bench.payment("P-4", amount: "4900", hour: 167) == "review structuring")
        #expect(bench.payment("P-5", amount: "4900", user: "U-2", hour: 167) == "cleared")
        #expect(bench.payment("P-6", amount: "100", hour: 167) == "cleared")
    }

    @Test func structuringBeyondTheWindowIsNone() {
        #expect(bench.payment("P-1", amount: "4500", hour: 0) == "cleared")
        #expect(bench.payment("P-2", amount: "4500", hour: 60) == "cleared")
        #expect(bench.payment("P-3", amount: "4500", hour: 168) == "cleared")
    }

    @Test func whatWasBlockedDoesNotCount() {
        for id in 1...4 { bench.payment("B-\(id)", amount: "99999") }
        for id in 1...3 { #expect(bench.payment("P-\(id)") == "cleared") }
        #expect(bench.payment("P-4") == "review too-many")
    }

    // MARK: - countries

    @Test func countriesAreBlockedAndReviewed() {
        #expect(bench.payment("P-1", to: "XA") == "blocked country-blocked")
        #expect(bench.payment("P-2", from: "XB") == "review country-to-review")
        #expect(bench.payment("P-3", to: "XC") == "cleared")
    }

    @Test func aCountryThatIsNotStatedIsNamedAndWeighsAsConfigured() throws {
        #expect(bench.payment(to: nil) == "cleared country-not-stated")
        #expect(bench.payment("P-2", to: "ch") == "payload.mismatch")
    }

    @Test func theCountryOfTheUserCounts() {
        bench.user("U-3", country: "XB")
        #expect(bench.payment(user: "U-3").contains("country-to-review"))
    }

    // MARK: - users

    @Test(arguments: [
        ("none", "review user-not-verified"), ("pending", "review user-not-verified"),
        ("expired", "review user-not-verified"), ("rejected", "blocked user-rejected"), ("verified", "cleared"),
    ]) func paymentsOfUsersWhoAreNotVerifiedAreNotCleared(verification: String, expected: String) {
        bench.user("U-3", verification)
        #expect(bench.payment(user: "U-3") == expected)
    }

    @Test func aUserOfWhomNothingIsKnownIsNotVerified() {
        #expect(bench.payment(user: "U-9") == "review user-not-verified")
    }

    @Test func theNewestRevisionOfAUserStands() {
        #expect(bench.user("U-1", "expired", revision: 3) == "cleared")
        #expect(bench.user("U-1", "verified", revision: 2) == "cleared")
        #expect(bench.payment() == "review user-not-verified")
        #expect(bench.user("U-1", "verified", revision: 4) == "cleared")
        #expect(bench.payment("P-2") == "cleared")
    }

    @Test func usersAreScreenedAndTheirPaymentsWithThem() {
        #expect(bench.user("U-3", name: "Jose Muller") == "blocked sanctioned-name")
        #expect(bench.payment("P-1", user: "U-3") == "blocked user-blocked")
        #expect(bench.user("U-4", name: "Jose Mullar") == "review similar-name")
        #expect(bench.payment("P-2", user: "U-4") == "review user-under-review")
        #expect(bench.user("U-5", country: "XA") == "blocked country-blocked")
    }

    // MARK: - tokens

    @Test func tokenOperationsAreScreenedByQuantityAndParties() {
        #expect(bench.token("T-1", quantity: "50") == "cleared")
        #expect(bench.token("T-2", quantity: "50.000000000000000001") == "review amount-to-review")
        #expect(bench.token("T-3", quantity: "100.1") == "blocked amount-over-limit")
        #expect(bench.token("T-4", token: "lead") == "blocked unit-not-allowed")
        #expect(bench.token("T-5", from: nil, .tokenMintRequested) == "cleared")
        #expect(bench.token("T-6", from: "U-2", to: nil, .tokenBurnRequested) == "cleared")
        #expect(bench.token("T-7", to: "U-9") == "review user-not-verified")
    }

    @Test(arguments: [
        ("0", "compliance.quantity-not-positive"), ("-1", "compliance.quantity-not-positive"),
        ("1000000000000000", "compliance.quantity-absurd"), ("ten", "payload.mismatch"),
    ]) func aQuantityThatIsNoneIsRejected(quantity: String, code: String) {
        #expect(bench.token(quantity: .string(quantity)) == code)
        #expect(bench.token("T-2", from: nil, to: nil) == "payload.mismatch")
    }

    @Test func whatATokenIsSaidToBeIsScreenedAsNamesAre() {
        #expect(bench.metadata(["name": "Gold", "unit": "gram", "sign": "!"]) == "cleared")
        #expect(bench.metadata(["issuer": "ACME Trading Ltd."], id: "D-2") == "blocked sanctioned-name")
        #expect(bench.metadata(["issuer": "ACME Trading"], id: "D-3") == "cleared")
        #expect(bench.metadata(["about": "Issued by ACME Trading Ltd."], id: "D-4") == "review listed-name-within")
        #expect(bench.metadata(["about": "\u{410}CME"], id: "D-5") == "review mixed-scripts")
        #expect(bench.metadata(["name": "Gold"], id: "D-6", owner: "U-9") == "review user-not-verified")
    }

    @Test func metadataThatIsNoneIsRejected() {
        let long = String(repeating: "x", count: 1_024)
        #expect(bench.metadata(["text": .string(long)]) == "cleared")
        #expect(bench.metadata(["text": .string(long + "x")], id: "D-2") == "payload.mismatch")
        #expect(bench.metadata(["text": 1], id: "D-3") == "payload.mismatch")
        #expect(bench.metadata([:], id: "D-4") == "payload.mismatch")
        #expect(bench.metadata(["name": "Gold"], id: "D-5", owner: "") == "payload.mismatch")
    }

    // MARK: - identity

    @Test func whatWasDecidedIsNotDecidedAgain() {
        #expect(bench.payment(event: "E-1") == "cleared")
        #expect(bench.payment(event: "E-2") == "nothing")
        #expect(bench.host.counts["decided_before"] == 1)
    }

    @Test func theSamePaymentWithAnotherAmountIsRejected() {
        #expect(bench.payment(amount: "100") == "cleared")
        #expect(bench.payment(amount: "101") == "compliance.inputs-changed")
        #expect(bench.user("U-1", "rejected") == "compliance.inputs-changed")
    }

    // MARK: - bad input

    @Test func whatCannotBeScreenedIsRejected() {
        let before = bench.host.published.count
        #expect(bench.payment(payer: "") == "payload.mismatch")
        #expect(bench.payment(payee: "?!") == "payload.mismatch")
        #expect(bench.payment(payee: String(repeating: "x", count: 257)) == "payload.mismatch")
        #expect(bench.payment(user: "") == "payload.mismatch")
        #expect(bench.payment("P 1") == "payload.mismatch")
        #expect(bench.payment(amount: "0") == "money.not-positive")
        #expect(bench.payment(amount: "-1") == "money.not-positive")
        #expect(bench.payment(amount: "1000000000000000") == "money.absurd")
        #expect(bench.payment(amount: "1.001") == "money.too-many-decimals")
        #expect(bench.payment(amount: "1.5", currency: "JPY") == "money.too-many-decimals")
        #expect(bench.payment(amount: 100) == "payload.mismatch")
        #expect(bench.payment(currency: "XXQ") == "money.unknown-currency")
        #expect(bench.user("U-7", "perhaps") == "payload.mismatch")
        #expect(bench.user("U-7", revision: 0) == "payload.mismatch")
        #expect(bench.user("U-7", status: "gone") == "payload.mismatch")
        #expect(bench.end("P 1") == "payload.mismatch")
        #expect(bench.host.published.count == before)
        #expect(bench.payment(payee: String(repeating: "x", count: 256)) == "cleared")
    }

    @Test func anEventThatNoRuleIsAboutIsRejected() {
        let event = Event(id: "E", source: "qsl.payments", detailType: "Payment.Authorized.v1", detail: [:])
        #expect(bench.host.run(bench.handler, event).code == "compliance.unknown-event")
    }

    @Test func aHostThatIsNotThereIsWaitedFor() {
        bench.host.failure = .unavailable
        #expect(bench.payment() == "host.unavailable")
        bench.host.failure = nil
        #expect(bench.payment() == "cleared")
    }
}

@Suite struct ComplianceScoreTests {
    private func bench(_ rules: String) throws -> ComplianceBench {
        let config = ComplianceBench.config.replacing(
            #""rules": {"country-not-stated": {"points": 0}}"#, with: rules)
        return try ComplianceBench(config)
    }

    @Test func pointsAddUpToAReview() throws {
        let bench = try bench(
            """
            "rules": {"user-not-verified": {"verdict": "clear", "points": 30}, "country-not-stated": {"points": 19}}
            """)
        #expect(bench.payment("P-1", to: nil) == "cleared country-not-stated user-not-verified")
        #expect(bench.host.published.last?.detail[.score] == 49)
        let other = try self.bench(
            """
            "rules": {"user-not-verified": {"verdict": "clear", "points": 30}, "country-not-stated": {"points": 20}}
            """)
        #expect(other.payment("P-1", to: nil) == "review country-not-stated user-not-verified")
        #expect(other.host.published.last?.detail[.score] == 50)
    }

    @Test func theScoreBlocksFromItsThreshold() throws {
        let rules = #""rules": {"similar-name": {"points": 60}, "user-not-verified": {"points": 20}}"#
        let bench = try bench(rules + #", "score": {"review": 1, "block": 80}"#)
        #expect(bench.payment(payee: "Jose Mulle") == "blocked similar-name user-not-verified")
        let other = try self.bench(rules + #", "score": {"review": 1, "block": 81}"#)
        #expect(other.payment(payee: "Jose Mulle") == "review similar-name user-not-verified")
    }

    @Test func theGravestRuleIsNamed() throws {
        let bench = try ComplianceBench()
        let said = bench.payment(amount: "99999", to: "XA")
        #expect(said == "blocked amount-over-limit too-much country-blocked user-not-verified")
        #expect(bench.host.published.last?.detail[.rule] == "country-blocked")
    }

    @Test func similarAndWithinCanBeSwitchedOff() throws {
        let config = ComplianceBench.config.replacing(#""distance": 1"#, with: #""distance": 0, "within": false"#)
        let bench = try ComplianceBench(config)
        bench.user()
        #expect(bench.payment("P-1", payee: "Jose Mulle") == "cleared")
        #expect(bench.payment("P-2", payee: "Jose Muller Garcia") == "cleared")
        #expect(bench.payment("P-3", payee: "Mul ler Jose") == "review similar-name")
    }

    @Test(arguments: [
        (#""version": "2026-11","#, "", "/version"), (#""block": "10000""#, #""block": "4999""#, "/limits/EUR/review"),
        (#""EUR": {"review""#, #""EUX": {"review""#, "/limits/EUX"),
        (#""count": 3, "amounts""#, #""count": 201, "amounts""#, "/velocity/count"),
        (#""window": "24h""#, #""window": "32d""#, "/velocity/window"),
        (#""EUR": "4500""#, #""EUR": "5000.01""#, "/structuring/from/EUR"),
        (#""EUR": "4500""#, #""USD": "4500""#, "/structuring/from/USD"),
        (#"["XA"]"#, #"["Xa"]"#, "/countries/blocked/0"),
        ("country-not-stated", "country-of-birth", "/rules/country-of-birth"),
        (#""points": 0"#, #""points": 101"#, "/rules/country-not-stated/points"),
        (#""Ann Bo""#, #""-""#, "/sanctions/names/2"), (#""distance": 1"#, #""distance": 5"#, "/sanctions/distance"),
        (#""remember": "30d""#, #""remember": "soon""#, "/remember"),
        (#""remember""#, #""revisit": {"from": "clear"}, "remember""#, "/revisit/from"),
        (#""remember""#, #""revisit": {"within": "0d"}, "remember""#, "/revisit/within"),
        (#""remember""#, #""score": {"review": 80, "block": 70}, "remember""#, "/score/review"),
    ]) func aConfigurationThatCannotWorkNamesItsPlace(from: String, to: String, place: String) throws {
        let config = ComplianceBench.config.replacing(from, with: to)
        let mismatch = #expect(throws: JSON.Mismatch.self) { try ComplianceBench(config) }
        #expect(mismatch?.pointer.text == place)
    }
}

@Suite struct ComplianceInputsTests {
    /// As `sha256sum` has them; the texts end just around where the padding needs another block.
    @Test(arguments: [
        ("\"abc\"", "6cc43f858fbb763301637b5af970e2a46b46f461f27e5a0f41e009c59b827b25"),
        ("[]", "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"),
        ("{}", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        (Self.text(of: 55), "783f74c73f8654f718e07bec598776a19b057f7dad695f6d4e6316f2e9685f62"),
        (Self.text(of: 56), "b6787b475157ff695183233cc525db66782450178f611e338960fae3c329964b"),
        (Self.text(of: 63), "ad8f43b18c240a25337a74f67f2a718eb42a44d1da7fed35ee20f67647fc6fe6"),
        (Self.text(of: 64), "54313ab1988244854fb289b2c8386feb6c9e2599cf344b725d100381abb011c3"),
    ]) func inputsAreNamedBySHA256(json: String, digest: String) throws {
        #expect(Inputs(Event(id: "E", source: "s", detailType: "t", detail: try .text(json))).sha256 == digest)
    }

    private static func text(of bytes: Int) -> String { "\"" + String(repeating: "x", count: bytes - 2) + "\"" }

    @Test func theOrderOfMembersIsNoOtherInput() throws {
        let one = try Inputs(Event(id: "E", source: "s", detailType: "t", detail: .text(#"{"a":1,"b":2}"#)))
        let two = try Inputs(Event(id: "E", source: "s", detailType: "t", detail: .text(#"{"b":2, "a":1}"#)))
        let three = try Inputs(Event(id: "E", source: "s", detailType: "t", detail: .text(#"{"b":2, "a":3}"#)))
        #expect(one == two && one != three)
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
