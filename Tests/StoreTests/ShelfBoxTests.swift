import Events
import Pipeline
import Testing

@testable import Store

/// The store's own letters and given-up publications, as boxes.
@Suite struct ShelfBoxTests {
    private func shelve(_ bench: Bench, _ messages: [String], body: String = "raw") async throws {
        let refusals = messages.map { message in
            Refusal(
                consumer: bench.queue, messageID: MessageID(message), failure: Failure(.verifyBadSignature),
                shelved: bench.letter(body), keepUntil: bench.now + .days(1), sentAt: bench.now, deliveries: 1,
                body: Bytes(body), verified: nil)
        }
        try await bench.store.refuse(refusals, at: bench.now)
    }

    private func all(_ box: ShelfBox) async throws -> [BoxedLetter] {
        var all: [BoxedLetter] = []
        while case let letters = try await box.take(atMost: 10), !letters.isEmpty { all += letters }
        return all
    }

    @Test func lettersOfOneQueueAreSeenOnceEach() async throws {
        let bench = try Bench()
        try await shelve(bench, (0..<23).map { "m-\($0)" })
        let box = ShelfBox(bench.store, LetterPlace(queue: bench.queue))
        let letters = try await all(box)
        #expect(letters.map(\.id.text) == (0..<23).map { "m-\($0)" })
        #expect(letters.allSatisfy { $0.body == Bytes("raw") && $0.failure == #"{"code":"x"}"# })
        #expect(try await box.take(atMost: 10).isEmpty)
        await box.release()
        #expect(try await all(box).count == 23)
        let other = ShelfBox(bench.store, LetterPlace(queue: QueueName("other")))
        #expect(try await all(other).isEmpty)
    }

    @Test func aDeletedLetterIsGoneForGood() async throws {
        let bench = try Bench()
        try await shelve(bench, ["m-1", "m-2"])
        let box = ShelfBox(bench.store, LetterPlace(queue: bench.queue))
        _ = try await all(box)
        #expect(await box.delete([MessageID("m-1")]) == [nil])
        #expect(try await bench.store.statistics().letters == 1)
        try await bench.reopen()
        let again = ShelfBox(bench.store, LetterPlace(queue: bench.queue))
        #expect(try await all(again).map(\.id.text) == ["m-2"])
    }

    @Test func aLetterThatWasWrittenAnewMeanwhileIsNotDeleted() async throws {
        let bench = try Bench()
        try await shelve(bench, ["m-1"])
        let box = ShelfBox(bench.store, LetterPlace(queue: bench.queue))
        _ = try await all(box)
        bench.now = bench.now + .seconds(1)
        try await shelve(bench, ["m-1"], body: "newer")
        _ = await box.delete([MessageID("m-1")])
        #expect(try await bench.store.statistics().letters == 1)
        let again = ShelfBox(bench.store, LetterPlace(queue: bench.queue))
        #expect(try await all(again).map(\.body) == [Bytes("newer")])
    }

    @Test func aGivenUpPublicationGoesBackToTheOutboxUnderItsId() async throws {
        let bench = try Bench()
        let draft = Draft(
            source: "qsl.out", detailType: "Payment.Settled.v1", resource: "r-1", correlationID: "c-9",
            detail: Bytes(#"{"a":1}"#))
        let lease = try await bench.lease("e-1")
        #expect(try await bench.commit(lease, .done(Effects(drafts: [draft]))) == .committed)
        let due = try await bench.store.due(atMost: 10, excluding: [], at: bench.now)
        let publication = try #require(due.first)
        let failure = Failure(.publishRefused, "bus", "no")
        try await bench.store.settle([PublicationResult(row: publication.row, end: .gaveUp(failure))], at: bench.now)

        let box = ShelfBox(bench.store, LetterPlace(queue: QueueName(""), box: .publications))
        let letter = try #require(try await all(box).first)
        #expect(letter.id.text == publication.id)
        #expect(letter.failure?.contains(#""code":"publish.refused""#) == true)
        #expect(letter.body.text.contains(#""detail-type":"Payment.Settled.v1""#))
        let journal = try await JournalJudge(bench.store)
        let target = OutboxTarget(bench.store, clock: StoppedClock(now: bench.now))
        let sent = await target.send([
            RedrivenLetter(id: letter.id, body: letter.body, attributes: letter.attributes, group: nil)
        ])
        let names = try sent.map { try $0.get() }
        #expect(names == [letter.id])
        #expect(await box.delete([letter.id]) == [nil])

        #expect(try await bench.store.statistics().publications == 0)
        let again = try await bench.store.due(atMost: 10, excluding: [], at: bench.now)
        #expect(again.map(\.id) == [publication.id] && again.map(\.draft) == [draft])
        #expect(again.map(\.parent) == [publication.parent] && again.map(\.trace) == [publication.trace])
        #expect(try await journal.verdicts(on: [letter.id]).isEmpty)
        try await bench.store.settle([PublicationResult(row: again[0].row, end: .sent)], at: bench.now)
        #expect(try await journal.verdicts(on: [letter.id]) == [letter.id: .passed])
    }

    @Test func theJournalSaysWhatBecameOfAMessage() async throws {
        let bench = try Bench(.durable)
        try await shelve(bench, ["before"])
        let judge = try await JournalJudge(bench.store)
        let file = try JournalFile(bench.path)
        try await shelve(bench, ["m-1"])
        let lease = try await bench.lease("e-2", message: "m-2")
        #expect(try await bench.commit(lease) == .committed)
        let open = try await bench.lease("e-3", message: "m-3")
        #expect(try await bench.commit(open, .retry(Failure(.handleRetried))) == .committed)
        let messages: Set<MessageID> = [
            MessageID("before"), MessageID("m-1"), MessageID("m-2"), MessageID("m-3"), MessageID("m-4"),
        ]
        let expected: [MessageID: RedriveVerdict] = [MessageID("m-1"): .failed, MessageID("m-2"): .passed]
        #expect(try await judge.verdicts(on: messages) == expected)
        #expect(try await file.verdicts(on: messages) == expected)
    }

    @Test func whatOperatorsDoIsInTheChain() async throws {
        let bench = try Bench()
        var entry = JournalEntry(time: bench.now, kind: .letter, direction: .incoming, outcome: .discarded)
        entry.queue = bench.queue.text
        entry.message = "m-1"
        entry.cause = "by ops (uid 7): obsolete"
        try await bench.store.record([entry])
        let rows = try await bench.store.journal(after: 0, atMost: 10)
        #expect(rows.map(\.entry) == [entry])
    }
}

private struct StoppedClock: WallClock {
    let now: Instant
}
