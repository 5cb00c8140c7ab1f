/// A handler of types: what it is given, and what becomes of what does not fit.

import ABI
import Kit
import Testing

private struct Fees: TypedHandler {
    static let id = "fees"
    static let routes = [Route("a.source", "A.Type.v1")]
    static let publishes = [Route("out", "Fee.v1")]
    static let concurrency = 3
    static let configSchema: String? = #"{"type": "object"}"#

    struct Config: Decodable {
        let percent: Amount
        let names: [String]?
    }
    struct Payment: Decodable {
        let paymentId: Identifier
        let amount: Amount
    }
    struct Seen: Codable, Equatable {
        var payments: Int
        var last: Identifier?
    }
    struct Fee: Encodable {
        let paymentId: Identifier
        let percent: Amount
    }

    let config: Config

    func handle(_ payment: Payment, _ event: Event, _ host: any Host) throws -> Outcome {
        var seen = try host.read(Seen.self, "seen") ?? Seen(payments: 0)
        seen.payments += 1
        seen.last = payment.paymentId
        try host.write(seen, "seen", timeToLive: .seconds(9))
        try host.publish(
            Draft(
                Self.publishes[0], encoding: Fee(paymentId: payment.paymentId, percent: config.percent),
                correlationID: "C-2", attributes: ["user-id": "U", "tenant-id": "T"]))
        try host.setTimer("t", at: event.signedAt + .seconds(1), encoding: seen)
        let found = try host.get(["seen", "absent", "fresh"])
        host.log(.info, found.keys.sorted().joined(separator: ","))
        return .done
    }

    func handle(timer event: Event, _ host: any Host) throws -> Outcome {
        host.log(.info, "timer \(try event.decode(Seen.self).payments)")
        return .done
    }
}

/// Says nothing of timers, and nothing of its configuration.
private struct Forgetful: TypedHandler {
    static let id = "forgetful"
    static let routes = [Route("*", "*")]
    var calls = 0
    func handle(_ detail: JSON, _ event: Event, _ host: any Host) throws -> Outcome { .done }
}

private let plugin = Plugin("typed", version: "1.0.0", Fees.self, Forgetful.self)

@Suite struct TypedHandlerTests {
    let host = CHost()

    private func handler(_ index: Int) throws -> eh_handler {
        try #require(plugin.table?.pointee.handlers[index]?.pointee)
    }

    private func refusal(_ index: Int, _ config: String) throws -> String {
        var instance: UnsafeMutableRawPointer?
        var why = eh_reason()
        let status = try handler(index).create(host.pointer, host.lend(config), &instance, &why)
        if status == EH_OK { try handler(index).destroy(instance) }
        return status == EH_OK ? "" : "\(text(of: why.code)) \(text(of: why.detail))"
    }

    @Test func theTableSaysHowManyAtOnceAndWhichSchema() throws {
        #expect(try handler(0).threading == EH_CONCURRENT && handler(0).max_concurrency == 3)
        #expect(try handler(1).threading == EH_SERIAL && handler(1).max_concurrency == 0)
        #expect(try handler(0).config_schema.map { String(cString: $0) } == #"{"type": "object"}"#)
        #expect(try handler(1).config_schema == nil)
    }

    @Test(arguments: [
        (#"{"percent": "0.01"}"#, ""),
        (#"{"percent": "0.01", "names": ["a"]}"#, ""),
        (#"{}"#, "config.mismatch /percent: expected a decimal of at most 18 places"),
        (#"{"percent": 1, "names": [1]}"#, "config.mismatch /names/0: expected a text"),
        (#"{"percent": 1, "name": []}"#, "config.mismatch /name: expected no such member"),
        ("[]", "config.mismatch : expected an object"),
    ]) func aConfigurationThatDoesNotDecodeIsRefused(config: String, refusal: String) throws {
        #expect(try self.refusal(0, config) == refusal)
    }

    @Test func aHandlerThatTakesNoConfigurationAtAllSaysSo() throws {
        #expect(try refusal(1, "{}").hasPrefix("handler.no-config"))
    }

    private func event(_ payload: String, source: String = "a.source") throws -> Event {
        Event(
            id: "E-1", source: source, detailType: "A.Type.v1", detail: try JSON.text(payload),
            signedAt: Timestamp(milliseconds: 1_000))
    }

    @Test func thePayloadComesDecodedAndEffectsGoEncoded() throws {
        let handler = try Fees(config: ["percent": "0.5"] as JSON)
        let fake = FakeHost()
        #expect(fake.run(handler, try event(#"{"paymentId": "P-1", "amount": 2.50, "more": 1}"#)) == .done)
        #expect(fake.run(handler, try event(#"{"paymentId": "P-2", "amount": 2.50}"#)) == .done)
        let seen = try #require(fake.state["seen"]?.value)
        #expect(String(decoding: seen, as: UTF8.self) == #"{"last":"P-2","payments":2}"#)
        #expect(fake.published.map(\.detail) == ["P-1", "P-2"].map { ["paymentId": $0, "percent": "0.5"] })
        #expect(fake.timers["t"]?.at == Timestamp(milliseconds: 2_000))
        #expect(fake.logLines == ["seen", "seen"])
    }

    @Test func aPayloadThatDoesNotDecodeIsRejected() throws {
        let handler = try Fees(config: ["percent": "0.5"] as JSON)
        let fake = FakeHost()
        #expect(
            fake.run(handler, try event(#"{"paymentId": "P-1", "amount": "much"}"#))
                == .reject(Reason("payload.mismatch", "/amount: expected a decimal of at most 18 places")))
        #expect(fake.published.isEmpty)
    }

    @Test func storedBytesOfAnotherShapeAreARetry() throws {
        let fake = FakeHost()
        fake.put("seen", #"{"payments": "two"}"#)
        let outcome = fake.run(
            try Fees(config: ["percent": "0.5"] as JSON), try event(#"{"paymentId": "P-1", "amount": 1}"#))
        #expect(outcome == .retry(Reason("host.invalid")))
    }

    @Test func aTimerIsNoPayload() throws {
        let fake = FakeHost()
        let timer = try event(#"{"payments": 4}"#, source: "outrigger.timer")
        #expect(fake.run(try Fees(config: ["percent": "0.5"] as JSON), timer) == .done)
        #expect(fake.logLines == ["timer 4"])
        #expect(fake.run(Forgetful(), timer).code == "handler.no-timer")
    }

    @Test func aTimeHasAFarthestPoint() {
        #expect(Timestamp(milliseconds: 5) + .milliseconds(1_500) == Timestamp(milliseconds: 1_505))
        #expect(Timestamp(milliseconds: 5) + .seconds(-1) == Timestamp(milliseconds: -995))
        #expect(Timestamp(milliseconds: 5) + .seconds(Int64.max) == Timestamp(milliseconds: .max))
        #expect(Timestamp(milliseconds: .min) + .seconds(-1) == Timestamp(milliseconds: .min))
    }
}
