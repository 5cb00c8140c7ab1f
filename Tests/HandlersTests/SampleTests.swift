/// The sample events of the quickstart, given to the handlers that take them.

import Compliance
import Foundation
import Kit
import Notification
import Support
import Testing
import Token
import Treasury

@Suite struct SampleTests {
    let host = FakeHost()

    /// The sample of a detail type, with its running number filled in.
    private func sample(_ detailType: String, number: Int) throws -> JSON {
        let path = "\(Fixtures.repository)/examples/1-quickstart/events/\(detailType).json"
        return try JSON.text(String(contentsOfFile: path, encoding: .utf8).replacing("{n}", with: String(number)))
    }

    private func runAll<H: Handler>(_ handler: H, source: String, then next: () -> Void = {}) throws {
        let routes = H.routes.filter { $0.source == source }
        #expect(!routes.isEmpty)
        for number in 1...3 {
            for route in routes {
                let event = Event(
                    id: "\(route.detailType)-\(number)", source: source, detailType: route.detailType,
                    detail: try sample(route.detailType, number: number))
                #expect(host.run(handler, event) == .done, "\(route.detailType)")
                next()
            }
        }
    }

    @Test func treasuryBooksTheSamples() throws {
        try runAll(TreasuryHandler(config: [:]), source: "qsl.payments")
        #expect(try host.record(Position.self, "position:main:EUR")?.booked.text == "-376.5")
    }

    @Test func complianceClearsTheSamples() throws {
        let config = """
            {"version": "1", "sanctions": {"names": []}, "limits": {"EUR": {"block": "1000"}},
             "velocity": {"window": "1h", "count": 1}, "rules": {"user-not-verified": {"verdict": "clear"}}}
            """
        try runAll(ComplianceHandler(config: .text(config)), source: "qsl.payments")
        #expect(host.published.map(\.detailType) == Array(repeating: "Compliance.Cleared.v1", count: 3))
    }

    @Test func tokensOfTheSamplesAddUp() throws {
        let handler = try TokenHandler(config: ["broadcast": ["simulated": [:]]])
        try runAll(handler, source: "qsl.tokens") { host.fireTimers(of: handler, until: host.now) }
        #expect(host.published.allSatisfy { $0.detailType == "Token.Confirmed.v1" })
        #expect(host.published.count == 12)
        #expect(try host.record(Balance.self, "balance:gold:ann")?.quantity.text == "270")
        #expect(try host.record(Balance.self, "balance:gold:bo")?.quantity.text == "15")
    }

    @Test func notificationTellsOfTheSamples() throws {
        let config = """
            {"defaults": {"locale": "en", "channels": ["email"], "timeZone": "UTC"},
             "rate": {"count": 9, "window": "1h"},
             "templates": {"Payment.Settled.v1": {"about": "/paymentId", "recipient": "/userId",
               "locales": {"en": {"subject": "{/paymentId}", "text": "{/amount} {/currency} to {/payee/name}"}}}}}
            """
        let delivery = RecordingDelivery()
        try runAll(NotificationHandler(config: .text(config), delivery: delivery), source: "qsl.payments")
        #expect(delivery.delivered.map(\.notice.text) == Array(repeating: "125.50 EUR to Bo Chen", count: 3))
    }
}
