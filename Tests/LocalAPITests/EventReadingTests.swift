import Events
import JSON
import Testing

@testable import LocalAPI

/// What a body says, in each of its forms, and everything that it may not say.
@Suite struct EventReadingTests {
    private static let plain = #"{"source":"a.b","detailType":"C.v1","detailCore":{}}"#
    private static let cloud = #"{"specversion":"1.0","id":"1","source":"a.b","type":"C.v1","data":{}}"#

    private func read(
        _ body: String, _ type: String = "application/json", _ attributes: [(name: String, value: String)] = []
    ) throws(Failure) -> PublishBody {
        try PublishBody(Bytes(body), PublishHeaders(contentType: type, attributes: attributes))
    }

    // MARK: - plain

    @Test func aPlainEventIsReadWholeAndItsPayloadBroughtIntoOneForm() throws {
        let body = try read(
            """
            {"source":"qsl.payments","detailType":"Payment.Settled.v1","resource":"urn:qsl:payments:payment:1",
             "trace":{"correlationId":"c","userId":"u","tenantId":"t","deviceId":"d",
                      "traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
             "detailCore":{"b":1.0,"a":"\\u00e9"}}
            """)
        let event = try #require(body.events.first)
        #expect(!body.isBatch && body.events.count == 1)
        #expect(event.source == "qsl.payments" && event.detailType == "Payment.Settled.v1")
        #expect(event.resource == "urn:qsl:payments:payment:1")
        #expect(event.core.text == #"{"a":"é","b":1}"#)
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        #expect(
            event.trace
                == Event.Trace(correlationID: "c", userID: "u", tenantID: "t", deviceID: "d", parent: parent))
    }

    @Test func whatMayBeMissingIsEmpty() throws {
        let event = try #require(try read(Self.plain).events.first)
        #expect(event.resource.isEmpty && event.trace == Event.Trace())
        let nulls = #"{"source":"a","detailType":"b","resource":null,"trace":{"userId":null},"detailCore":{}}"#
        #expect(try read(nulls).events.first?.trace.userID == "")
    }

    @Test(arguments: [
        ("", "body"), ("nonsense", "body"), ("[]", "body"), ("17", "event"), ("{}", "source"),
        ("{\"source\":1}", "source"),
        (#"{"source":"","detailType":"b","detailCore":{}}"#, "source"),
        (#"{"source":"a","detailCore":{}}"#, "detailType"),
        (#"{"source":"a","detailType":"b"}"#, "detailCore"),
        (#"{"source":"a","detailType":"b","detailCore":[]}"#, "detailCore"),
        (#"{"source":"a","detailType":"b","detailCore":{"n":9007199254740993}}"#, "detailCore"),
        (#"{"source":"a","detailType":"b","detailCore":{},"detail-type":"b"}"#, "detail-type"),
        (#"{"source":"a","detailType":"b","detailCore":{},"trace":7}"#, "trace"),
        (#"{"source":"a","detailType":"b","detailCore":{},"trace":{"user":"u"}}"#, "trace.user"),
        (#"{"source":"a\u0000","detailType":"b","detailCore":{}}"#, "source"),
        (#"{"source":"a","detailType":"b\n","detailCore":{}}"#, "detailType"),
        (#"{"source":"a","detailType":"b","resource":"\u0085","detailCore":{}}"#, "resource"),
        (#"{"source":"a","source":"b","detailType":"b","detailCore":{}}"#, "body"),
        (#"{"source":"a","detailType":"b","detailCore":{},}"#, "body"),
    ])
    func whatIsNoEventIsRefusedByItsPlace(body: String, subject: String) throws {
        let failure = try #require(throws: Failure.self) { try read(body) }
        #expect(failure.code == .apiMalformed)
        #expect(failure.subject == subject)
    }

    @Test func namesAndDepthHaveTheBoundsOfVerification() throws {
        func event(_ source: String, _ core: String) -> String {
            "{\"source\":\"\(source)\",\"detailType\":\"b\",\"detailCore\":\(core)}"
        }
        let longest = String(repeating: "s", count: Limits.identifierBytes)
        #expect(try read(event(longest, "{}")).events.count == 1)
        #expect(throws: Failure.self) { try read(event(longest + "s", "{}")) }
        func nested(_ levels: Int) -> String {
            String(repeating: "{\"a\":", count: levels) + "1" + String(repeating: "}", count: levels)
        }
        #expect(try read(event("s", nested(Limits.jsonDepth - 1))).events.count == 1)
        let failure = try #require(throws: Failure.self) { try read(event("s", nested(Limits.jsonDepth))) }
        #expect(failure.code == .apiMalformed && failure.cause.contains("deeply"))
    }

    @Test func aBatchNamesThePlaceOfWhatIsWrong() throws {
        let body = try read("[\(Self.plain),\(Self.plain)]")
        #expect(body.isBatch && body.events.count == 2)
        let failure = try #require(throws: Failure.self) { try read("[\(Self.plain),{\"source\":\"a\"}]") }
        #expect(failure.subject == "events[1].detailType")
        let list = { (count: Int) in "[" + [String](repeating: Self.plain, count: count).joined(separator: ",") + "]" }
        #expect(try read(list(100)).events.count == 100)
        #expect(try #require(throws: Failure.self) { try read(list(101)) }.code == .apiTooLarge)
    }

    // MARK: - CloudEvents

    @Test func aStructuredCloudEventIsMapped() throws {
        let text = """
            {"specversion":"1.0","id":"x","source":"qsl.tokens","type":"Token.Confirmed.v1","subject":"urn:t:1",
             "time":"2026-11-21T08:00:00Z","datacontenttype":"application/json","correlationid":"c","userid":"u",
             "tenantid":"t","deviceid":"d","traceparent":"not one","other":7,"data":{"b":2,"a":1}}
            """
        let event = try #require(try read(text, "application/cloudevents+json; charset=utf-8").events.first)
        #expect(
            event
                == EventRequest(
                    source: "qsl.tokens", detailType: "Token.Confirmed.v1", resource: "urn:t:1",
                    trace: Event.Trace(correlationID: "c", userID: "u", tenantID: "t", deviceID: "d"),
                    core: Bytes(#"{"a":1,"b":2}"#)))
        let batch = try read("[\(text),\(text)]", "application/cloudevents-batch+json")
        #expect(batch.isBatch && batch.events.count == 2)
    }

    @Test func aBinaryCloudEventIsReadFromHeadersThatAreDecodedOnce() throws {
        let attributes = [
            (name: "specversion", value: "1.0"), (name: "id", value: "1"), (name: "source", value: "a.b"),
            (name: "type", value: "C.v1"), (name: "subject", value: "Euro%20%E2%82%AC%20%F0%9F%98%80%2520"),
            (name: "userid", value: "\"quo\\\"ted%20\""),
        ]
        let event = try #require(try read(#"{"n":1}"#, "application/json", attributes).events.first)
        #expect(event.resource == "Euro € 😀%20")
        #expect(event.trace.userID == "quo\"ted ")
        #expect(event.core.text == #"{"n":1}"#)
    }

    @Test(arguments: ["%", "%4", "%zz", "%C3", "\"open", "\"a\"b\"", "%00", "%0A"])
    func aHeaderThatIsNoEncodingIsRefused(value: String) throws {
        let attributes = [
            (name: "specversion", value: "1.0"), (name: "id", value: "1"), (name: "source", value: "a"),
            (name: "type", value: "b"), (name: "subject", value: value),
        ]
        let failure = try #require(throws: Failure.self) { try read("{}", "application/json", attributes) }
        #expect(failure.code == .apiMalformed && failure.subject == "ce-subject")
    }

    @Test(arguments: [
        (#""specversion":"1.0""#, #""specversion":"0.3""#, FailureCode.apiUnsupported),
        (#""id":"1","#, "", .apiMalformed), (#""id":"1""#, #""id":"""#, .apiMalformed),
        (#","data":{}"#, "", .apiMalformed), (#""data":{}"#, #""data_base64":"e30=""#, .apiUnsupported),
        (#""data":{}"#, #""datacontenttype":"text/xml","data":{}"#, .apiUnsupported),
        (#""data":{}"#, #""data":"{}""#, .apiMalformed),
    ])
    func whatIsNoCloudEventIsRefused(old: String, new: String, code: FailureCode) throws {
        let text = Self.cloud.replacing(old, with: new)
        #expect(text != Self.cloud)
        let failure = try #require(throws: Failure.self) { try read(text, "application/cloudevents+json") }
        #expect(failure.code == code)
    }

    @Test(arguments: [
        "", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=iso-8859-1",
        "application/cloudevents+xml", "application/cloudevents+avro", "multipart/form-data",
    ])
    func anotherContentTypeIsNotTaken(type: String) throws {
        #expect(try #require(throws: Failure.self) { try read(Self.plain, type) }.code == .apiUnsupported)
    }

    @Test func anIdempotencyKeyIsVisibleASCII() throws {
        func key(_ keys: String...) throws(Failure) -> String? {
            try PublishHeaders(idempotencyKeys: keys).idempotencyKey()
        }
        #expect(try PublishHeaders().idempotencyKey() == nil)
        #expect(try key("a") == "a")
        #expect(try key(String(repeating: "~", count: 255)) != nil)
        #expect(throws: Failure.self) { try key("") }
        #expect(throws: Failure.self) { try key("a b") }
        #expect(throws: Failure.self) { try key("é") }
        #expect(throws: Failure.self) { try key("a", "a") }
        #expect(throws: Failure.self) { try key(String(repeating: "~", count: 256)) }
    }
}

extension PublishHeaders {
    fileprivate init(idempotencyKeys: [String]) {
        self.init()
        self.idempotencyKeys = idempotencyKeys
    }
    fileprivate init(contentType: String, attributes: [(name: String, value: String)]) {
        self.init()
        self.contentType = contentType
        self.attributes = attributes
    }
}
