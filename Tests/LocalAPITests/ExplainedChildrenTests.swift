@_spi(Verification) import Events
import JSON
import Pipeline
import Store
import Testing

@testable import LocalAPI

/// An explanation lists what an event published, also what began another story.
@Suite struct ExplainedChildrenTests {
    @Test func whatWasPublishedUnderAnotherCorrelationIsListed() async throws {
        let bench = try await EventBench()
        try await bench.serving {
            let now = MachineClock().now
            let event = Event(
                id: EventID(issuer: "i", text: "e-1"), tokenDigest: nil,
                payloadDigest: Digest(high: (0, 0), low: (0, 0)), source: "test.in", detailType: "Asked.v1",
                resource: "", detail: Bytes("{}"), keyID: "k", signedAt: now, isBound: true,
                trace: .init(correlationID: "c-1"))
            let request = ClaimRequest(
                consumer: QueueName("payments"), messageID: MessageID("m-1"), event: event, handler: HandlerID("h"),
                businessKey: nil, sentAt: now, rules: AgeRules(maximumAge: .hours(25), window: .days(5)),
                lease: .seconds(30))
            guard case .granted(let lease, let history)? = try await bench.store.claim([request], at: now).first else {
                Issue.record("not granted")
                return
            }
            let drafts = ["c-1", "another"].map {
                Draft(source: "test.out", detailType: "Done.v1", resource: "", correlationID: $0, detail: Bytes("{}"))
            }
            let commitment = Commitment(
                lease: lease, verdict: .done(Effects(drafts: drafts)), history: history, keepUntil: now + .days(5),
                generation: 1)
            let results = try await bench.store.commit([commitment], at: now)
            #expect(results.count == 1)
            try await bench.relay()
            let answer = try await bench.ask("GET", "/v1/explain/e-1")
            #expect(answer.json["published"]?.array?.count == 2, "\(answer.text)")
        }
    }
}
