import Events
import HTTP
import JSON
import Pipeline
import Support
import Testing

@testable import AWS

@Suite struct EventBridgeTests {
    @Test func failedEntriesAreMappedByTheirPlace() async throws {
        let server = try TestServer { _ in
            .json(
                """
                {"FailedEntryCount":4,"Entries":[{"EventId":"1"},{"ErrorCode":"ThrottlingException","ErrorMessage":"m"},
                {"ErrorCode":"InternalFailure"},{"ErrorCode":"MalformedDetail"},{}]}
                """)
        }
        let results = await EventBusClient(.at(server.url), bus: "b").put((0..<5).map { _ in entry("{}") })
        #expect(
            results.map(\.?.code) == [
                nil, .publishThrottled, .publishUnavailable, .publishRefused, .publishUnavailable,
            ])
        #expect(results[3]?.cause == "MalformedDetail")
        let request = try #require(server.requests.first)
        #expect(request.headers["content-type"] == "application/x-amz-json-1.1")
        #expect(request.headers["x-amz-target"] == "AWSEvents.PutEvents")
    }

    @Test func aCallThatIsRefusedForOneEntryIsRepeatedOneByOne() async throws {
        let server = try TestServer { request in
            let entries = (try? JSONValue.parse(request.body))?["Entries"]?.array ?? []
            if entries.contains(where: { $0["Source"]?.string == "aws.bad" }) {
                return .json(#"{"__type":"com.amazon.coral.validate#ValidationException"}"#, status: 400)
            }
            return .json(#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#)
        }
        let results = await EventBusClient(.at(server.url), bus: "b").put([
            entry("{}"), entry("{}", source: "aws.bad"), entry("{}"),
        ])
        #expect(results.map(\.?.code) == [nil, .publishRefused, nil])
    }

    @Test(arguments: [
        (400, "AccessDeniedException", FailureCode.publishUnavailable),
        (400, "ResourceNotFoundException", .publishUnavailable),
        (400, "ThrottlingException", .publishThrottled), (500, "InternalException", .publishUnavailable),
        (200, "", .publishUnavailable),
    ])
    func whatIsNotTheEntrysFaultIsNotForGood(status: Int, type: String, code: FailureCode) async throws {
        let server = try TestServer { _ in .json(#"{"__type":"\#(type)"}"#, status: status) }
        let results = await EventBusClient(.at(server.url), bus: "b").put([entry("{}"), entry("{}")])
        #expect(results.map(\.?.code) == [code, code])
        #expect(server.requests.count == 1)
    }

    @Test func sizesAreCountedAsTheBusDoes() async throws {
        let client = EventBusClient(.at("http://127.0.0.1:1"), bus: "b")
        // time 14, "qsl.treasury" 12, "Payment.Settled.v1" 18, "urn:ä" 6, detail 4
        #expect(client.size(of: entry(#""ä""#, resource: "urn:ä")) == 54)
    }

    @Test func anEntryThatIsTooLargeIsNotSent() async throws {
        let server = try TestServer { _ in .json(#"{"Entries":[{"EventId":"1"}]}"#) }
        let large = entry("\"" + String(repeating: "x", count: Limits.putEventsBytes) + "\"")
        let results = await EventBusClient(.at(server.url), bus: "b").put([large, entry("{}")])
        #expect(results.map(\.?.code) == [.publishTooLarge, nil])
    }
}

/// From the bus to the queue.
extension MotoTests {
    @Test func whatIsPutArrivesInTheQueueOfItsRule() async throws {
        let url = try await createQueue()
        let endpoint = try session.endpoint(of: .events, in: "eu-central-1")
        func call(_ name: String, _ body: JSONValue) async throws {
            _ = try await session.call(.events(name), at: endpoint, body: body.serialised())
        }
        let bus = "bus-\(UInt64.random(in: 0 ... .max))"
        try await call("CreateEventBus", ["Name": .string(bus)])
        try await call(
            "PutRule",
            ["Name": "r", "EventBusName": .string(bus), "EventPattern": #"{"source":[{"prefix":"qsl."}]}"#])
        try await call(
            "PutTargets",
            [
                "Rule": "r", "EventBusName": .string(bus),
                "Targets": [["Id": "1", "Arn": .string(try await arn(url))]],
            ])
        let client = EventBusClient(session, bus: bus)
        #expect(await client.put([entry(#"{"sig_compact":"ä"}"#), entry("{}", source: "other")]) == [nil, nil])
        let message = try #require(
            try await SQSQueue(session, queue: url).receive(atMost: 10, wait: .seconds(5)).first)
        let envelope = try JSONValue.parse(message.body)
        #expect(envelope["source"]?.string == "qsl.treasury")
        #expect(envelope["detail-type"]?.string == "Payment.Settled.v1")
        #expect(envelope["resources"]?[0]?.string == "urn:x")
        #expect(envelope["detail"]?["sig_compact"]?.string == "ä")
        #expect(envelope["time"]?.string == "2026-01-01T00:00:00Z")
    }
}

private func entry(_ detail: String, source: String = "qsl.treasury", resource: String = "urn:x") -> SignedPublication {
    let draft = Draft(
        source: source, detailType: "Payment.Settled.v1", resource: resource, correlationID: "c",
        detail: Bytes("{}"))
    return SignedPublication(
        publication: Publication(
            row: 1, id: "p-1", draft: draft, parent: "e-1", trace: Event.Trace(), committedAt: .newYear,
            attempts: 0),
        detail: Bytes(detail), signedAt: .newYear)
}
