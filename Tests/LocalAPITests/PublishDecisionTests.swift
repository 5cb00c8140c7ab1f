import Events
import Foundation
import JSON
import Pipeline
import Support
import Testing

@testable import LocalAPI

/// Who may have what signed, and under which ids.
@Suite struct PublishDecisionTests {
    private let now = Instant(unixMilliseconds: 0x0192_3456_789A)
    private let grant = Grant(
        name: "payments", users: [1000], groups: [], roles: [.publish],
        publish: [PublishGrant(source: NamePattern("qsl.payments"), detailTypes: [NamePattern("Payment.*.v1")])])

    private func decide(
        _ events: String, schemas: EventSchemas = .none, key: String? = nil, traceParent: String = "",
        bytes: Int = 5_000
    ) throws(PublishRefusal) -> Submission {
        var headers = PublishHeaders()
        headers.contentType = "application/json"
        let body: PublishBody
        do throws(Failure) { body = try PublishBody(Bytes(events), headers) } catch {
            throw PublishRefusal(failure: error)
        }
        let decision = PublishDecision(grant: grant, schemas: schemas, size: { _ in bytes }, keep: .hours(24))
        var random = SeededGenerator(seed: 1)
        return try decision.submission(of: body, key: key, traceParent: traceParent, at: now, &random)
    }

    private func event(
        _ type: String = "Payment.Settled.v1", source: String = "qsl.payments", more: String = ""
    ) -> String {
        #"{"source":"\#(source)","detailType":"\#(type)","detailCore":{"amount":"10.00"}\#(more)}"#
    }

    @Test func whatIsGrantedIsSubmittedWithItsOwnIdAsCorrelation() throws {
        let submission = try decide(event(), key: "k")
        let entry = try #require(submission.entries.first)
        #expect(submission.peer == "payments" && submission.idempotencyKey == "k")
        #expect(submission.keepUntil == now + .hours(24))
        #expect(entry.trace.correlationID == entry.id)
        #expect(entry.draft.correlationID == entry.id)
        let given = try decide(event(more: #","trace":{"correlationId":"c-1"}"#))
        #expect(given.entries[0].trace.correlationID == "c-1")
    }

    @Test(arguments: [
        ("qsl.payments", "Token.Minted.v1"), ("qsl.tokens", "Payment.Settled.v1"), ("qsl.payments", "Payment.v1"),
        ("QSL.payments", "Payment.Settled.v1"), ("qsl.payments.x", "Payment.Settled.v1"),
    ])
    func whatIsNotGrantedIsNotSigned(source: String, type: String) throws {
        let refusal = try #require(throws: PublishRefusal.self) { try decide(event(type, source: source)) }
        #expect(refusal.failure.code == .publishDenied)
        #expect(refusal.failure.cause.contains(source) && refusal.failure.cause.contains(type))
    }

    @Test func oneThatIsNotGrantedTakesTheWholeBatchWithIt() throws {
        let batch = "[\(event()),\(event("Token.Minted.v1"))]"
        let refusal = try #require(throws: PublishRefusal.self) { try decide(batch) }
        #expect(refusal.failure.subject == "events[1]")
    }

    @Test func aPayloadThatBreaksItsSchemaIsRefusedByPlaceAndRuleAndNeverByValue() throws {
        let schema = #"{"type":"object","properties":{"amount":{"type":"string","pattern":"^[0-9]+$"}}}"#
        let schemas = try EventSchemas([("Payment.Settled.v1.json", Bytes(schema)), ("README.md", Bytes("no schema"))])
        #expect(schemas.detailTypes == ["Payment.Settled.v1"])
        let refusal = try #require(throws: PublishRefusal.self) { try decide("[\(event())]", schemas: schemas) }
        #expect(refusal.failure.code == .publishSchema)
        #expect(refusal.failure.subject == "events[0].detailCore")
        #expect(refusal.violations.first?.pointer == "/amount")
        #expect(!"\(refusal.failure) \(refusal.violations)".contains("10.00"))
        #expect(try decide(event("Payment.Failed.v1"), schemas: schemas).entries.count == 1)
    }

    @Test func aFileThatIsNoSchemaRefusesThemAll() throws {
        for content in ["{", #"{"type":"nothing"}"#, "[]", #"{"$ref":"http://example.com/x"}"#] {
            let failure = try #require(throws: Failure.self) { try EventSchemas([("A.v1.json", Bytes(content))]) }
            #expect(failure.code == .settingsInvalid && failure.subject == "A.v1.json")
        }
    }

    @Test func theSchemasOfTheHouseAreTakenAndTheirExamplesFit() throws {
        let folder = Fixtures.repository + "/config/schemas"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }
        let files = try names.map { ($0, Bytes(try String(contentsOfFile: folder + "/" + $0, encoding: .utf8))) }
        let schemas = try EventSchemas(files.map { (name: $0.0, content: $0.1) })
        #expect(schemas.detailTypes.count == names.count && names.count >= 25)
        for (name, content) in files {
            let examples = try #require(try JSONValue.parse(content)["examples"]?.array)
            for example in examples {
                let core = try example.canonical()[...]
                #expect(schemas.violations(of: core, String(name.dropLast(5))) == [])
            }
        }
    }

    @Test func whatTheBusWouldNotTakeIsToldBeforehand() throws {
        #expect(try decide(event(), bytes: Limits.putEventsBytes).entries.count == 1)
        let refusal = try #require(throws: PublishRefusal.self) {
            try decide(event(), bytes: Limits.putEventsBytes + 1)
        }
        #expect(refusal.failure.code == .publishTooLarge)
        #expect(refusal.failure.cause.contains("1048577"))
    }

    @Test func theRequestsTraceIsTakenWhereTheEventHasNone() throws {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        #expect(try decide(event(), traceParent: parent).entries[0].trace.parent == parent)
        #expect(try decide(event(), traceParent: "00-short").entries[0].trace.parent == "")
        let own = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let event = event(more: #","trace":{"traceparent":"\#(own)"}"#)
        #expect(try decide(event, traceParent: parent).entries[0].trace.parent == own)
    }

    @Test func theSameRequestIsTheSameHoweverItIsWritten() throws {
        let first = try decide(#"{"source":"qsl.payments","detailType":"Payment.A.v1","detailCore":{"a":1,"b":2}}"#)
        let again = try decide(
            #"{ "detailCore": {"b":2.0, "a":1}, "detailType":"Payment.A.v1", "source":"qsl.payments" }"#)
        #expect(first.digest == again.digest)
        let other = try decide(#"{"source":"qsl.payments","detailType":"Payment.A.v1","detailCore":{"a":1,"b":3}}"#)
        #expect(first.digest != other.digest)
        // Parts are told apart by their lengths.
        let left = try decide(
            #"{"source":"qsl.payments","detailType":"Payment.A.v1","resource":"xy","detailCore":{}}"#)
        let right = try decide(
            #"""
            {"source":"qsl.payments","detailType":"Payment.A.v1","resource":"x","trace":{"correlationId":"y"},
             "detailCore":{}}
            """#)
        #expect(left.digest != right.digest)
    }

    @Test func idsAreUUIDsOfVersionSevenThatSortByTime() throws {
        var random = SeededGenerator(seed: 7)
        let ids = (0..<1_000).map { EventIdentifier.make(at: now + .milliseconds($0), &random) }
        #expect(ids == ids.sorted() && Set(ids).count == ids.count)
        for id in ids {
            let uuid = try #require(UUID(uuidString: id)).uuid
            #expect(uuid.6 >> 4 == 7 && uuid.8 >> 6 == 2)
        }
        #expect(ids[0].hasPrefix("01923456-789a-7"))
        let twins = (0..<1_000).map { _ in EventIdentifier.make(at: now, &random) }
        #expect(Set(twins).count == twins.count)
    }

    @Test func aReplayIsKnownByItsIds() throws {
        let submission = try decide("[\(event()),\(event(more: #","trace":{"correlationId":"c 1"}"#))]")
        let fresh = PublishReceipt(submission, ids: submission.entries.map(\.id))
        #expect(!fresh.isReplay && fresh.location == nil)
        let replay = PublishReceipt(submission, ids: ["one", "two"])
        #expect(replay.isReplay)
        #expect(replay.events.map(\.correlationID) == ["one", "c 1"])
        let alone = PublishReceipt(try decide(event(more: #","trace":{"correlationId":"c 1"}"#)), ids: ["x"])
        #expect(alone.location == "/v1/events/c%201")
    }
}
