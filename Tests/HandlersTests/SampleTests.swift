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

    private func runAll<H: Handler>(_ handler: H, source: String) throws {
        let routes = H.routes.filter { $0.source == source }
        #expect(!routes.isEmpty)
        for number in 1...3 {
            for route in routes {
                let event = Event(
                    id: "\(route.detailType)-\(number)", source: source, detailType: route.detailType,
                    detail: try sample(route.detailType, number: number))
                #expect(host.run(handler, event) == .done, "\(route.detailType)")
            }
        }
    }

    @Test func treasuryBooksTheSamples() throws {
        try runAll(TreasuryHandler(config: [:]), source: "qsl.payments")
        #expect(try host.record(Position.self, "position:main:EUR")?.booked.text == "-376.5")
    }

    @Test func complianceClearsTheSamples() throws {
        let config = #"{"version": "1", "limits": {"EUR": "1000"}, "paymentsPerDay": 1, "sanctioned": []}"#
        try runAll(ComplianceHandler(config: .text(config)), source: "qsl.payments")
        #expect(host.published.map(\.detailType) == Array(repeating: "Compliance.Cleared.v1", count: 3))
    }

    @Test func tokensOfTheSamplesAddUp() throws {
        try runAll(TokenHandler(config: ["networks": ["main"]]), source: "qsl.tokens")
        #expect(host.published.allSatisfy { $0.detailType == "Token.Confirmed.v1" })
        #expect(try host.record(Balance.self, "balance:main:gold:ann")?.quantity.text == "270")
        #expect(try host.record(Balance.self, "balance:main:gold:bo")?.quantity.text == "15")
    }

    @Test func notificationTellsOfTheSamples() throws {
        let template: JSON = [
            "about": "/paymentId", "recipient": "/userId", "channel": "email", "subject": "{/paymentId}",
            "text": "{/amount} {/currency} to {/payee/name}",
        ]
        let handler = try NotificationHandler(config: ["templates": ["Payment.Settled.v1": template]])
        try runAll(handler, source: "qsl.payments")
        #expect(host.published.last?.detail["/text"] == "125.50 EUR to Bo Chen")
    }
}
