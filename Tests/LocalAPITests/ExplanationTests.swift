import Events
import JSON
import Pipeline
import Testing

@testable import LocalAPI

/// One account out of the journal, the ledger and what is in hand.
@Suite struct ExplanationTests {
    private let start = Instant(unixSeconds: 1_800_000_000)

    private func row(
        _ number: Int64, _ outcome: JournalEntry.Outcome, kind: JournalEntry.Kind = .event,
        _ change: (inout JournalEntry) -> Void = { _ in }
    ) -> JournalRow {
        var entry = JournalEntry(
            time: start + .seconds(number), kind: kind, direction: kind == .publication ? .outgoing : .incoming,
            outcome: outcome)
        if kind == .event {
            (entry.queue, entry.handler, entry.message, entry.event) = ("payments", "treasury", "m-1", "e-1")
            (entry.source, entry.detailType, entry.keyID) = ("qsl.payments", "Payment.Settled.v1", "key-1")
            (entry.correlationID, entry.generation, entry.deliveries) = ("c-1", 3, 1)
            entry.sentAt = start
        }
        change(&entry)
        return JournalRow(number: number, boot: 1, entry: entry, hash: Digest(high: (0, 0), low: (0, 0)))
    }

    private func account(_ state: LedgerAccount.State, strikes: Int = 0) -> LedgerAccount {
        LedgerAccount(
            consumer: QueueName("payments"), id: EventID(issuer: "i", text: "e-1"), handler: HandlerID("treasury"),
            state: state, attempts: 2, strikes: strikes, firstSeen: start, keepUntil: start + .days(5), failure: nil)
    }

    private func standing(_ step: Standing.Step, failure: Failure? = nil, until: Instant? = nil) -> Standing {
        Standing(
            queue: QueueName("payments"), message: MessageID("m-1"), event: EventID(issuer: "i", text: "e-1"),
            source: "qsl.payments", tenantID: "", handler: HandlerID("treasury"), generation: 3, step: step,
            since: start, until: until, attempt: 2, deliveries: 4, failure: failure)
    }

    private func explain(
        _ rows: [JournalRow], children: [JournalRow] = [], accounts: [LedgerAccount] = [], standing: [Standing] = []
    ) throws -> Explanation {
        try #require(
            Explanation.make(of: "e-1", rows: rows, children: children, accounts: accounts, standing: standing))
    }

    @Test func ofNothingThereIsNoExplanation() {
        #expect(Explanation.make(of: "e-1", rows: [], children: [], accounts: [], standing: []) == nil)
    }

    @Test func anEventThatWasRetriedAndDoneIsToldInOrder() throws {
        let rows = [
            row(1, .retry) {
                ($0.attempt, $0.code, $0.cause) = (1, "handle.retried", "bank closed")
                ($0.took, $0.retryAt) = (.milliseconds(12), start + .seconds(31))
            },
            row(2, .done) { ($0.attempt, $0.deliveries) = (2, 2) },
            row(3, .duplicate) { ($0.message, $0.parent) = ("m-2", "e-1") },
        ]
        let children = [
            row(4, .accepted, kind: .publication) {
                ($0.event, $0.parent, $0.source, $0.detailType) = ("e-2", "e-1", "qsl.treasury", "Booked.v1")
            },
            row(5, .sent, kind: .publication) { ($0.event, $0.parent, $0.attempt) = ("e-2", "e-1", 1) },
        ]
        let explanation = try explain(rows, children: children, accounts: [account(.done)])
        let consumer = try #require(explanation.consumers.first)
        #expect(explanation.consumers.count == 1)
        #expect(consumer.state == "done" && consumer.handler == "treasury" && consumer.keyID == "key-1")
        #expect(consumer.messages.map(\.id) == ["m-1", "m-2"] && consumer.messages[0].deliveries == 2)
        #expect(consumer.runs.map(\.outcome) == [.retry, .done] && consumer.duplicates.count == 1)
        #expect(explanation.published.map(\.event) == ["e-2"])
        #expect(explanation.published[0].acceptedAt == start + .seconds(4))

        let json = try JSONValue.parse(explanation.json.serialised())
        #expect(json["consumers"]?[0]?["attempts"]?[0]?["retryAt"]?.string == "2027-01-15T08:00:31.000Z")
        #expect(json["consumers"]?[0]?["recognisedUntil"]?.string == "2027-01-20T08:00:00.000Z")
        #expect(json["published"]?[0]?["state"]?.string == "sent")
        let text = explanation.text
        for words in [
            "event e-1", "queue payments, handler treasury: It is done.", "received     2 times as message m-1",
            "verified     by key key-1", "attempt 1    2027-01-15T08:00:01.000Z retry (generation 3, 12.0 ms), ",
            "handle.retried: bank closed; again from 2027-01-15T08:00:31.000Z", "duplicate    2027-01-15T08:00:03.000Z",
            "repeats      are recognised until 2027-01-20T08:00:00.000Z", "its handler published", "e-2",
        ] { #expect(text.contains(words), "\(words) is not in\n\(text)") }
    }

    @Test func whatIsInHandSaysWhatItWaitsForAndUntilWhen() throws {
        let failure = Failure(.handleWaiting, "e-1", "the bank is closed")
        let explanation = try explain(
            [], accounts: [account(.claimed)],
            standing: [standing(.waiting, failure: failure, until: start + .seconds(40))])
        let consumer = try #require(explanation.consumers.first)
        #expect(consumer.state == "waiting" && consumer.messages.map(\.deliveries) == [4])
        let now = explanation.json["consumers"]?[0]?["now"]?[0]
        #expect(now?["until"]?.string == "2027-01-15T08:00:40.000Z" && now?["code"]?.string == "handle.waiting")
        let words = "until 2027-01-15T08:00:40.000Z, attempt 2: handle.waiting, the bank is closed."
        #expect(explanation.text.contains(words))
    }

    @Test func eachConsumerHasItsOwnStory() throws {
        let dead = row(2, .dead) { ($0.queue, $0.handler, $0.code) = ("audit", "book", "handle.rejected") }
        let rows = [row(1, .done), dead]
        let explanation = try explain(rows)
        #expect(explanation.consumers.map(\.queue) == ["payments", "audit"])
        #expect(explanation.consumers.map(\.state) == ["done", "dead"])
    }

    @Test func aRefusedMessageIsExplainedByItsOwnId() throws {
        let rows = [
            row(1, .refused, kind: .refusal) {
                ($0.queue, $0.message) = ("payments", "e-1")
                ($0.code, $0.cause) = ("verify.bad-signature", "it verifies under no variant")
            }
        ]
        let explanation = try explain(rows)
        #expect(explanation.subject == nil && explanation.consumers[0].state == "refused")
        #expect(explanation.text.hasPrefix("message e-1\n"))
        #expect(explanation.text.contains("verify.bad-signature: it verifies under no variant"))
    }

    @Test(arguments: [
        (JournalEntry.Outcome.accepted, "It waits for the bus."), (.sent, "sent         2027-01-15T08:00:02.000Z"),
        (.gaveUp, "given up     2027-01-15T08:00:02.000Z, 3 attempts: publish.gave-up: the bus is gone"),
    ])
    func anEventThatIsPublishedHereIsFollowedToTheBus(outcome: JournalEntry.Outcome, words: String) throws {
        let accepted = row(1, .accepted, kind: .publication) { $0.event = "e-1" }
        let last = row(2, outcome, kind: .publication) {
            $0.event = "e-1"
            guard outcome == .gaveUp else { return }
            ($0.attempt, $0.code, $0.cause) = (3, "publish.gave-up", "the bus is gone")
        }
        let explanation = try explain(outcome == .accepted ? [accepted] : [accepted, last])
        #expect(explanation.publication?.last.outcome == outcome && explanation.consumers.isEmpty)
        #expect(explanation.text.contains(words), "\(explanation.text)")
    }
}
