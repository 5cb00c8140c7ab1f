/// Notification: what is said, to whom, and that it is said once.

import Kit
import Notification
import Testing

@Suite struct NotificationTests {
    static let config = """
        {"templates": {
          "Payment.Settled.v1": {"about": "/paymentId", "recipient": "/userId", "channel": "email",
            "subject": "Payment {/paymentId}", "text": "{/amount} {/currency} to {/payee/name} is settled."},
          "Token.Confirmed.v1": {"about": "/requestId", "recipient": "/owner", "channel": "push",
            "subject": "{/token}", "text": "{/action} of {/quantity} {/token}"}}}
        """
    let host = FakeHost()
    let handler: NotificationHandler

    init() throws { handler = try NotificationHandler(config: .text(Self.config)) }

    static func settled(_ id: String = "P-1", eventID: String = "E-1", payee: String = "Bo Chen") -> Event {
        Event(
            id: eventID, source: "qsl.payments", detailType: "Payment.Settled.v1",
            detail: [
                "paymentId": .string(id), "userId": "U-1", "amount": "12.50", "currency": "EUR",
                "payee": ["name": .string(payee)],
            ])
    }

    @Test func aNoticeIsRenderedAndPublished() throws {
        #expect(host.run(handler, Self.settled()) == .done)
        let draft = try #require(host.published.first)
        #expect(draft.source == "qsl.notification" && draft.detailType == "Notification.Sent.v1")
        #expect(
            draft.detail == [
                "notificationId": "Payment.Settled.v1:P-1", "recipient": "U-1", "channel": "email",
                "subject": "Payment P-1", "text": "12.50 EUR to Bo Chen is settled.",
            ])
    }

    @Test func eachEventTypeHasItsTemplate() throws {
        let event = Event(
            id: "E-1", source: "qsl.token", detailType: "Token.Confirmed.v1",
            detail: ["requestId": "R-1", "owner": "ann", "token": "gold", "action": "mint", "quantity": 5])
        #expect(host.run(handler, event) == .done)
        #expect(host.published.first?.detail["/text"] == "mint of 5 gold")
        #expect(host.published.first?.detail["/recipient"] == "ann")
    }

    @Test func whatWasToldIsNotToldAgainThoughTheEventIsAnother() {
        #expect(host.run(handler, Self.settled(eventID: "E-1")) == .done)
        #expect(host.run(handler, Self.settled(eventID: "E-2")) == .done)
        #expect(host.published.count == 1)
        #expect(host.counts["sent_before"] == 1)
        #expect(host.run(handler, Self.settled("P-2", eventID: "E-3")) == .done)
        #expect(host.published.count == 2)
    }

    @Test func whatWasSentIsRemembered() throws {
        #expect(host.run(handler, Self.settled()) == .done)
        let sent = try host.record(Sent.self, "sent:Payment.Settled.v1:P-1")
        #expect(sent?.eventID == "E-1" && sent?.channel.text == "email")
    }

    @Test func anEventTypeWithoutTemplateIsDoneInSilence() {
        let event = Event(
            id: "E-1", source: "qsl.compliance", detailType: "Compliance.Blocked.v1", detail: ["paymentId": "P-1"])
        #expect(host.run(handler, event) == .done)
        #expect(host.published.isEmpty && host.counts["without_template"] == 1)
    }

    @Test func aValueCannotBeginANewLine() {
        #expect(host.run(handler, Self.settled(payee: "Bo\r\nBcc: all\u{2028}\u{0}x")) == .done)
        #expect(host.published.first?.detail["/text"] == "12.50 EUR to Bo  Bcc: all  x is settled.")
    }

    @Test func logsHoldNoPerson() {
        #expect(host.run(handler, Self.settled()) == .done)
        #expect(host.logLines == ["notice sent notice=Payment.Settled.v1:P-1 channel=email"])
    }

    @Test(arguments: ["paymentId", "userId", "amount", "payee"])
    func aPayloadThatLacksAValueIsRejected(member: String) throws {
        var detail = try Self.settled().detail.members(at: "")
        detail.set(member, .null)
        let event = Event(
            id: "E-1", source: "qsl.payments", detailType: "Payment.Settled.v1", detail: .object(detail))
        #expect(host.run(handler, event).code == "payload.mismatch")
        #expect(host.published.isEmpty && host.state.isEmpty)
    }

    @Test func aTextMayBeAsLongAsTheLimitAndNoLonger() {
        let rest = "12.50 EUR to  is settled.".utf8.count
        let longest = String(repeating: "x", count: 4_096 - rest)
        #expect(host.run(handler, Self.settled("P-1", payee: longest)) == .done)
        #expect(host.run(handler, Self.settled("P-2", payee: longest + "x")).code == "notification.too-long")
    }

    @Test(arguments: [
        ("{}", "/templates"),
        (#"{"templates": {"Other.v1": {}}}"#, "/templates/Other.v1"),
        (#"{"templates": {"Token.Confirmed.v1": {}}}"#, "/templates/Token.Confirmed.v1/about"),
        (
            """
            {"templates": {"Token.Confirmed.v1": {"about": "/a", "recipient": "/b", "channel": "c", "subject": "",
             "text": "{/a"}}}
            """, "/templates/Token.Confirmed.v1/text"
        ),
    ]) func aConfigurationThatCannotWorkNamesItsPlace(config: String, place: String) throws {
        let mismatch = #expect(throws: JSON.Mismatch.self) { try NotificationHandler(config: .text(config)) }
        #expect(mismatch?.pointer.text == place)
    }
}
