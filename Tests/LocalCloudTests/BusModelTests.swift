import Events
import JSON
import Testing

@testable import LocalCloud

@Suite struct BusModelTests {
    private static let now = Instant(unixMilliseconds: 1_795_219_200_123)
    private static let payments = "arn:aws:sqs:eu-central-1:000000000000:payments"

    private func model(_ pattern: String = #"{"source":["qsl.treasury"]}"#) throws -> BusModel {
        var model = BusModel(place: .init(account: "000000000000", region: "eu-central-1"), seed: 3)
        try model.putRule("r", on: "default", .init(pattern: try EventPattern(pattern)))
        try model.putTargets([.init(id: "1", arn: Self.payments, group: "g")], of: "r", on: "default")
        return model
    }

    private func entry(
        source: String? = "qsl.treasury", detail: String? = #"{"b":1,"a":1.50}"#, bus: String? = nil
    ) -> BusModel.Entry {
        BusModel.Entry(bus: bus, source: source, detailType: "Payment.Created.v1", detail: detail, resources: ["urn:x"])
    }

    @Test func aMatchingEventBecomesTheClassicEnvelope() throws {
        var model = try model()
        let (results, deliveries) = try model.put([entry()], at: Self.now)
        guard case .event(let id) = results[0] else { return #expect(Bool(false), "it was refused") }
        let delivery = try #require(deliveries.first)
        #expect(delivery.target.group == "g")
        let expected =
            #"{"version":"0","id":"\#(id)","detail-type":"Payment.Created.v1","source":"qsl.treasury","#
            + #""account":"000000000000","time":"2026-11-21T00:00:00Z","region":"eu-central-1","#
            + #""resources":["urn:x"],"detail":{"b":1,"a":1.50}}"#
        #expect(delivery.envelope.text == expected)
        #expect(model.counters.deliveries == 1)
    }

    @Test func theTimeOfAnEntryIsKept() throws {
        var model = try model()
        var entry = entry()
        entry.time = Instant(unixSeconds: 951_782_400)
        let envelope = try #require(try model.put([entry], at: Self.now).deliveries.first?.envelope)
        #expect(try JSONDocument(envelope).root["time"]?.string == "2000-02-29T00:00:00Z")
    }

    @Test func eventsThatNoRuleTakesGoNowhere() throws {
        var model = try model()
        #expect(try model.put([entry(source: "qsl.token")], at: Self.now).deliveries.isEmpty)
        #expect(try model.put([entry(bus: "missing")], at: Self.now).deliveries.isEmpty)
        #expect(model.counters.put == 2 && model.counters.unmatched == 2)
    }

    @Test func aDisabledRuleTakesNothing() throws {
        var model = try model()
        try model.putRule("r", on: "default", .init(pattern: try EventPattern(#"{"source":["x"]}"#), isEnabled: false))
        #expect(try model.rule("r", on: "default").targets.count == 1)
        #expect(try model.put([entry(source: "x")], at: Self.now).deliveries.isEmpty)
    }

    @Test func entriesFailOneByOne() throws {
        var model = try model()
        let results = try model.put(
            [
                entry(source: nil), entry(), entry(detail: "[]"), entry(detail: "{"), entry(source: "aws.ec2"),
                entry(detail: nil),
            ], at: Self.now
        ).results
        let codes = results.map { if case .failed(let code, _) = $0 { code } else { "" } }
        #expect(
            codes == [
                "InvalidArgument", "", "MalformedDetail", "MalformedDetail", "NotAuthorizedForSourceException",
                "InvalidArgument",
            ])
        #expect(model.counters.put == 1)
    }

    @Test func aCallTakesTenEntriesAndAMebibyte() throws {
        var model = try model()
        #expect(failure { _ = try model.put([], at: Self.now) }?.kind == .validation)
        #expect(failure { _ = try model.put(Array(repeating: entry(), count: 11), at: Self.now) }?.kind == .validation)
        let fixed = 12 + 18 + 5
        func detail(_ size: Int) -> String { #"{"a":""# + String(repeating: "x", count: size - 8) + #""}"# }
        #expect(try model.put([entry(detail: detail(1_048_576 - fixed))], at: Self.now).deliveries.count == 1)
        let tooMuch = failure { _ = try model.put([entry(detail: detail(1_048_577 - fixed))], at: Self.now) }
        #expect(tooMuch?.kind == .validation)
    }

    @Test func rulesAndTargetsFollowTheirRules() throws {
        var model = try model()
        #expect(failure { try model.deleteRule("r", on: "default") }?.kind == .validation)
        try model.removeTargets(["1"], of: "r", on: "default")
        try model.deleteRule("r", on: "default")
        try model.deleteRule("r", on: "default")
        #expect(failure { _ = try model.rule("r", on: "default") }?.kind == .resourceNotFound)
        #expect(failure { try model.putTargets([], of: "r", on: "default") }?.kind == .resourceNotFound)
        #expect(failure { _ = try model.rules(on: "missing") }?.kind == .resourceNotFound)
        try model.createBus("qsl")
        #expect(failure { try model.createBus("qsl") }?.kind == .resourceAlreadyExists)
        #expect(failure { try model.deleteBus("default") }?.kind == .validation)
        try model.deleteBus("qsl")
    }

    @Test func aRuleHasAtMostFiveTargetsAndTheyAreQueues() throws {
        var model = try model()
        let many = (1...6).map { BusModel.Target(id: "\($0)", arn: Self.payments) }
        #expect(failure { try model.putTargets(many, of: "r", on: "default") }?.kind == .limitExceeded)
        let lambda = BusModel.Target(id: "1", arn: "arn:aws:lambda:eu-central-1:000000000000:function:f")
        #expect(failure { try model.putTargets([lambda], of: "r", on: "default") }?.kind == .validation)
        try model.putTargets(Array(many.prefix(5)), of: "r", on: "default")
        #expect(model.subscribers == 5)
    }
}
