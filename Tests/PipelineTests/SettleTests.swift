import Events
import Testing

@testable import Pipeline

@Suite struct SettleTests {
    @Test func nothingIsDeletedBeforeItsCommit() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a")])
        let answered = bench.answer(ran, .done(.none))
        #expect(answered.contains { $0.isCommit })
        #expect(answered.deleted.isEmpty)
        #expect(bench.commit(answered).deleted == [ReceiptHandle("a#1")])
    }

    // MARK: - a store that may end with its pod

    private static let publishing = Outcome.done(
        Effects(
            drafts: [
                Draft(
                    source: "s", detailType: "t", resource: "", correlationID: "", detail: Bytes("{}"), attributes: [])
            ]))

    @Test func whereTheStoreIsEphemeralAMessageStaysUntilTheBusHasWhatItPublished() throws {
        var bench = try Bench(isFIFO: true, deletesWaitForBus: true)
        bench.tell(.start)
        let first = bench.run([Bench.envelope("a", group: "g"), Bench.envelope("b", group: "g")])
        let committed = bench.commit(bench.answer(first, Self.publishing))
        guard case .awaitSent(let id, let parent)? = committed.first(where: { $0.isAwaitSent }) else {
            Issue.record("the bus is not waited for")
            return
        }
        #expect(parent.text == "a")
        #expect(committed.deleted.isEmpty)
        #expect(!committed.contains { $0.isClaim }, "its group goes on only when it cannot come again")
        let beat = bench.pass(.seconds(15))
        #expect(beat.extended.map(\.receipt).contains(ReceiptHandle("a#1")))
        for case .extend(let ids, _) in beat {
            bench.tell(.extended(ids, ids.map { _ in nil }, held: ids.map { _ in true }))
        }
        let sent = bench.tell(.sent(id, nil))
        #expect(sent.deleted == [ReceiptHandle("a#1")])
        #expect(sent.contains { $0.isClaim })
    }

    @Test func aRepeatOfADoneEventWaitsForTheBusTooForItMayBeTheOnlyCopy() throws {
        var bench = try Bench(deletesWaitForBus: true)
        bench.tell(.start)
        let claimed = bench.receive([Bench.envelope("a")])
        guard case .claim(let ids, _)? = claimed.first(where: { $0.isClaim }) else {
            Issue.record("not claimed")
            return
        }
        let repeated = bench.tell(.claimed(ids, .success([.done])))
        #expect(repeated.deleted.isEmpty && repeated.contains { $0.isAwaitSent })
        #expect(bench.tell(.sent(ids[0], nil)).deleted == [ReceiptHandle("a#1")])
    }

    @Test func whatPublishedNothingOrIsInADurableStoreIsDeletedAtOnce() throws {
        var ephemeral = try Bench(deletesWaitForBus: true)
        ephemeral.tell(.start)
        let silent = ephemeral.answer(ephemeral.run([Bench.envelope("a")]), .done(.none))
        #expect(ephemeral.commit(silent).deleted == [ReceiptHandle("a#1")])
        var durable = try Bench()
        durable.tell(.start)
        let publishing = durable.answer(durable.run([Bench.envelope("a")]), Self.publishing)
        #expect(durable.commit(publishing).deleted == [ReceiptHandle("a#1")])
    }

    @Test func whatTheBusNeverTookBecomesALetterBeforeItsMessageGoes() throws {
        var bench = try Bench(deletesWaitForBus: true)
        bench.tell(.start)
        let committed = bench.commit(bench.answer(bench.run([Bench.envelope("a")]), Self.publishing))
        guard case .awaitSent(let id, _)? = committed.first(where: { $0.isAwaitSent }) else {
            Issue.record("the bus is not waited for")
            return
        }
        let given = bench.tell(.sent(id, Failure(.publishRefused, "a", "MalformedDetail")))
        #expect(given.deleted.isEmpty)
        #expect(given.letters.first?.failure.contains("publish.refused") == true)
        #expect(bench.tell(.letterSent(id, nil)).deleted == [ReceiptHandle("a#1")])
    }

    @Test func aFailedCommitIsRepeatedAndPausesIntake() throws {
        var bench = try Bench()
        bench.tell(.start)
        let answered = bench.answer(bench.run([Bench.envelope("a")]), .done(.none))
        guard case .commit(let ids, let first)? = answered.first(where: { $0.isCommit }) else {
            Issue.record("no commit")
            return
        }
        let failed = bench.tell(.committed(ids, .failure(Failure(.storeUnavailable))))
        #expect(failed.isPaused)
        #expect(failed.deleted.isEmpty)
        let again = bench.pass(.seconds(20))
        guard case .commit(let repeated, let second)? = again.first(where: { $0.isCommit }) else {
            Issue.record("not repeated")
            return
        }
        #expect(repeated == ids)
        #expect(second.map(\.lease) == first.map(\.lease))
    }

    @Test func onlyTheFailedEntriesOfADeleteAreRepeatedWithTheNewestHandle() throws {
        var bench = try Bench()
        bench.tell(.start)
        let settled = bench.commit(bench.answer(bench.run([Bench.envelope("a"), Bench.envelope("b")]), .done(.none)))
        guard case .delete(let ids, let receipts)? = settled.first(where: { $0.isDelete }) else {
            Issue.record("no delete")
            return
        }
        let failure = Failure(.settleDeleteFailed)
        bench.tell(.deleted(ids, receipts: receipts, [nil, failure]))
        bench.tell(.received(.success([Bench.envelope("b", receipt: "2", receives: 2)]), asked: 10))
        #expect(bench.pass(.seconds(25)).deleted == [ReceiptHandle("b#2")])
    }

    @Test func aDeleteWithAnOldHandleIsRepeatedWithTheNewOne() throws {
        var bench = try Bench()
        bench.tell(.start)
        let settled = bench.commit(bench.answer(bench.run([Bench.envelope("a")]), .done(.none)))
        guard case .delete(let ids, let receipts)? = settled.first(where: { $0.isDelete }) else {
            Issue.record("no delete")
            return
        }
        bench.tell(.received(.success([Bench.envelope("a", receipt: "2", receives: 2)]), asked: 10))
        let after = bench.tell(.deleted(ids, receipts: receipts, [nil]))
        #expect(after.deleted == [ReceiptHandle("a#2")])
    }

    @Test func theVerdictIsCommittedThenTheLetterSentThenTheMessageDeleted() throws {
        var bench = try Bench()
        bench.tell(.start)
        let rejected = bench.answer(bench.run([Bench.envelope("a")]), .reject(Reason(code: "no")))
        #expect(rejected.letters.isEmpty && rejected.deleted.isEmpty)
        let committed = bench.commit(rejected)
        #expect(committed.letters.count == 1 && committed.deleted.isEmpty)
        guard case .sendLetter(let id, let letter, let quarantine)? = committed.first(where: { $0.isLetter }) else {
            return
        }
        #expect(letter.body.text == "a")
        #expect(!quarantine)
        #expect(letter.failure.contains(#""code":"handle.rejected""#))
        #expect(bench.tell(.letterSent(id, nil)).deleted == [ReceiptHandle("a#1")])
    }

    @Test func aRefusedLetterLeavesTheMessageWhereItIs() throws {
        var bench = try Bench()
        bench.tell(.start)
        let committed = bench.commit(bench.answer(bench.run([Bench.envelope("a")]), .reject(Reason(code: "no"))))
        guard case .sendLetter(let id, _, _)? = committed.first(where: { $0.isLetter }) else { return }
        let refused = bench.tell(.letterSent(id, Failure(.settleDeadLetterRefused)))
        #expect(refused.deleted.isEmpty)
        #expect(refused.givenBack.map(\.timeout) == [.minutes(15)])
    }

    @Test func aShelvedLetterRidesInTheCommit() throws {
        var bench = try Bench(deadLetters: .shelf)
        bench.tell(.start)
        let rejected = bench.answer(bench.run([Bench.envelope("a")]), .reject(Reason(code: "no")))
        guard case .dead(_, let shelved, _)? = rejected.verdict else {
            Issue.record("no verdict")
            return
        }
        #expect(shelved?.body.text == "a")
        let committed = bench.commit(rejected)
        #expect(committed.letters.isEmpty)
        #expect(committed.deleted == [ReceiptHandle("a#1")])
    }

    @Test func aShortWaitIsSpentInMemoryAndALongOneGivenBack() throws {
        var bench = try Bench()
        bench.tell(.start)
        let short = bench.answer(bench.run([Bench.envelope("a")]), .retry(after: .seconds(60), Reason(code: "x")))
        #expect(bench.commit(short).givenBack.isEmpty)
        let long = bench.answer(bench.run([Bench.envelope("b")]), .retry(after: .minutes(10), Reason(code: "x")))
        #expect(bench.commit(long).givenBack.map(\.timeout) == [.minutes(10)])
    }

    @Test func nearTheQueuesEndAFailureIsADeadLetterWhateverThePolicy() throws {
        var bench = try Bench(attempts: 100, retention: .hours(10))
        bench.tell(.start)
        bench.now = bench.now + .hours(9) + .minutes(1)
        let answered = bench.answer(bench.run([Bench.envelope("a")]), .retry(after: nil, Reason(code: "x")))
        guard case .dead(let failure, _, _)? = answered.verdict else {
            Issue.record("not dead")
            return
        }
        #expect(failure.code == .handleRetried)
    }

    @Test func aWaitNeverGoesPastTheQueuesEnd() throws {
        var bench = try Bench(attempts: 100, retention: .hours(10))
        bench.tell(.start)
        bench.now = bench.now + .hours(8)
        let answered = bench.answer(bench.run([Bench.envelope("a")]), .retry(after: .hours(5), Reason(code: "x")))
        #expect(bench.commit(answered).givenBack.map(\.timeout) == [.hours(1)])
    }

    @Test func aLetterFoldsAttributesThatWouldLeaveNoRoom() throws {
        var bench = try Bench()
        bench.tell(.start)
        let attributes = (0..<10).map { Attribute(name: "a\($0)", value: "v\"\u{7}\($0)") }
        let committed = bench.commit(
            bench.answer(bench.run([Bench.envelope("a", attributes: attributes)]), .reject(Reason(code: "no"))))
        let letter = try #require(committed.letters.first)
        #expect(letter.attributes.isEmpty)
        #expect(letter.failure.contains(#""attribute.a9":"v\" 9""#))
        #expect(letter.failure.utf8.count <= Limits.failureAttributeBytes)
    }

    @Test func aBeatIsAThirdOfTheTimeoutAndNeverMeetsADelete() throws {
        var bench = try Bench()
        bench.tell(.start)
        let ran = bench.run([Bench.envelope("a")])
        #expect(bench.pass(.seconds(9)).extended.isEmpty)
        let beat = bench.pass(.seconds(1))
        #expect(beat.extended == [VisibilityChange(receipt: ReceiptHandle("a#1"), timeout: .seconds(30))])
        guard case .extend(let ids, _)? = beat.first(where: { if case .extend = $0 { true } else { false } }) else {
            return
        }
        // The beat is under way: the delete waits for its answer.
        let settled = bench.commit(bench.answer(ran, .done(.none)))
        #expect(settled.deleted.isEmpty)
        #expect(bench.tell(.extended(ids, [nil], held: [true])).deleted == [ReceiptHandle("a#1")])
    }
}
