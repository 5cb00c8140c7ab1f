@_spi(Verification) import Events
import Foundation
import HTTP
import JSON
import Pipeline
@testable import Services
import Support
import Synchronization
import Testing

/// Handlers that are services: batches against a real server.
struct ServiceHandlersTests {
    private let scene: Scene
    private let handlers: ServiceHandlers

    init() throws {
        scene = try Scene()
        handlers = ServiceHandlers(services: scene.directory, clock: scene.clock)
        handlers.add(1, [Self.options()])
    }

    private static func options(_ path: String = "/events") -> ServiceHandlerOptions {
        ServiceHandlerOptions(id: HandlerID("booking"), service: "ledger", path: path, deadline: .seconds(20))
    }

    private static func assignment(_ number: Int, _ detail: String = "{}", attempt: Int = 2) -> Assignment {
        let event = Event(
            id: EventID(issuer: "issuer", text: "e-\(number)"), tokenDigest: nil,
            payloadDigest: Digest(high: (0, 0), low: (0, 0)), source: "test.in", detailType: "Thing.Asked.v1",
            resource: "urn:test:thing:1", detail: Bytes(detail), keyID: "key-1",
            signedAt: Instant(unixMilliseconds: 1_700_000_000_123), isBound: true,
            trace: .init(
                correlationID: "corr-1", userID: "user-1", tenantID: "tenant-1",
                parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        return Assignment(
            event: event, lease: Lease(fence: UInt64(number)), attempt: attempt, deliveries: 3, group: nil,
            sentAt: Instant(unixMilliseconds: 5_000))
    }

    private func run(
        _ numbers: ClosedRange<Int> = 1...1, _ detail: String = "{}", generation: Int = 1
    ) async -> [String] {
        let batch = Batch(
            handler: HandlerID("booking"), assignments: numbers.map { Self.assignment($0, detail) }, isAlone: false,
            generation: generation)
        do throws(Failure) { return try await handlers.run(batch).map(\.word) } catch { return [error.code.rawValue] }
    }

    @Test func anEventIsACloudEvent() async throws {
        let server = try scene.serve { _ in .answer(204) }
        // Not as another writer would write it.
        let signed = #"{ "z":1.50, "amount": "1.00" }"#
        #expect(await run(1...1, signed) == ["done"])
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.target == "/events")
        #expect(request.headers["content-type"] == "application/cloudevents+json; charset=utf-8")
        let event = try JSONValue.parse(request.body)
        let texts = ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "correlationid",
            "traceparent", "tenantid", "userid"].map { event[$0]?.string }
        #expect(texts == ["1.0", "e-1", "test.in", "Thing.Asked.v1", "urn:test:thing:1", "2023-11-14T22:13:20.123Z",
            "application/json", "corr-1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tenant-1",
            "user-1"])
        #expect(event["attempt"] == nil && request.headers["outrigger-attempt"] == "2")
        #expect(event["data"]?["amount"]?.string == "1.00")
        #expect(String(decoding: request.body, as: UTF8.self).hasSuffix("\"data\":\(signed)}"))
        #expect(request.headers["traceparent"]?.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-") == true)
    }

    /// A service that compares what it is asked under one key finds the same each time.
    @Test func everyAttemptSendsTheSameBodyUnderTheSameKey() async throws {
        let server = try scene.serve { _ in .answer(500) }
        for attempt in 1...3 {
            let batch = Batch(
                handler: HandlerID("booking"), assignments: [Self.assignment(1, attempt: attempt)], isAlone: false)
            _ = try await handlers.run(batch)
        }
        #expect(server.requests.map { $0.headers["outrigger-attempt"] } == ["1", "2", "3"])
        #expect(Set(server.requests.map(\.body)).count == 1)
        #expect(Set(server.requests.map { $0.headers["idempotency-key"] }).count == 1)
    }

    @Test func itsKeyStaysTheSameUnderAnotherPath() async throws {
        let server = try scene.serve { _ in .answer(200) }
        _ = await run()
        handlers.add(2, [Self.options("/v2/events")])
        _ = await run(generation: 2)
        #expect(server.requests.map(\.target) == ["/events", "/v2/events"])
        #expect(Set(server.requests.map { $0.headers["idempotency-key"] }).count == 1)
    }

    @Test func theEventsOfABatchGoSideBySideAndEachHasItsOwnOutcome() async throws {
        let together = Mutex(0)
        let gate = Gate()
        let server = try scene.serve { request in
            // Nobody is answered before all are there.
            if together.withLock({ $0 += 1; return $0 }) == 5 { gate.open() }
            gate.wait()
            let id = (try? JSONValue.parse(request.body))?["id"]?.string ?? ""
            let status = ["e-1": 200, "e-2": 422, "e-3": 503, "e-4": 500][id] ?? 409
            return .answer(status, headers: status == 503 ? ["Retry-After": "7"] : [:])
        }
        let words = await run(1...5)
        #expect(words == [
            "done", "reject service.status-422", "wait 7000 service.status-503", "retry - service.status-500",
            "retry - service.status-409",
        ])
        #expect(Set(server.requests.map { $0.headers["idempotency-key"] }).count == 5)
    }

    @Test func awayOrSlowIsAWaitAndBrokenOffIsARetry() async throws {
        #expect(await run() == ["wait - call.unavailable"])
        let server = try scene.serve { request in
            request.headers["idempotency-key"] == nil ? .silence : .raw(Array("HTTP/1.1 200 OK\r\nContent-".utf8))
        }
        #expect(await run() == ["retry - call.bad-reply"])
        _ = server
        let silent = try scene.serve { _ in .silence }
        scene.become(timeout: .milliseconds(100))
        #expect(await run() == ["wait - call.timed-out"])
        _ = silent
    }

    @Test func aRevokedEventIsUnansweredWhateverTheServiceSays() async throws {
        let server = try scene.serve { _ in .silence }
        let handlers = handlers, batch = Batch(
            handler: HandlerID("booking"), assignments: [Self.assignment(1), Self.assignment(2)], isAlone: false)
        await withTaskGroup(of: [String].self) { group in
            group.addTask { ((try? await handlers.run(batch)) ?? []).map(\.word) }
            #expect(await eventually { server.requests.count == 2 })
            handlers.revoke(Lease(fence: 1))
            handlers.revoke(Lease(fence: 2))
            for await words in group { #expect(words == ["unanswered", "unanswered"]) }
        }
    }

    @Test func aCancelledBatchIsUnanswered() async throws {
        let server = try scene.serve { _ in .silence }
        let handlers = handlers, batch = Batch(
            handler: HandlerID("booking"), assignments: [Self.assignment(1)], isAlone: false)
        await withTaskGroup(of: [String].self) { group in
            group.addTask { ((try? await handlers.run(batch)) ?? []).map(\.word) }
            #expect(await eventually { server.requests.count == 1 })
            group.cancelAll()
            for await words in group { #expect(words == ["unanswered"]) }
        }
    }

    @Test func aGenerationThatIsRetiredRunsNothingMoreAndFinishesWhatRuns() async throws {
        let gate = Gate()
        let server = try scene.serve { _ in
            gate.wait()
            return .answer(200)
        }
        handlers.add(2, [Self.options("/v2")])
        let handlers = handlers, batch = Batch(
            handler: HandlerID("booking"), assignments: [Self.assignment(1)], isAlone: false)
        await withTaskGroup(of: [String].self) { group in
            group.addTask { ((try? await handlers.run(batch)) ?? []).map(\.word) }
            #expect(await eventually { server.requests.count == 1 })
            handlers.retire(before: 2)
            #expect(!handlers.has(HandlerID("booking"), in: 1) && handlers.has(HandlerID("booking"), in: 2))
            #expect(await run(generation: 1) == ["handle.worker-unavailable"])
            gate.open()
            for await words in group { #expect(words == ["done"]) }
        }
        #expect(await run(generation: 2) == ["done"])
    }
}
