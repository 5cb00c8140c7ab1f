/// The schemas of events: each is one, its examples and the samples are valid, and so is what the handlers publish.

import Compliance
import Foundation
import HandlerTesting
import JSON
import Kit
import Notification
import Support
import Testing
import Token
import Treasury
import Vocabulary
import Yams

@Suite struct SchemaTests {
    /// Not the module of that name.
    private typealias Detail = Kit.JSON

    static let folder = "\(Fixtures.repository)/config/schemas"
    static let detailTypes: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }()

    private func document(_ detailType: String) throws -> JSONValue {
        try JSONValue.parse(String(contentsOfFile: "\(Self.folder)/\(detailType).json", encoding: .utf8))
    }

    private func problems(_ detail: Detail, as detailType: String) throws -> [String] {
        let schema = try JSONSchema(document(detailType))
        return try schema.problems(in: JSONValue.parse(detail.description)).map(\.description)
    }

    // MARK: the schemas

    @Test(arguments: detailTypes) func aSchemaNamesItselfAndItsExamplesAreValid(detailType: String) throws {
        let document = try document(detailType)
        #expect(document["$schema"]?.string == "http://json-schema.org/draft-07/schema#")
        #expect(document["$id"]?.string == "urn:qsl:schema:\(detailType)")
        #expect(document["title"]?.string == detailType)
        #expect(document["additionalProperties"] == nil)
        let schema = try JSONSchema(document)
        let examples = try #require(document["examples"]?.array)
        #expect(!examples.isEmpty)
        for example in examples { #expect(schema.problems(in: example).isEmpty) }
    }

    @Test(arguments: detailTypes) func aSchemaRefusesWhatLacksARequiredMember(detailType: String) throws {
        let document = try document(detailType)
        let schema = try JSONSchema(document)
        let example = try #require(document["examples"]?.array?.first?.members)
        for required in try #require(document["required"]?.array) {
            let rest = example.filter { $0.key != required.string }
            #expect(rest.count == example.count - 1, "\(required)")
            #expect(!schema.problems(in: .object(rest)).isEmpty, "\(required)")
        }
    }

    @Test func everySampleOfTheQuickstartIsValid() throws {
        let folder = "\(Fixtures.repository)/examples/1-quickstart/events"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where name.hasSuffix(".json") {
            let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8).replacing("{n}", with: "1")
            // `Payment.Initiated.v1.json`, or `Payment.Initiated.v1 (blocked).json`.
            let detailType = String(name.dropLast(5).prefix { $0 != " " })
            #expect(try problems(Detail.text(text), as: detailType) == [], "\(name)")
        }
    }

    // MARK: what is published

    /// Everything that was published is valid, and everything that the handler may publish was.
    private func check<H: Handler>(_ host: FakeHost, _ handler: H.Type) throws {
        for draft in host.published { #expect(try problems(draft.detail, as: draft.detailType) == [], "\(draft)") }
        let unseen = Set(H.publishes.map(\.detailType)).subtracting(host.published.map(\.detailType))
        #expect(unseen == [])
    }

    @Test func whatTheTreasuryPublishesIsValid() throws {
        let bench = try TreasuryBench()
        bench.run("initiated", "abandoned", amount: "700")
        bench.run("initiated", "settled", id: "P-2", direction: "credit")
        bench.fire(after: .seconds(86_400))
        bench.run("settled", id: "P-3")
        #expect(bench.hear(TreasuryBench.statement(day: "2026-11-22")) == "done")
        #expect(bench.hear(TreasuryBench.statement(), event: "S-2") == "done")
        bench.run("initiated", "abandoned", "settled", id: "P-4", amount: "5000")
        bench.fire(after: .seconds(86_400))
        bench.run("initiated")
        let text = try #require(bench.host.text("position:main:EUR"))
        bench.host.put("position:main:EUR", text.replacing("\"booked\":\"-", with: "\"booked\":\"-1"))
        bench.fire(after: .seconds(86_400))
        try check(bench.host, TreasuryHandler.self)
    }

    @Test func whatTheTokenHandlerPublishesIsValid() throws {
        let refusal = try #require(Identifier("frozen"))
        let bench = try TokenBench { network, asked in
            switch network {
            case "polygon": .refused(reason: refusal)
            case "base": asked == 0 ? .notYet : ScriptedNetworks.confirmed(network)
            default: ScriptedNetworks.confirmed(network)
            }
        }
        bench.end(TokenBench.event("Mint", "5", to: "ann"))
        bench.end(TokenBench.event("Transfer", "2.5", id: "R-2", from: "ann", to: "bo"))
        bench.end(TokenBench.event("Burn", "2", id: "R-3", from: "ann"))
        bench.end(TokenBench.event("Burn", "2", id: "R-4", from: "ann"))
        bench.end(TokenBench.event("Metadata", id: "R-5", owner: "ann", metadata: ["name": "Gold"]))
        bench.end(TokenBench.event("Mint", "1", id: "R-6", to: "ann", network: "polygon"))
        try check(bench.host, TokenHandler.self)
    }

    @Test func whatCompliancePublishesIsValid() throws {
        let bench = try ComplianceBench()
        bench.user("U-1")
        bench.user("U-2", name: "Jose Mullar")
        bench.payment("P-1")
        bench.payment("P-2", payee: "Jose Muller")
        bench.token("T-1")
        bench.user(revision: 2, status: "closed")
        #expect(bench.lookAgain().count == 1)
        try check(bench.host, ComplianceHandler.self)
    }

    @Test func whatTheNotificationHandlerPublishesIsValid() throws {
        let bench = try NotificationBench()
        bench.failed("P-1")
        bench.failed("P-2")
        bench.host.fireTimers(of: bench.handler, until: NotificationBench.time(13))
        bench.prefer(channels: [])
        bench.settled()
        try check(bench.host, NotificationHandler.self)
    }

    // MARK: configurations

    /// The handler's configuration in a sample, as the sidecar would give it.
    private func sample(_ name: String) throws -> Detail {
        let text = try String(contentsOfFile: "\(Fixtures.repository)/config/samples/\(name).yaml", encoding: .utf8)
        let node = try #require(try Yams.compose(yaml: text)?["handlers"]?[0])
        #expect(node["id"]?.string == name)
        return try Detail.text(Self.text(of: #require(node["config"])))
    }

    private static func text(of node: Node) -> String {
        switch node {
        case .mapping(let members):
            "{\(members.map { "\(text(of: $0.key)):\(text(of: $0.value))" }.joined(separator: ","))}"
        case .sequence(let elements): "[\(elements.map(text(of:)).joined(separator: ","))]"
        case .scalar(let scalar):
            if scalar.style == .plain, Int(scalar.string) != nil || ["true", "false"].contains(scalar.string) {
                scalar.string
            } else {
                Detail.string(scalar.string).description
            }
        default: "null"
        }
    }

    private func check<H: Handler>(_ type: H.Type, sample name: String) throws {
        let config = try sample(name)
        let schema = try JSONSchema(parsing: #require(H.configSchema))
        #expect(try schema.problems(in: JSONValue.parse(config.description)).map(\.description) == [])
        _ = try H(config: config)
        var more = try config.members(at: "")
        more.set("unheard-of", true)
        #expect(try !schema.problems(in: JSONValue.parse(Detail.object(more).description)).isEmpty)
    }

    @Test func theSampleOfComplianceIsTaken() throws { try check(ComplianceHandler.self, sample: "compliance") }
    @Test func theSampleOfTheNotificationHandlerIsTaken() throws {
        try check(NotificationHandler.self, sample: "notification")
    }
    @Test func theSampleOfTheTreasuryIsTaken() throws { try check(TreasuryHandler.self, sample: "treasury") }
    @Test func theSampleOfTheTokenHandlerIsTaken() throws { try check(TokenHandler.self, sample: "token") }
}
