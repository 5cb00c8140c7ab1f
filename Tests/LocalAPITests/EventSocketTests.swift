import Events
import Foundation
import HTTP
import Hummingbird
import JSON
import Pipeline
import Store
import StoreCommon
import Support
import Testing

@testable import LocalAPI

/// Publish, timeline and explanation over a real socket and a real store.
@Suite struct EventSocketTests {
    // MARK: - publish

    @Test func anEventIsDurableWhenItIsAnswered() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            let answer = try await bench.publish(EventBench.event("c-1", n: 7))
            #expect(answer.status == 202)
            #expect(answer.headers["Location"] == "/v1/events/c-1")
            #expect(answer.json["events"]?[0]?["correlationId"]?.string == "c-1")
            let due = try await bench.store.due(atMost: 10, excluding: [], at: MachineClock().now + .seconds(1))
            #expect(due.map(\.id) == answer.ids)
            #expect(due.first?.draft.detail.text == #"{"n":7}"#)
            #expect(due.first?.draft.resource == "urn:c-1")
        }
    }

    @Test func theSameKeyIsTakenOnce() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            let first = try await bench.publish(EventBench.event("c-1"), key: "k-1")
            let again = try await bench.publish("  " + EventBench.event("c-1"), key: "k-1")
            #expect(first.status == 202 && first.headers["Idempotent-Replayed"] == nil)
            #expect(again.status == 200 && again.headers["Idempotent-Replayed"] == "true")
            #expect(again.ids == first.ids && again.headers["Location"] == "/v1/events/c-1")
            let other = try await bench.publish(EventBench.event("c-2"), key: "k-1")
            #expect(other.status == 409 && other.code == "api.conflict")
            #expect(try await bench.store.depth().rows == 1)
        }
    }

    @Test func manyAtOnceUnderOneKeyAreTakenOnce() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            let ids = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<16 {
                    group.addTask { try await bench.publish(EventBench.event("c-1"), key: "k").ids }
                }
                return try await group.reduce(into: Set<[String]>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            #expect(try await bench.store.depth().rows == 1)
        }
    }

    @Test func aBatchIsTakenWholeOrNotAtAll() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            let events = (0..<100).map { EventBench.event("c", n: $0) }
            let all = try await bench.publish("[\(events.joined(separator: ","))]")
            #expect(all.status == 202 && Set(all.ids).count == 100)
            let bad = "[\(events[0]),\(EventBench.event("c", source: "other.out"))]"
            let denied = try await bench.publish(bad)
            #expect(denied.status == 403 && denied.code == "publish.denied")
            #expect(denied.json["subject"]?.string == "events[1]")
            #expect(denied.text.contains("other.out") && denied.text.contains("Done.v1"))
            #expect(try await bench.store.depth().rows == 100)
        }
    }

    @Test func aCloudEventIsTakenInEveryMode() async throws {
        let bench = try await EventBench()
        let cloud = """
            {"specversion":"1.0","id":"1","source":"test.out","type":"Done.v1","correlationid":"c","data":{}}
            """
        try await bench.serving {
            let structured = try await bench.publish(cloud, type: "application/cloudevents+json")
            let batch = try await bench.publish("[\(cloud)]", type: "application/cloudevents-batch+json")
            let binary = try await bench.publish(
                "{}", [
                    ("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "test.out"), ("ce-type", "Done.v1"),
                    ("CE-CorrelationId", "c"),
                    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                ])
            #expect(structured.status == 202 && batch.status == 202 && binary.status == 202)
            let due = try await bench.store.due(atMost: 10, excluding: [], at: MachineClock().now + .seconds(1))
            #expect(due.count == 3 && due.allSatisfy { $0.trace.correlationID == "c" })
            #expect(due.last?.trace.parent.hasPrefix("00-0af7") == true)
        }
    }

    @Test func whatCannotBeTakenSaysWhy() async throws {
        let schema = #"{"type":"object","properties":{"n":{"type":"integer","maximum":5}}}"#
        let schemas = try EventSchemas([("Done.v1.json", Bytes(schema))])
        let bench = try await EventBench(schemas: schemas)
        try await bench.serving {
            let deep = String(repeating: "[", count: 80) + String(repeating: "]", count: 80)
            let cases: [(String, String, Int, String)] = [
                ("not JSON", "application/json", 400, "api.malformed"),
                ("", "application/json", 400, "api.malformed"),
                (#"{"source":"test.out","detailType":"x","detailCore":{"a":\#(deep)}}"#, "application/json", 400,
                 "api.malformed"),
                (EventBench.event("c"), "text/plain", 415, "api.unsupported"),
                (EventBench.event("c"), "application/x-www-form-urlencoded", 415, "api.unsupported"),
                (EventBench.event("c", n: 77), "application/json", 422, "publish.schema"),
                (String(repeating: " ", count: 70_000) + EventBench.event("c"), "application/json", 413,
                 "api.too-large"),
            ]
            for (body, type, status, code) in cases {
                let answer = try await bench.publish(body, type: type)
                #expect(answer.status == status && answer.code == code, "\(body.prefix(60)): \(answer.text)")
                #expect(answer.headers["Content-Type"] == "application/problem+json")
            }
            let schema = try await bench.publish(EventBench.event("c", n: 77))
            #expect(schema.json["pointer"]?.string == "/detailCore/n")
            #expect(schema.json["violations"]?[0]?["pointer"]?.string == "/detailCore/n")
            #expect(!schema.text.contains("77"))
            #expect(try await bench.store.depth().rows == 0)
        }
    }

    @Test func anEventThatTheBusWouldRefuseIsRefusedWithTheNumber() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            // The peer may send 64 KiB here, of which the bench's bus makes more than it takes.
            let client = HTTPClient(connections: 1)
            defer { client.shutdown() }
            let small = try await bench.publish(EventBench.event("c"))
            #expect(small.status == 202)
        }
        let decision = PublishDecision(
            grant: EventBench.grant(), schemas: .none, size: { _ in 2_000_000 }, keep: .hours(1))
        var headers = PublishHeaders()
        headers.contentType = "application/json"
        var random = SystemRandomNumberGenerator()
        let body = try PublishBody(Bytes(EventBench.event("c")), headers)
        let refusal = try #require(throws: PublishRefusal.self) {
            try decision.submission(of: body, key: nil, traceParent: "", at: .distantPast, &random)
        }
        #expect(ProblemError(refusal.failure).status.code == 413)
    }

    @Test func aFullOutboxAsksToComeAgain() async throws {
        let bench = try await EventBench(outbox: OutboxLimits(rows: 2))
        try await bench.serving {
            #expect(try await bench.publish("[\(EventBench.event("a")),\(EventBench.event("b"))]").status == 202)
            let full = try await bench.publish(EventBench.event("c"), key: "k")
            #expect(full.status == 429 && full.code == "publish.outbox-full")
            #expect(full.headers["Retry-After"] != nil)
            try await bench.relay()
            #expect(try await bench.publish(EventBench.event("c"), key: "k").status == 202)
        }
    }

    @Test func aSidecarThatPublishesNothingSaysSo() async throws {
        let bench = try await EventBench(publishes: false)
        try await bench.serving {
            let answer = try await bench.publish(EventBench.event("c"))
            #expect(answer.status == 503 && answer.code == "publish.off")
            #expect(try await bench.ask("GET", "/v1/events/c").status == 200)
        }
    }

    @Test func rolesAndSocketsAreKeptApart() async throws {
        let reader = try await EventBench(grant: EventBench.grant(roles: [.read]))
        try await reader.serving {
            let answer = try await reader.publish(EventBench.event("c"))
            #expect(answer.status == 403 && answer.code == "api.denied")
        }
        let publisher = try await EventBench(grant: EventBench.grant(roles: [.publish]))
        try await publisher.serving {
            let taken = try await publisher.publish(EventBench.event("c")).status
            #expect(taken == 202)
            for path in ["/v1/events/c", "/v1/events", "/v1/events/stream", "/v1/explain/x"] {
                let status = try await publisher.ask("GET", path).status
                #expect(status == 403)
            }
        }
        let admin = try await EventBench(.admin)
        try await admin.serving {
            let status = try await admin.publish(EventBench.event("c")).status
            #expect(status == 403)
        }
    }

    @Test func aCallerThatHangsUpHalfWayLeavesNothingTaken() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            for _ in 0..<20 {
                let socket = try RawSocket(bench.socket)
                socket.send(
                    "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        + "Content-Length: 500\r\n\r\n" + EventBench.event("half"))
            }
            #expect(try await bench.publish(EventBench.event("whole")).status == 202)
            #expect(try await bench.store.depth().rows == 1)
        }
    }

    // MARK: - timeline

    @Test func theTimelineIsOrderedAndPaged() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            for n in 0..<5 { _ = try await bench.publish(EventBench.event(n == 2 ? "other" : "c/1 ü", n: n)) }
            try await bench.relay()
            var path: String? = "/v1/events/c%2F1%20%C3%BC?limit=3"
            var seen: [(Int64, String)] = []
            while let next = path {
                let answer = try await bench.ask("GET", next)
                #expect(answer.status == 200 && answer.rows.count <= 3)
                seen += answer.rows.map { ($0["number"]?.int ?? 0, $0["outcome"]?.string ?? "") }
                path = answer.json["next"]?.string
                if let path { #expect(answer.headers["Link"] == "<\(path)>; rel=\"next\"") }
            }
            #expect(seen.map(\.1) == ["accepted", "accepted", "accepted", "accepted", "sent", "sent", "sent", "sent"])
            #expect(seen.map(\.0) == seen.map(\.0).sorted())
        }
    }

    @Test func aSearchTakesEveryCondition() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            for n in 0..<4 { _ = try await bench.publish(EventBench.event("c-\(n)", n: n)) }
            try await bench.relay()
            func count(_ query: String) async throws -> Int {
                let answer = try await bench.ask("GET", "/v1/events?" + query)
                #expect(answer.status == 200, "\(answer.text)")
                return answer.rows.count
            }
            #expect(try await count("") == 8)
            #expect(try await count("resource=urn:c-1") == 2)
            #expect(try await count("source=test.out&outcome=sent") == 4)
            #expect(try await count("detailType=Other.v1") == 0)
            #expect(try await count("since=-1h&until=-30m") == 0)
            #expect(try await count("since=-1h&userId=user+1") == 4)
            let wrong = try await bench.ask("GET", "/v1/events?color=red")
            #expect(wrong.status == 400 && wrong.json["subject"]?.string == "color")
        }
    }

    @Test func aPeerSeesItsOwnTenantsAlone() async throws {
        let bench = try await EventBench(grant: EventBench.grant(tenants: ["t-1"]))
        try await bench.serving {
            let mine = try await bench.publish(EventBench.event("c", tenant: "t-1"))
            let other = try await bench.publish(EventBench.event("c", tenant: "t-2"))
            let rows = try await bench.ask("GET", "/v1/events/c").rows
            #expect(rows.compactMap { $0["eventId"]?.string } == mine.ids)
            #expect(try await bench.ask("GET", "/v1/explain/\(mine.ids[0])").status == 200)
            let hidden = try await bench.ask("GET", "/v1/explain/\(other.ids[0])")
            #expect(hidden.status == 404 && hidden.code == "api.not-found")
        }
    }

    // MARK: - explain

    @Test func anExplanationIsJSONOrText() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            let id = try await bench.publish(EventBench.event("c")).ids[0]
            let waiting = try await bench.ask("GET", "/v1/explain/\(id)", [("Accept", "text/plain")])
            #expect(waiting.headers["Content-Type"]?.hasPrefix("text/plain") == true)
            #expect(waiting.text.contains("It waits for the bus."))
            try await bench.relay()
            let sent = try await bench.ask("GET", "/v1/explain/\(id)")
            #expect(sent.json["publication"]?["state"]?.string == "sent")
            #expect(sent.json["correlationId"]?.string == "c")
            #expect(try await bench.ask("GET", "/v1/explain/nothing").status == 404)
            #expect(try await bench.ask("GET", "/v1/explain/%00").status == 400)
        }
    }

    @Test func refusedMessagesAreExplainedToOperators() async throws {
        let now = MachineClock().now
        let refusal = Refusal(
            consumer: QueueName("payments"), messageID: MessageID("m-1"),
            failure: Failure(.verifyBadSignature, "k", "it verifies under no variant"), shelved: nil,
            keepUntil: now + .hours(1), sentAt: now, deliveries: 1, body: Bytes("?"), verified: nil)
        let operatorBench = try await EventBench(.admin)
        try await operatorBench.serving {
            try await operatorBench.store.refuse([refusal], at: now)
            let answer = try await operatorBench.ask("GET", "/v1/explain/m-1", [("Accept", "text/plain")])
            #expect(answer.status == 200 && answer.text.contains("verify.bad-signature"))
        }
        let reader = try await EventBench(grant: EventBench.grant(roles: [.read]))
        try await reader.serving {
            try await reader.store.refuse([refusal], at: now)
            #expect(try await reader.ask("GET", "/v1/explain/m-1").status == 404)
            #expect(try await reader.ask("GET", "/v1/events").rows.isEmpty)
        }
    }

    @Test func whatIsInHandIsExplainedBeforeTheJournalKnowsIt() async throws {
        let standing = Standing(
            queue: QueueName("payments"), message: MessageID("m-1"), event: EventID(issuer: "i", text: "e-1"),
            source: "test.in", tenantID: "t", handler: HandlerID("treasury"), generation: 1, step: .running,
            since: MachineClock().now, until: nil, attempt: 1, deliveries: 1, failure: nil)
        let bench = try await EventBench(standing: [standing])
        try await bench.serving {
            let answer = try await bench.ask("GET", "/v1/explain/e-1")
            #expect(answer.json["consumers"]?[0]?["now"]?[0]?["step"]?.string == "running")
        }
        let stranger = try await EventBench(grant: EventBench.grant(tenants: ["other"]), standing: [standing])
        try await stranger.serving {
            let status = try await stranger.ask("GET", "/v1/explain/e-1").status
            #expect(status == 404)
        }
    }
}
