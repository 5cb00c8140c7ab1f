/// The close of a day: which day a payment belongs to, when it is closed, and what is reported.

import HandlerTesting
import Kit
import Testing
import Treasury
import Vocabulary

@Suite struct TreasuryDayTests {
    let zurich: JSON = [
        "opening": ["main": ["EUR": "1000"]],
        "day": ["timeZone": "CET-1CEST,M3.5.0,M10.5.0/3", "cutOff": "17:00", "grace": "30m"],
    ]

    @Test func aDayIsClosedAtItsCutOffAndAfterItsGrace() throws {
        let bench = try TreasuryBench(zurich)
        bench.run("initiated", "authorised", "settled")
        bench.run("initiated", "settled", id: "P-2", amount: "30", direction: "credit")
        // Noon in UTC is 13:00 in winter, so the day ends in four hours.
        bench.fire(after: .seconds(4 * 3_600 + 1_799))
        #expect(bench.host.published.isEmpty)
        bench.fire(after: .seconds(1))
        let report = try #require(bench.host.published.first)
        #expect(report.detailType == "Settlement.Reconciled.v1" && report.source == "qsl.treasury")
        #expect(report.resource == "urn:qsl:treasury:position:main-EUR")
        #expect(
            report.detail == [
                "account": "main", "currency": "EUR", "day": "2026-11-21", "opening": "1000", "debits": "100",
                "credits": "30", "closing": "930", "payments": 2, "basis": "own-totals",
            ])
    }

    @Test(arguments: [(-1, "2026-11-21"), (0, "2026-11-22")])
    func whatIsSignedAtTheCutOffBelongsToTheNextDay(milliseconds: Int64, day: String) throws {
        let bench = try TreasuryBench(zurich)
        bench.host.now = Timestamp(milliseconds: TreasuryBench.noon.milliseconds + 4 * 3_600_000 + milliseconds)
        bench.run("initiated")
        #expect(try bench.position()?.book.earliest?.description == day)
    }

    @Test func whatIsLateCountsForTheFirstOpenDay() throws {
        let bench = try TreasuryBench(zurich)
        bench.run("initiated")
        let settled = TreasuryBench.detail("settled")
        bench.fire(after: .seconds(86_400))
        #expect(
            bench.host.run(
                bench.handler,
                Event(
                    id: "late", source: "qsl.payments", detailType: "Payment.Settled.v1", detail: settled,
                    signedAt: TreasuryBench.noon)) == .done)
        bench.fire(after: .seconds(2 * 86_400))
        let days = bench.host.published.map { ($0.detail["/day"], $0.detail["/debits"], $0.detail["/opening"]) }
        #expect(days.map(\.0) == ["2026-11-21", "2026-11-22"])
        #expect(days.map(\.1) == ["0", "100"])
        #expect(days.map(\.2) == ["1000", "1000"])
    }

    @Test func anEarlierDayIsClosedFirst() throws {
        let bench = try TreasuryBench(zurich)
        for (id, signedAt) in [("P-2", TreasuryBench.noon + .seconds(86_400)), ("P-1", TreasuryBench.noon)] {
            for step in ["initiated", "settled"] {
                let route = TreasuryBench.route(step)
                bench.host.run(
                    bench.handler,
                    Event(
                        id: "\(id)-\(step)", source: route.source, detailType: route.detailType,
                        detail: TreasuryBench.detail(step, id: id), signedAt: signedAt))
            }
        }
        bench.fire(after: .seconds(3 * 86_400))
        let reports = bench.host.published
        #expect(reports.map { $0.detail["/day"] } == ["2026-11-21", "2026-11-22"])
        #expect(reports.map { $0.detail["/closing"] } == ["900", "800"])
        #expect(reports.allSatisfy { $0.detailType == "Settlement.Reconciled.v1" })
        #expect(bench.host.timers.isEmpty)
    }

    @Test func aDiscrepancyIsReportedOnOneDayOnly() throws {
        let bench = try TreasuryBench(zurich)
        bench.run("settled")
        bench.fire(after: .seconds(86_400))
        bench.run("initiated", id: "P-2")
        bench.fire(after: .seconds(86_400))
        #expect(bench.told == ["Settlement.Mismatched.v1", "Settlement.Reconciled.v1"])
    }

    @Test func booksThatWereChangedByHandAreReported() throws {
        let bench = try TreasuryBench(zurich)
        bench.run("initiated", "settled")
        let text = try #require(bench.host.text("position:main:EUR"))
        bench.host.put("position:main:EUR", text.replacing("\"booked\":\"900\"", with: "\"booked\":\"900.01\""))
        bench.fire(after: .seconds(86_400))
        #expect(bench.told == ["Settlement.Mismatched.v1"])
        #expect(bench.host.published.first?.detail["/exceptions"] == [["code": "books-differ"]])
    }

    @Test func aTimerThatComesAgainClosesNothing() throws {
        let bench = try TreasuryBench(zurich)
        bench.run("initiated")
        let timer = try #require(bench.host.timers.values.first)
        let event = Event(id: "T", source: "outrigger.timer", detailType: "treasury", detail: timer.detail)
        #expect(bench.host.run(bench.handler, event) == .done)
        #expect(bench.host.run(bench.handler, event) == .done)
        #expect(bench.told == ["Settlement.Reconciled.v1"])
    }

    @Test func exceptionsBeyondThoseThatAreNamedAreCounted() throws {
        let bench = try TreasuryBench(zurich)
        for number in 1...258 { bench.run("settled", id: "P-\(number)") }
        bench.run("initiated", id: "P-1")
        bench.run("initiated", id: "P-258")
        bench.fire(after: .seconds(86_400))
        let report = try #require(bench.host.published.first)
        #expect(try report.detail.array(at: "/exceptions").count == 255)
        #expect(report.detail["/exceptionCount"] == 256)
    }

    // MARK: configuration

    @Test(arguments: [
        (#"{"opening": {"main": {"EUR": "x"}}}"#, "/opening/main/EUR"),
        (#"{"opening": {"main": {"EUR": "0.001"}}}"#, "/opening/main/EUR"),
        (#"{"opening": {"main": {"XXX": "1"}}}"#, "/opening/main/XXX"),
        (#"{"opening": {"a b": {"EUR": "1"}}}"#, "/opening/a b"),
        (#"{"opening": []}"#, "/opening"),
        (#"{"liquidity": {"EUR": {"low": "5"}}}"#, "/liquidity/EUR/restored"),
        (#"{"liquidity": {"EUR": {"low": "5", "restored": "4.99"}}}"#, "/liquidity/EUR/restored"),
        (#"{"liquidity": {"Euro": {"low": "5", "restored": "5"}}}"#, "/liquidity/Euro"),
        (#"{"day": {"timeZone": "Nowhere/Else"}}"#, "/day/timeZone"),
        (#"{"day": {"cutOff": "24:01"}}"#, "/day/cutOff"), (#"{"day": {"grace": "0s"}}"#, "/day/grace"),
        (#"{"remember": "soon"}"#, "/remember"),
    ]) func aConfigurationThatCannotWorkNamesItsPlace(config: String, place: String) throws {
        let mismatch = #expect(throws: JSON.Mismatch.self) { try TreasuryHandler(config: .text(config)) }
        #expect(mismatch?.pointer.text == place)
    }

    @Test func everythingMayBeLeftOut() throws { _ = try TreasuryHandler(config: [:]) }
}
