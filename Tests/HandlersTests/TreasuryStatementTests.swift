/// Statements of the bank: what a day is held against, and what it is where none comes.

import HandlerTesting
import Kit
import Testing
import Treasury
import Vocabulary

extension TreasuryBench {
    /// A statement of the first day, which pays 100 and receives 30, unless a member is said otherwise.
    static func statement(
        _ members: KeyValuePairs<Field, JSON?> = [:], id: String = "S-1", day: String = "2026-11-21"
    ) -> JSON {
        var detail: [String: JSON] = [
            "statementId": .string(id), "account": "main", "currency": "EUR", "day": .string(day), "opening": "1000",
            "debits": "100", "credits": "30", "closing": "930", "payments": 2,
        ]
        for (field, value) in members { detail[field.name] = value }
        return detail.reduce(into: JSON.Members()) { $0.set($1.key, $1.value) }.object
    }

    @discardableResult
    func hear(_ detail: JSON, event: String = "S") -> String {
        host.run(
            handler,
            Event(
                id: event, source: "qsl.settlement", detailType: "Settlement.Statement.v1", detail: detail,
                signedAt: host.now)
        ).code
    }

    /// What was reported: `reconciled statement`, `mismatched own-totals`, with codes.
    var reports: [String] {
        host.published.filter { $0.detailType.hasPrefix("Settlement.") }.map { draft in
            let codes = (try? draft.detail.array(at: "/exceptions").map { try $0.text(at: .code) }) ?? []
            let word = draft.detailType == "Settlement.Reconciled.v1" ? "reconciled" : "mismatched"
            return ([word, (try? draft.detail.text(at: .basis)) ?? "?"] + codes).joined(separator: " ")
        }
    }
}

extension JSON.Members {
    fileprivate var object: JSON { .object(self) }
}

@Suite struct TreasuryStatementTests {
    let bench: TreasuryBench

    /// A day on which 100 were paid and 30 received.
    init() throws {
        bench = try TreasuryBench(["opening": ["main": ["EUR": "1000"]]])
        bench.run("initiated", "authorised", "settled")
        bench.run("initiated", "settled", id: "P-2", amount: "30", direction: "credit")
    }

    private func close() { bench.fire(after: .seconds(86_400)) }

    @Test func withoutAStatementADayIsHeldAgainstItsOwnTotalsAndSaysSo() {
        close()
        #expect(bench.reports == ["reconciled own-totals"])
        #expect(bench.host.published.last?.detail[.statementID] == nil)
    }

    @Test func aDayIsReconciledAgainstItsStatement() {
        #expect(bench.hear(TreasuryBench.statement()) == "done")
        #expect(bench.reports == [])
        close()
        #expect(bench.reports == ["reconciled statement"])
        #expect(bench.host.published.last?.detail[.statementID] == "S-1")
    }

    @Test(arguments: [
        ([.opening: "999.99", .closing: "929.99"], "opening-differs closing-differs"),
        ([.debits: "100.01", .closing: "929.99"], "debits-differ closing-differs"),
        ([.credits: "30.01", .closing: "930.01"], "credits-differ closing-differs"),
        ([.debits: "100.01", .credits: "30.01"], "debits-differ credits-differ"), ([.payments: 3], "payments-differ"),
        ([.payments: nil], ""), ([.opening: "1000.00", .closing: "930.0"], ""),
    ] as [(KeyValuePairs<Field, JSON?>, String)])
    func aStatementThatSaysSomethingElseIsReported(members: KeyValuePairs<Field, JSON?>, codes: String) {
        #expect(bench.hear(TreasuryBench.statement(members)) == "done")
        close()
        let expected = codes.isEmpty ? "reconciled statement" : "mismatched statement \(codes)"
        #expect(bench.reports == [expected])
    }

    @Test func aDifferenceSaysWhatWasStated() throws {
        bench.hear(TreasuryBench.statement([.debits: "100.01", .closing: "929.99"]))
        close()
        let report = try #require(bench.host.published.last?.detail)
        #expect(report[.debits] == "100" && report[.closing] == "930" && report[.exceptionCount] == 2)
        #expect(report["/exceptions/0"] == ["code": "debits-differ", "stated": "100.01"])
    }

    @Test func aLateStatementIsHeldAgainstTheDayThatWasClosed() {
        close()
        #expect(bench.hear(TreasuryBench.statement()) == "done")
        #expect(bench.reports == ["reconciled own-totals", "reconciled statement"])
    }

    @Test func aLateStatementThatSaysSomethingElseIsReported() {
        close()
        bench.hear(TreasuryBench.statement([.debits: "130", .credits: "60"]))
        #expect(bench.reports == ["reconciled own-totals", "mismatched statement debits-differ credits-differ"])
    }

    @Test func aPaymentThatIsNotInOrderIsReportedBesideTheStatement() {
        bench.run("settled", id: "P-3")
        bench.hear(TreasuryBench.statement([.debits: "101", .closing: "929"]))
        close()
        #expect(bench.reports == ["mismatched statement debits-differ closing-differs settled-before-initiated"])
    }

    @Test func aRepeatedStatementIsHeardOnceAndAnotherOneIsRejected() {
        #expect(bench.hear(TreasuryBench.statement()) == "done")
        #expect(bench.hear(TreasuryBench.statement(id: "S-2"), event: "S-2") == "done")
        #expect(bench.host.counts["repeated_statements"] == 1)
        let other = TreasuryBench.statement([.credits: "31", .closing: "931"])
        #expect(bench.hear(other, event: "S-3") == "treasury.statement-changed")
        close()
        #expect(bench.hear(TreasuryBench.statement(), event: "S-4") == "done")
        #expect(bench.reports == ["reconciled statement"])
    }

    @Test func aDayWithoutAnyEventMovedNothing() {
        close()
        bench.fire(after: .seconds(86_400))
        bench.run("initiated", id: "P-9")
        close()
        let still: KeyValuePairs<Field, JSON?> = [
            .opening: "930", .closing: "930", .debits: "0", .credits: "0", .payments: 0,
        ]
        #expect(bench.hear(TreasuryBench.statement(still, day: "2026-11-22")) == "done")
        let moved: KeyValuePairs<Field, JSON?> = [
            .opening: "930", .closing: "929.99", .debits: "0.01", .credits: "0", .payments: 1,
        ]
        let other = TreasuryBench.statement(moved, day: "2026-11-22")
        #expect(bench.hear(other, event: "S-2") == "treasury.statement-changed")
        #expect(bench.reports.last == "reconciled statement")
    }

    @Test func aStatementOpensItsDay() throws {
        let bench = try TreasuryBench()
        #expect(bench.hear(TreasuryBench.statement()) == "done")
        bench.fire(after: .seconds(86_400))
        #expect(
            bench.reports == ["mismatched statement debits-differ credits-differ closing-differs payments-differ"])
    }

    @Test func aStatementOfADayThatHasNotBegunIsRejected() {
        #expect(bench.hear(TreasuryBench.statement(day: "2026-11-22")) == "treasury.statement-early")
        bench.host.now = bench.host.now + .seconds(12 * 3_600)
        #expect(bench.hear(TreasuryBench.statement(day: "2026-11-22"), event: "S-2") == "done")
    }

    @Test func aStatementMayBeAMonthLateAndNoLater() {
        close()
        bench.host.now = TreasuryBench.noon + .seconds(32 * 86_400)
        #expect(bench.hear(TreasuryBench.statement()) == "treasury.statement-late")
        bench.host.now = TreasuryBench.noon + .seconds(31 * 86_400)
        #expect(bench.hear(TreasuryBench.statement(), event: "S-2") == "done")
        #expect(bench.reports.last == "reconciled statement")
    }

    @Test func aDayBeforeAllThatAreKnownIsLate() {
        close()
        #expect(bench.hear(TreasuryBench.statement(day: "2026-11-20")) == "treasury.statement-late")
    }

    @Test(arguments: [
        ([.closing: "930.01"], "treasury.statement-unbalanced"), ([.debits: "-1"], "money.negative"),
        ([.debits: "-1", .closing: "1031"], "money.negative"), ([.currency: "XXX"], "money.unknown-currency"),
        ([.credits: "30.001"], "money.too-many-decimals"), ([.opening: "1000000000000000"], "money.absurd"),
        ([.opening: 1_000], "payload.mismatch"), ([.closing: nil], "payload.mismatch"),
        ([.day: "2026-02-30"], "payload.mismatch"), ([.payments: -1], "payload.mismatch"),
        ([.statementID: "S 1"], "payload.mismatch"), ([.account: nil], "payload.mismatch"),
        ([.opening: "-1000", .closing: "-1070"], "done"),
    ] as [(KeyValuePairs<Field, JSON?>, String)])
    func whatIsNoStatementIsRejected(members: KeyValuePairs<Field, JSON?>, code: String) {
        #expect(bench.hear(TreasuryBench.statement(members)) == code)
    }
}
