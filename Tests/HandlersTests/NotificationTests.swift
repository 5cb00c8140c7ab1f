/// Notification: what is said, to whom, by which way and when, and that it is said once.

import Kit
import Notification
import Synchronization
import Testing
import Vocabulary

/// A delivery service in memory: what it was given, and what it answers.
final class RecordingDelivery: Delivery {
    struct Delivered: Hashable, Sendable {
        let notice: Notice
        let channel: Channel
    }
    private struct State {
        var delivered: [Delivered] = []
        var refused: Set<Channel> = []
        var isAvailable = true
    }
    private let state = Mutex(State())
    let name = "recording"

    var delivered: [Delivered] { state.withLock { $0.delivered } }
    var refused: Set<Channel> {
        get { state.withLock { $0.refused } }
        set { state.withLock { $0.refused = newValue } }
    }
    var isAvailable: Bool {
        get { state.withLock { $0.isAvailable } }
        set { state.withLock { $0.isAvailable = newValue } }
    }

    func deliver(_ notice: Notice, by channel: Channel, _ host: any Host) throws(HostFailure) -> DeliveryAnswer {
        let answer: DeliveryAnswer? = state.withLock { state in
            guard state.isAvailable else { return nil }
            guard !state.refused.contains(channel) else { return .refused }
            state.delivered.append(Delivered(notice: notice, channel: channel))
            return .accepted
        }
        guard let answer else { throw .unavailable }
        return answer
    }
}

struct NotificationBench {
    static let config = """
        {"defaults": {"locale": "en", "channels": ["email", "push"], "timeZone": "UTC",
           "quietHours": {"from": "22:00", "to": "07:00"}},
         "fallback": ["fr"], "rate": {"count": 3, "window": "1h"}, "queue": {"keep": "2d", "retry": "1m"},
         "templates": {
           "Payment.Settled.v1": {"about": "/paymentId", "recipient": "/userId",
             "locales": {
               "en": {"subject": "Payment {/paymentId}", "text": "{/amount} {/currency} to {/payee/name} is settled."},
               "de": {"subject": "Zahlung {/paymentId}", "text": "{/amount} {/currency} an {/payee/name}"},
               "fr": {"subject": "Paiement {/paymentId}", "text": "{/amount} {/currency}"}}},
           "Payment.Failed.v1": {"about": "/paymentId", "recipient": "/userId", "priority": "low",
             "channels": ["sms", "email"], "digest": "30m",
             "locales": {"en": {"subject": "Failed", "text": "Payment {/paymentId} failed.",
               "digest": {"subject": "{/count} more", "text": "{/count} more payments failed."}}}},
           "Compliance.Blocked.v1": {"about": "/subjectId", "recipient": "/userId", "priority": "critical",
             "channels": ["push", "email"],
             "locales": {"en": {"subject": "On hold", "text": "Please contact us."}}},
           "Liquidity.Low.v1": {"about": "/paymentId", "recipientId": "treasury-desk", "channels": ["email"],
             "locales": {"en": {"subject": "Low", "text": "{/available} {/currency}"}}}}}
        """
    let host = FakeHost()
    let delivery = RecordingDelivery()
    let handler: NotificationHandler

    init(_ config: String = Self.config) throws {
        handler = try NotificationHandler(config: .text(config), delivery: delivery)
        host.now = Self.noon
    }

    /// 2026-11-21, 12:00 UTC.
    static let noon = Timestamp(milliseconds: 1_795_262_400_000)
    static func time(_ hour: Int, _ minute: Int = 0) -> Timestamp {
        noon + .seconds((hour - 12) * 3_600 + minute * 60)
    }

    @discardableResult
    func run(_ route: Route, _ detail: JSON, event: String, at time: Timestamp? = nil) -> String {
        if let time { host.now = time }
        return host.run(
            handler,
            Event(
                id: event, source: route.source, detailType: route.detailType, detail: detail, signedAt: host.now)
        ).code
    }

    @discardableResult
    func settled(
        _ id: String = "P-1", user: String = "U-1", payee: String = "Bo Chen", event: String? = nil,
        at time: Timestamp? = nil
    ) -> String {
        run(
            .paymentSettled,
            [
                "paymentId": .string(id), "userId": .string(user), "amount": "12.50", "currency": "EUR",
                "payee": ["name": .string(payee)],
            ], event: event ?? "S-\(id)", at: time)
    }

    @discardableResult
    func failed(_ id: String, at time: Timestamp? = nil) -> String {
        run(.paymentFailed, ["paymentId": .string(id), "userId": "U-1"], event: "F-\(id)", at: time)
    }

    @discardableResult
    func blocked(_ id: String = "P-1", at time: Timestamp? = nil) -> String {
        run(.complianceBlocked, ["subjectId": .string(id), "userId": "U-1"], event: "B-\(id)", at: time)
    }

    @discardableResult
    func prefer(
        _ revision: Int = 1, locale: String = "en", channels: JSON? = ["email"], zone: String = "UTC",
        quiet: JSON? = nil, user: String = "U-1"
    ) -> String {
        run(
            .preferenceChanged,
            .detail([
                .userID: .string(user), .revision: .number(JSON.Number(revision)), .locale: .string(locale),
                .channels: channels, .timeZone: .string(zone), .quietHours: quiet,
            ]), event: "R-\(user)-\(revision)")
    }

    var texts: [String] { delivery.delivered.map(\.notice.text) }
    var ids: [String] { delivery.delivered.map(\.notice.id) }
}

@Suite struct NotificationTests {
    let bench: NotificationBench

    init() throws { bench = try NotificationBench() }

    // MARK: - words

    @Test func aNoticeIsFilledAndDeliveredAndSaidToBeSent() throws {
        #expect(bench.settled() == "done")
        let delivered = try #require(bench.delivery.delivered.first)
        #expect(delivered.channel == .email && delivered.notice.subject == "Payment P-1")
        #expect(delivered.notice.text == "12.50 EUR to Bo Chen is settled.")
        let draft = try #require(bench.host.published.first)
        #expect(draft.source == "qsl.notification" && draft.detailType == "Notification.Sent.v1")
        #expect(
            draft.detail == [
                "notificationId": "Payment.Settled.v1:P-1", "recipient": "U-1", "channel": "email",
                "eventType": "Payment.Settled.v1", "priority": "normal", "locale": "en", "delivery": "recording",
            ])
    }

    @Test func aRecipientMayBeFixed() {
        let detail: JSON = ["paymentId": "P-1", "available": "9", "currency": "EUR"]
        #expect(bench.run(.liquidityLow, detail, event: "L-1") == "done")
        #expect(bench.delivery.delivered.first?.notice.recipient.text == "treasury-desk")
        #expect(bench.texts == ["9 EUR"])
    }

    @Test(arguments: [
        ("de-CH", "Zahlung P-1"), ("de", "Zahlung P-1"), ("en-GB", "Payment P-1"), ("it-CH", "Paiement P-1"),
    ]) func wordsAreOfTheFirstLanguageThatHasThem(locale: String, subject: String) {
        bench.prefer(locale: locale)
        #expect(bench.settled() == "done")
        #expect(bench.delivery.delivered.first?.notice.subject == subject)
    }

    @Test func whereNoOtherLanguageHasWordsTheDefaultDoes() {
        bench.prefer(locale: "it")
        #expect(bench.failed("P-1") == "done")
        #expect(bench.delivery.delivered.first?.notice.locale == "en")
    }

    @Test(arguments: [
        ("paymentId", "payload.mismatch"), ("userId", "payload.mismatch"), ("amount", "notification.missing-field"),
        ("payee", "notification.missing-field"),
    ]) func aPayloadThatLacksAValueIsNeverSentHalfFilled(member: String, code: String) throws {
        var detail = try JSON.text(
            #"{"paymentId": "P-1", "userId": "U-1", "amount": "1", "currency": "EUR", "payee": {"name": "Bo"}}"#
        ).members(at: "")
        #expect(bench.run(.paymentSettled, .object(detail), event: "E-0") == "done")
        detail.set("paymentId", "P-2")
        detail.set(member, .null)
        #expect(bench.run(.paymentSettled, .object(detail), event: "E-1") == code)
        #expect(bench.delivery.delivered.count == 1 && bench.host.published.count == 1)
    }

    @Test func aValueCannotBeginANewLine() {
        #expect(bench.settled(payee: "Bo\r\nBcc: all\u{2028}\u{0}x") == "done")
        #expect(bench.texts == ["12.50 EUR to Bo  Bcc: all  x is settled."])
    }

    @Test func aTextMayBeAsLongAsTheLimitAndNoLonger() {
        let rest = "12.50 EUR to  is settled.".utf8.count
        let longest = String(repeating: "x", count: 4_096 - rest)
        #expect(bench.settled("P-1", payee: longest) == "done")
        #expect(bench.settled("P-2", payee: longest + "x") == "notification.too-long")
    }

    @Test func anEventTypeWithoutTemplateIsDoneInSilence() {
        #expect(bench.run(.tokenConfirmed, ["requestId": "R-1"], event: "E-1") == "done")
        #expect(bench.host.published.isEmpty && bench.host.counts["without_template"] == 1)
    }

    @Test func logsAndLabelsHoldNoPerson() {
        bench.settled(user: "ann@example.com", payee: "Bo Chen")
        bench.settled("P-2", payee: "Bo Chen", at: NotificationBench.time(23))
        let said = bench.host.logLines + bench.host.measurements.map { "\($0)" }
        #expect(!said.isEmpty && said.allSatisfy { !$0.contains("ann@") && !$0.contains("Bo") && !$0.contains("P-1") })
    }

    // MARK: - once

    @Test func whatWasToldIsNotToldAgainThoughTheEventIsAnother() {
        #expect(bench.settled(event: "E-1") == "done")
        #expect(bench.settled(event: "E-2") == "done")
        #expect(bench.delivery.delivered.count == 1 && bench.host.counts["told_before"] == 1)
        #expect(bench.settled("P-2", event: "E-3") == "done")
        #expect(bench.delivery.delivered.count == 2)
    }

    @Test func whatWaitsIsNotTakenTwice() {
        bench.settled(event: "E-1", at: NotificationBench.time(23))
        bench.settled(event: "E-2", at: NotificationBench.time(23, 1))
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(32))
        #expect(bench.ids == ["Payment.Settled.v1:P-1"])
    }

    // MARK: - channels

    @Test func theUsersFirstChannelThatSuitsIsTaken() {
        bench.prefer(channels: ["push", "email"])
        bench.settled()
        bench.failed("P-2")
        #expect(bench.delivery.delivered.map(\.channel) == [.push, .email])
    }

    @Test func aRefusedChannelGivesWayToTheNext() {
        bench.delivery.refused = [.email]
        bench.settled()
        #expect(bench.delivery.delivered.map(\.channel) == [.push])
        bench.delivery.refused = [.email, .push]
        bench.settled("P-2")
        #expect(bench.host.published.last?.detailType == "Notification.Failed.v1")
        #expect(bench.host.published.last?.detail[.reason] == "notification.refused")
        bench.delivery.refused = []
        bench.settled("P-2", event: "again")
        #expect(bench.delivery.delivered.count == 1)
    }

    @Test func aUserWithoutChannelsIsToldOfCriticalThingsAlone() {
        bench.prefer(channels: [])
        bench.settled()
        #expect(bench.host.published.last?.detail[.reason] == "notification.no-channel")
        bench.blocked()
        #expect(bench.delivery.delivered.map(\.channel) == [.push])
    }

    @Test func aServiceThatDoesNotAnswerIsWaitedFor() {
        bench.delivery.isAvailable = false
        #expect(bench.settled() == "host.unavailable")
        #expect(bench.host.published.isEmpty && bench.host.state.isEmpty)
        bench.delivery.isAvailable = true
        #expect(bench.settled() == "done")
        #expect(bench.delivery.delivered.count == 1)
    }

    // MARK: - quiet hours

    @Test func quietHoursHoldFromTheirFirstMinuteToTheirLast() {
        bench.settled("P-1", at: NotificationBench.time(21, 59))
        #expect(bench.ids.count == 1)
        bench.settled("P-2", at: NotificationBench.time(22))
        #expect(bench.ids.count == 1)
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(30, 59))
        #expect(bench.ids.count == 1)
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(31))
        #expect(bench.ids.last == "Payment.Settled.v1:P-2" && bench.ids.count == 2)
        bench.settled("P-3", at: NotificationBench.time(31))
        #expect(bench.ids.count == 3)
    }

    @Test func criticalNoticesPassQuietHoursAndTheQueue() {
        bench.settled("P-1", at: NotificationBench.time(23))
        bench.blocked("P-2", at: NotificationBench.time(23, 1))
        #expect(bench.ids == ["Compliance.Blocked.v1:P-2"])
    }

    @Test(arguments: [("+05:30", 16, 29, 30), ("-03:00", 24, 59, 60), ("Europe/Zurich", 20, 59, 60)])
    func quietHoursAreThoseOfTheUsersClocks(zone: String, hour: Int, last: Int, first: Int) {
        bench.prefer(zone: zone, quiet: ["from": "22:00", "to": "07:00"])
        bench.settled("P-1", at: NotificationBench.time(hour, last))
        #expect(bench.ids.count == 1)
        bench.settled("P-2", at: NotificationBench.time(hour, first))
        #expect(bench.ids.count == 1)
    }

    @Test func aUserWhoSaysNoQuietHoursHasNone() {
        bench.prefer()
        bench.settled(at: NotificationBench.time(23))
        #expect(bench.ids.count == 1)
    }

    @Test func aChangeOfPreferencesFreesWhatWaits() {
        bench.settled(at: NotificationBench.time(23))
        bench.prefer(channels: ["push"])
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(23, 1))
        #expect(bench.ids.count == 1)
    }

    // MARK: - preferences

    @Test func theNewestRevisionOfPreferencesStands() {
        bench.prefer(2, channels: ["push"])
        bench.prefer(1, channels: ["sms"])
        bench.settled()
        #expect(bench.delivery.delivered.map(\.channel) == [.push])
        #expect(bench.prefer(2, channels: ["sms"]) == "notification.revision-changed")
    }

    @Test func preferencesInTheWrongFormAreRejected() {
        #expect(bench.prefer(0) == "payload.mismatch")
        #expect(bench.prefer(locale: "d") == "payload.mismatch")
        #expect(bench.prefer(channels: ["pigeon"]) == "payload.mismatch")
        #expect(bench.prefer(channels: nil) == "payload.mismatch")
        #expect(bench.prefer(zone: "Moon/Crater") == "payload.mismatch")
        #expect(bench.prefer(zone: "+5:30") == "payload.mismatch")
        #expect(bench.prefer(quiet: ["from": "22:00", "to": "22:00"]) == "payload.mismatch")
        #expect(bench.prefer(user: "U 1") == "payload.mismatch")
        #expect(bench.host.state.isEmpty)
    }

    // MARK: - rate and queue

    @Test func beyondTheRateNoticesWaitForTheWindow() {
        for minute in 0..<4 { bench.settled("P-\(minute)", at: NotificationBench.time(12, minute)) }
        #expect(bench.ids.count == 3)
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(12, 59))
        #expect(bench.ids.count == 3)
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(13))
        #expect(bench.ids.count == 4)
        bench.settled("P-9", user: "U-2")
        #expect(bench.ids.count == 5)
    }

    @Test func theQueueGoesByPriorityAndThenByAge() {
        bench.failed("P-1", at: NotificationBench.time(23))
        bench.settled("P-2", at: NotificationBench.time(23, 1))
        bench.settled("P-3", at: NotificationBench.time(23, 2))
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(31))
        #expect(bench.ids == ["Payment.Settled.v1:P-2", "Payment.Settled.v1:P-3", "Payment.Failed.v1:P-1"])
    }

    @Test func aFullQueueRefusesTheNext() {
        for number in 1...100 { bench.settled("P-\(number)", at: NotificationBench.time(23)) }
        #expect(bench.host.published.isEmpty)
        bench.settled("P-101")
        #expect(bench.host.published.last?.detail[.reason] == "notification.queue-full")
    }

    @Test func whatWaitedTooLongExpires() {
        bench.settled("P-1", at: NotificationBench.time(23))
        bench.delivery.isAvailable = false
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(23 + 48))
        #expect(bench.host.published.isEmpty)
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(31 + 48))
        #expect(bench.host.published.last?.detail[.reason] == "notification.expired")
        #expect(bench.host.timers.isEmpty && bench.ids.isEmpty)
    }

    @Test func aServiceThatComesBackGetsWhatWaits() {
        bench.settled("P-1", at: NotificationBench.time(23))
        bench.delivery.isAvailable = false
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(31, 5))
        #expect(bench.ids.isEmpty)
        bench.delivery.isAvailable = true
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(31, 7))
        #expect(bench.ids.count == 1 && bench.host.timers.isEmpty)
    }

    // MARK: - digests

    @Test func repeatsWithinTheWindowBecomeOneNotice() {
        for minute in [0, 1, 29] { bench.failed("P-\(minute)", at: NotificationBench.time(12, minute)) }
        #expect(bench.texts == ["Payment P-0 failed."])
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(12, 29))
        #expect(bench.ids.count == 1)
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(12, 30))
        #expect(bench.texts == ["Payment P-0 failed.", "2 more payments failed."])
        #expect(bench.host.published.last?.detail[.count] == 2)
        bench.failed("P-30", at: NotificationBench.time(12, 31))
        #expect(bench.texts.last == "Payment P-30 failed.")
    }

    @Test func aWindowWithoutRepeatsEndsInSilence() {
        bench.failed("P-0", at: NotificationBench.time(12))
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(14))
        #expect(bench.ids.count == 1 && bench.host.timers.isEmpty)
    }

    @Test func aDigestKeepsQuietHours() {
        bench.failed("P-0", at: NotificationBench.time(21, 50))
        bench.failed("P-1", at: NotificationBench.time(21, 51))
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(30))
        #expect(bench.ids.count == 1)
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(31))
        #expect(bench.texts.last == "1 more payments failed.")
    }

    // MARK: - configuration

    @Test(arguments: [
        (#""about": "/paymentId", "recipientId""#, #""recipientId""#, "/templates/Liquidity.Low.v1/about"),
        ("Liquidity.Low.v1", "Liquidity.Odd.v1", "/templates/Liquidity.Odd.v1"),
        (#""en": {"subject": "Low""#, #""de": {"subject": "Low""#, "/templates/Liquidity.Low.v1/locales/en"),
        ("{/available} {/currency}", "{/available", "/templates/Liquidity.Low.v1/locales/en/text"),
        ("{/count} more payments", "{/sum} more payments", "/templates/Payment.Failed.v1/locales/en/digest"),
        (#"["email"]"#, #"["fax"]"#, "/templates/Liquidity.Low.v1/channels/0"),
        (#""critical""#, #""urgent""#, "/templates/Compliance.Blocked.v1/priority"),
        (#""count": 3"#, #""count": 0"#, "/rate/count"), (#"["email", "push"]"#, "[]", "/defaults/channels"),
        (#""timeZone": "UTC""#, #""timeZone": "U""#, "/defaults/timeZone"), (#"["fr"]"#, #"["f"]"#, "/fallback/0"),
        (#""keep": "2d""#, #""keep": "31d""#, "/remember"),
        (#""fallback""#, #""service": "a b", "fallback""#, "/service"),
        (#""fallback""#, #""service": "\#(String(repeating: "x", count: 65))", "fallback""#, "/service"),
    ]) func aConfigurationThatCannotWorkNamesItsPlace(from: String, to: String, place: String) throws {
        let config = NotificationBench.config.replacing(from, with: to)
        let mismatch = #expect(throws: JSON.Mismatch.self) { try NotificationBench(config) }
        #expect(mismatch?.pointer.text == place)
    }

    @Test func theStandInTakesEverythingAndSaysWhatItIs() throws {
        let handler = try NotificationHandler(config: .text(NotificationBench.config))
        let event = Event(
            id: "E-1", source: "qsl.compliance", detailType: "Compliance.Blocked.v1",
            detail: ["subjectId": "P-1", "userId": "U-1"], signedAt: NotificationBench.noon)
        #expect(bench.host.run(handler, event) == .done)
        #expect(bench.host.published.last?.detail[.delivery] == "stand-in")
    }
}
