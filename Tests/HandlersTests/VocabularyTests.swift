/// The vocabulary: currencies, money, days, time zones, and how configurations write lengths of time.

import Foundation
import Kit
import Testing
import Vocabulary

@Suite struct VocabularyTests {
    // Both modules have one, and macros take no module's name.
    private typealias Zone = Vocabulary.TimeZone
    private typealias FoundationZone = Foundation.TimeZone

    // MARK: money

    @Test(arguments: [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("CHF", 2), ("UYI", 0)])
    func aCurrencyOfISO4217HasItsDecimals(code: String, decimals: Int) {
        #expect(Currency(iso: code)?.decimals == decimals)
    }

    @Test(arguments: ["XXX", "XAU", "EURO", "eur", "AAA", ""])
    func whatIsNoCurrencyIsNone(code: String) { #expect(Currency(iso: code) == nil) }

    @Test(arguments: [("JPY", "5", "done"), ("JPY", "5.1", "money.too-many-decimals"), ("KWD", "0.001", "done"),
        ("KWD", "0.0001", "money.too-many-decimals"), ("EUR", "1.500", "done"), ("EUR", "0", "money.not-positive"),
        ("EUR", "999999999999999", "done"), ("EUR", "1000000000000000", "money.absurd"),
        ("EUR", "+1", "payload.mismatch"), ("EUR", "1e1", "payload.mismatch"), ("EUR", "1,5", "payload.mismatch")])
    func moneyIsReadByTheRulesOfItsCurrency(currency: String, amount: String, code: String) {
        var outcome = Outcome.done
        do {
            _ = try Money(inDetail: ["amount": .string(amount), "currency": .string(currency)])
        } catch { outcome = Outcome(thrown: error) }
        #expect(outcome.code == code)
    }

    @Test func decimalsAreThoseThatAreNeeded() {
        #expect(Amount("12.50")?.decimals == 1 && Amount("12")?.decimals == 0)
        #expect(Amount("0.000000000000000001")?.decimals == 18)
    }

    // MARK: days

    /// From 1586 on: before 1582 Foundation's calendar is the Julian one.
    @Test func daysOfEightHundredYearsAgreeWithFoundation() {
        var calendar = Foundation.Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        for number in stride(from: -140_000, through: 152_000, by: 61) {
            let parts = calendar.dateComponents(
                [.year, .month, .day, .weekday], from: Date(timeIntervalSince1970: Double(number) * 86_400))
            let day = CalendarDay(number: number)
            #expect([day.date.year, day.date.month, day.date.day] == [parts.year, parts.month, parts.day])
            #expect(day.weekday + 1 == parts.weekday)
            #expect(CalendarDay(year: day.date.year, month: day.date.month, day: day.date.day) == day)
        }
    }

    @Test(arguments: ["2026-11-21", "2000-02-29", "1970-01-01", "0001-01-01"])
    func aDayIsReadAsItIsWritten(text: String) { #expect(CalendarDay(text)?.description == text) }

    @Test(arguments: ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-01", "2026-11-21Z", "20261121", "+026-11-21"])
    func whatIsNoDayIsNone(text: String) { #expect(CalendarDay(text) == nil) }

    // MARK: time zones

    @Test(arguments: [
        "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Europe/Dublin",
        "America/Santiago", "Pacific/Apia", "Etc/GMT+12",
    ]) func aTimeZoneAgreesWithFoundation(name: String) throws {
        let zone = try #require(Zone(name))
        let theirs = try #require(FoundationZone(identifier: name))
        // Three years from 2026 on, every nine hours and a half, and so at every hour.
        for second in stride(from: 1_767_225_600, to: 1_861_920_000, by: 34_200) {
            let date = Date(timeIntervalSince1970: Double(second))
            let time = Timestamp(milliseconds: Int64(second) * 1_000)
            #expect(zone.offset(at: time) == theirs.secondsFromGMT(for: date), "\(name) at \(second)")
        }
    }

    @Test func clocksThatChangeAreReadBothWays() throws {
        let zone = try #require(Zone("CET-1CEST,M3.5.0,M10.5.0/3"))
        let autumn = try #require(CalendarDay("2026-10-25"))
        let first = zone.timestamp(LocalTime(day: autumn, secondOfDay: 9_000))
        #expect(first.milliseconds == 1_792_888_200_000)
        #expect(zone.local(first) == LocalTime(day: autumn, secondOfDay: 9_000))
        #expect(zone.local(first + .seconds(3_600)) == LocalTime(day: autumn, secondOfDay: 9_000))
        let spring = try #require(CalendarDay("2026-03-29"))
        let skipped = zone.timestamp(LocalTime(day: spring, secondOfDay: 9_000))
        #expect(zone.local(skipped) == LocalTime(day: spring, secondOfDay: 12_600))
    }

    @Test(arguments: [
        "<-03>3", "UTC", "GMT0BST,M3.5.0/1,M10.5.0", "IST-1GMT0,M10.5.0,M3.5.0/1", "XXX3YYY,J60,J300",
        "XXX3YYY2,59,299/-2",
    ]) func rulesAreRead(rule: String) { #expect(Zone(rule) != nil) }

    @Test(arguments: [
        "", "Nowhere", "../etc/passwd", "/etc/localtime", "Europe", "CET-", "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CE-1",
        "CET-200", "XXX3YYY,J0,J300", "CET-1CEST,M3.5.0,M10.5.0/3x",
    ]) func whatIsNoTimeZoneIsNone(rule: String) { #expect(Zone(rule) == nil) }

    // MARK: configuration

    @Test(arguments: [("30s", 30), ("15m", 900), ("12h", 43_200), ("7d", 604_800), ("3650d", 315_360_000)])
    func aPeriodIsRead(text: String, seconds: Int) throws {
        #expect(try JSON.string(text).period(at: "") == .seconds(seconds))
    }

    @Test(arguments: ["0s", "3651d", "5", "s", "-1s", "1.5h", "1w", "99999999999d", ""])
    func whatIsNoPeriodIsRefused(text: String) {
        #expect(throws: JSON.Mismatch.self) { try JSON.string(text).period(at: "") }
    }

    @Test(arguments: [("00:00", 0), ("17:30", 63_000), ("24:00", 86_400)])
    func aTimeOfDayIsRead(text: String, seconds: Int) throws {
        #expect(try JSON.string(text).timeOfDay(at: "") == seconds)
    }

    @Test(arguments: ["24:01", "7:30", "17:60", "17.30", "noon", "1:7:30"])
    func whatIsNoTimeOfDayIsRefused(text: String) {
        #expect(throws: JSON.Mismatch.self) { try JSON.string(text).timeOfDay(at: "") }
    }

    @Test func sixNetworksAreStandard() throws {
        #expect(try Networks([:], at: "/networks") == .standard)
        #expect(Networks.standard.names.count == 6)
        let many = JSON.array((0...64).map { .string("n\($0)") })
        #expect(throws: JSON.Mismatch.self) { try Networks(["networks": many], at: "/networks") }
    }
}
