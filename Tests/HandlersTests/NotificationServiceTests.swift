/// Notifications through the service next door: what its answers mean, and that nobody is told twice.

import HandlerTesting
import Kit
import Notification
import Testing
import Vocabulary

@Suite struct NotificationServiceTests {
    let host = FakeHost()
    let handler: NotificationHandler

    init() throws {
        handler = try NotificationHandler(
            config: .text(NotificationBench.config.replacing(#""fallback""#, with: #""service": "desk", "fallback""#)))
        host.now = NotificationBench.noon
    }

    private func event(_ route: Route, _ id: String, revision: Int? = nil) -> Event {
        let detail = JSON.detail([
            .paymentID: .string(id), .subjectID: .string(id), .userID: "U-1", .amount: "12.50", .currency: "EUR",
            .payee: ["name": "Bo Chen"], .revision: revision.map { .number(JSON.Number($0)) }, .locale: "en",
            .channels: revision.map { $0 % 2 == 0 ? ["push", "email"] : ["email", "push"] }, .timeZone: "UTC",
        ])
        return Event(
            id: "\(route.detailType)-\(id)", source: route.source, detailType: route.detailType, detail: detail,
            signedAt: host.now)
    }

    private func settle() -> String { host.run(handler, event(.paymentSettled, "P-1")).code }

    @Test func theServiceIsCalledUnderAKeyThatStays() throws {
        host.services["desk"] = { _ in ServiceResponse(status: 200) }
        #expect(settle() == "done")
        let call = try #require(host.calls.first)
        #expect(call.method == "POST" && call.path == "/notifications")
        #expect(call.idempotencyKey == "Payment.Settled.v1:P-1/email")
        #expect(
            try JSON(parsing: call.body) == [
                "notificationId": "Payment.Settled.v1:P-1", "channel": "email", "recipient": "U-1", "locale": "en",
                "priority": "normal", "subject": "Payment P-1", "text": "12.50 EUR to Bo Chen is settled.",
            ])
        #expect(host.published.last?.detail[.delivery] == "desk")
    }

    @Test(arguments: [
        (200, "done", "Notification.Sent.v1"), (204, "done", "Notification.Sent.v1"),
        (409, "done", "Notification.Sent.v1"), (410, "done", "Notification.Failed.v1"),
        (422, "done", "Notification.Failed.v1"), (400, "host.unavailable", nil), (404, "host.unavailable", nil),
        (429, "host.unavailable", nil), (500, "host.unavailable", nil), (503, "host.unavailable", nil),
        (302, "host.unavailable", nil),
    ] as [(Int, String, String?)])
    func aStatusMeansOneThing(status: Int, code: String, said: String?) {
        host.services["desk"] = { _ in ServiceResponse(status: status) }
        #expect(settle() == code)
        #expect(host.published.map(\.detailType) == [said].compactMap(\.self))
    }

    @Test func aServiceThatIsAwayIsWaitedForAtNoAttempt() {
        host.services["desk"] = { _ in throw HostFailure.unavailable }
        #expect(host.run(handler, event(.paymentSettled, "P-1")) == .wait(Reason("host.unavailable")))
        host.services["desk"] = { _ in ServiceResponse(status: 200) }
        #expect(settle() == "done")
    }

    @Test func aServiceThatMayNotBeCalledIsNoWait() {
        #expect(settle() == "host.denied")
    }

    @Test func aChannelThatIsRefusedGivesWayUnderAKeyOfItsOwn() {
        host.services["desk"] = { ServiceResponse(status: $0.idempotencyKey.hasSuffix("/email") ? 422 : 200) }
        #expect(settle() == "done")
        #expect(host.calls.map(\.idempotencyKey).map { $0.split(separator: "/").last } == ["email", "push"])
        #expect(host.published.last?.detail[.channel] == "push")
    }

    /// Calls happen at least once: whatever is lost around them, a service that goes by the key alone has each
    /// notification once, and it is said once.
    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func noNoticeIsDeliveredTwice(seed: UInt64) throws {
        try play(KeyedService { _ in ServiceResponse(status: 200) }, changes: 0, seed)
    }

    /// A user who prefers another channel between two attempts is told once by a service that knows what it took.
    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func noNoticeIsDeliveredTwiceThoughPreferencesChange(seed: UInt64) throws {
        var told: Set<String> = []
        let service = KeyedService { notice in
            let isNew = (try? notice.text(at: .notificationID)).map { told.insert($0).inserted } ?? false
            return ServiceResponse(status: isNew ? 200 : 409)
        }
        try play(service, changes: 6, seed)
    }

    private func play(_ service: KeyedService, changes: Int, _ seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        service.serve(host, as: "desk")
        var chances = SeededNumbers(seed: seed &+ 1)
        service.mishap = { Bool.random(using: &chances) ? .allCases.randomElement(using: &chances) : nil }
        var events = (1...20).map { event([.paymentSettled, .complianceBlocked][$0 % 2], "P-\($0)") }
        events += (0..<changes).map { event(.preferenceChanged, "U-1", revision: $0 + 1) }
        events = (events + events).shuffled(using: &numbers)
        while let next = events.popLast() {
            if host.run(handler, next) != .done {
                events.insert(next, at: Int.random(in: 0...events.count, using: &numbers))
            }
            host.remaining = .seconds(10)
            if Int.random(in: 0..<4, using: &numbers) == 0 { advance(minutes: 20) }
        }
        service.mishap = { nil }
        advance(minutes: 24 * 60)
        let ids = try service.done.map { try $0.text(at: .notificationID) }
        #expect(Set(ids).count == ids.count && ids.count == 20, "seed \(seed)")
        let said = host.published.filter { $0.detailType == "Notification.Sent.v1" }
        let sent = try said.map { try $0.detail.text(at: .notificationID) }
        #expect(sent.sorted() == ids.sorted(), "seed \(seed)")
    }

    private func advance(minutes: Int) {
        for _ in stride(from: 0, to: minutes, by: 10) {
            host.fireTimers(of: handler, until: host.now + .seconds(600))
            host.remaining = .seconds(10)
        }
    }
}
