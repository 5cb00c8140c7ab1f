import Events
import Synchronization
import Testing

@testable import Pipeline

/// Redrives, against a box and a queue in memory and a clock that sleepers move.
@Suite struct DeadLetterDeskTests {
    private let bench = LetterBench()

    @Test func lookingConsumesNothingAndListsTheOldestFirst() async throws {
        bench.fill(25)
        for _ in 0..<2 {
            let list = try await bench.desk().list(LetterFilter())
            #expect(list.letters.map(\.id.text) == (0..<25).map { "letter-\($0)" })
            #expect(list.isWhole)
        }
        #expect(bench.box.count == 25 && bench.box.inHand == 0)
    }

    @Test func aListThatIsFullSaysThatThereIsMore() async throws {
        bench.fill(25)
        let list = try await bench.desk().list(LetterFilter(), atMost: 7)
        #expect(list.letters.count == 7 && !list.isWhole)
        #expect(bench.box.inHand == 0)
    }

    @Test func oneLetterIsFoundByItsName() async throws {
        bench.fill(25)
        let (boxed, letter) = try #require(try await bench.desk().letter(MessageID("letter-17")))
        #expect(boxed.body.text == "body-17" && letter.record.event == "event-17")
        #expect(try await bench.desk().letter(MessageID("letter-99")) == nil)
        #expect(bench.box.inHand == 0)
    }

    @Test func whatIsMeantMovesWithItsAttributesAndTheRestStays() async throws {
        bench.fill(20, code: "handle.rejected")
        bench.fill(15, code: "verify.bad-signature", from: 100)
        var filter = LetterFilter()
        filter.code = "handle.rejected"
        let report = try await bench.desk().redrive(filter, to: bench.queue, RedrivePlan())
        #expect(report.moved == 20 && report.isWhole && report.refused == 0 && report.doubled == 0)
        #expect(bench.box.count == 15 && bench.box.inHand == 0)
        #expect(Set(bench.queue.bodies) == Set((0..<20).map { "body-\($0)" }))
        #expect(bench.queue.letters.allSatisfy { $0.attributes == [Attribute(name: "kind", value: "x")] })
        #expect(bench.recorded == 20)
    }

    @Test func theRateIsKept() async throws {
        bench.fill(100)
        var plan = RedrivePlan()
        plan.rate = 20
        let start = bench.clock.now
        let report = try await bench.desk().redrive(LetterFilter(), to: bench.queue, plan)
        #expect(report.moved == 100)
        // Ten at once, and half a second between: nine pauses at least.
        #expect(bench.clock.now - start >= .milliseconds(4_500))
        #expect(bench.clock.now - start <= .milliseconds(5_000))
    }

    @Test func aSlowRateTakesOneLetterInHandAtATime() async throws {
        bench.fill(3)
        var plan = RedrivePlan()
        plan.rate = 0.5
        let start = bench.clock.now
        _ = try await bench.desk().redrive(LetterFilter(), to: bench.queue, plan)
        #expect(bench.clock.now - start >= .seconds(4))
        #expect(bench.box.largestTake == 1)
    }

    @Test func aLetterThatTheQueueRefusesStays() async throws {
        bench.fill(12)
        bench.queue.refuses.withLock { $0 = ["body-3"] }
        let report = try await bench.desk().redrive(LetterFilter(), to: bench.queue, RedrivePlan())
        #expect(report.moved == 11 && report.refused == 1)
        #expect(report.failure?.code == .redriveRefused)
        #expect(bench.box.names == ["letter-3"] && bench.box.inHand == 0)
    }

    @Test func aLetterThatCannotBeDeletedIsSentAndSaidToBeTwice() async throws {
        bench.fill(2)
        bench.box.keeps.withLock { $0 = ["letter-1"] }
        let report = try await bench.desk().redrive(LetterFilter(), to: bench.queue, RedrivePlan())
        #expect(report.moved == 1 && report.doubled == 1)
        #expect(report.failure?.code == .settleDeleteFailed)
        #expect(bench.queue.bodies.count == 2)
    }

    @Test func anInterruptedRedriveGoesOnWhereItEnded() async throws {
        bench.fill(40)
        var plan = RedrivePlan()
        plan.rate = 10
        plan.deadline = bench.clock.now + .seconds(2)
        let first = try await bench.desk().redrive(LetterFilter(), to: bench.queue, plan)
        #expect(!first.isWhole && first.moved == 20)
        plan.deadline = nil
        let second = try await bench.desk().redrive(LetterFilter(), to: bench.queue, plan)
        #expect(second.isWhole && second.moved == 20)
        #expect(Set(bench.queue.bodies).count == 40)
    }

    @Test func whatFailsAgainMeanwhileIsNotMovedAgain() async throws {
        bench.fill(30)
        bench.queue.failing.withLock { $0 = Set((0..<30).map { "body-\($0)" }) }
        let report = try await bench.desk().redrive(LetterFilter(), to: bench.queue, RedrivePlan())
        #expect(report.moved == 30 && report.isWhole)
        #expect(bench.box.count == 30)
    }

    @Test func aBrokenBoxGivesBackWhatWasInHand() async throws {
        bench.fill(30)
        bench.box.breaksAfter.withLock { $0 = 2 }
        await #expect(throws: Failure.self) { try await bench.desk().list(LetterFilter()) }
        #expect(bench.box.inHand == 0)
    }

    @Test func discardingDeletesAndSendsNothing() async throws {
        bench.fill(5, code: "handle.rejected")
        bench.fill(5, code: "dedup.expired", from: 50)
        var filter = LetterFilter()
        filter.fingerprint = LetterFingerprint(code: "dedup.expired", handler: "pay", detailType: "")
        let report = try await bench.desk().discard(filter)
        #expect(report.moved == 5 && bench.recorded == 5)
        #expect(bench.queue.bodies.isEmpty && bench.box.count == 5)
    }

    @Test func anotherMessageTakesALettersPlace() async throws {
        bench.fill(15)
        let sent = try await bench.desk().replace(MessageID("letter-12"), to: bench.queue) { boxed, _ in
            RedrivenLetter(id: boxed.id, body: Bytes("new"), attributes: [], group: nil)
        }
        #expect(sent?.1.id.text == "letter-12")
        #expect(bench.queue.bodies == ["new"] && bench.box.count == 14 && bench.box.inHand == 0)
    }
}

/// The first letters of a redrive.
@Suite struct CanaryTests {
    private let bench = LetterBench()

    private func plan(_ canary: Int) -> RedrivePlan {
        var plan = RedrivePlan()
        plan.canary = canary
        return plan
    }

    @Test func theOthersFollowOnceTheCanaryIsDone() async throws {
        bench.fill(50)
        let report = try await bench.desk(judging: true).redrive(LetterFilter(), to: bench.queue, plan(10))
        #expect(report.canary == .passed && report.passed == 10)
        #expect(report.moved == 50 && report.isWhole && bench.box.count == 0)
    }

    @Test func oneFailureOfTheCanaryStopsIt() async throws {
        bench.fill(50)
        bench.queue.failing.withLock { $0 = ["body-4"] }
        for judging in [true, false] {
            let report = try await bench.desk(judging: judging).redrive(LetterFilter(), to: bench.queue, plan(10))
            #expect(report.canary == .failed && report.moved == 10 && !report.isWhole)
            #expect(report.failed == [MessageID("letter-4")])
            bench.refill(50)
        }
    }

    @Test func aCanaryThatDoesNotEndInTimeStopsIt() async throws {
        bench.fill(50)
        bench.queue.hangs.withLock { $0 = ["body-2"] }
        let start = bench.clock.now
        let report = try await bench.desk(judging: true).redrive(LetterFilter(), to: bench.queue, plan(10))
        #expect(report.canary == .undecided && report.passed == 9 && report.moved == 10)
        #expect(bench.clock.now - start >= .minutes(1))
    }

    @Test func withoutAJournalSilenceIsTakenForSuccess() async throws {
        bench.fill(50)
        let report = try await bench.desk(judging: false).redrive(LetterFilter(), to: bench.queue, plan(10))
        #expect(report.canary == .silent && report.moved == 50)
    }

    @Test func aCanaryLargerThanTheBoxIsAllThereIs() async throws {
        bench.fill(3)
        let report = try await bench.desk(judging: true).redrive(LetterFilter(), to: bench.queue, plan(10))
        #expect(report.canary == .passed && report.moved == 3 && report.isWhole)
    }

    @Test func aLetterThatAQueueMovedByItselfFailsTheCanaryUnderItsOwnName() {
        var canary = Canary([MessageID("m-1"): MessageID("letter-1")], until: .distantPast)
        let boxed = BoxedLetter(
            id: MessageID("m-1"), body: [], attributes: [], failure: nil, arrivedAt: .distantPast, group: nil)
        canary.meet(Letter(boxed, LetterRecord()))
        #expect(canary.end(isRecorded: false, at: .distantPast) == .failed)
    }
}

@Suite struct LetterRecordTests {
    private func letter(
        _ code: String = "handle.rejected", handler: String = "pay", type: String = "Payment.Created.v1",
        queue: String = "payments", attempts: Int = 3, at seconds: Int64 = 1_000, id: String = "l-1"
    ) -> Letter {
        var record = LetterRecord()
        (record.code, record.handler, record.detailType) = (code, handler, type)
        (record.queue, record.attempts, record.reason) = (queue, attempts, "at \(seconds)")
        let boxed = BoxedLetter(
            id: MessageID(id), body: [1], attributes: [], failure: nil, arrivedAt: Instant(unixSeconds: seconds),
            group: nil)
        return Letter(boxed, record)
    }

    @Test func aFilterHoldsAllThatIsGiven() {
        let now = Instant(unixSeconds: 2_000)
        func admits(_ letter: Letter, _ change: (inout LetterFilter) -> Void) -> Bool {
            var filter = LetterFilter()
            change(&filter)
            return filter.admits(letter, at: now)
        }
        let one = letter()
        #expect(admits(one) { _ in })
        #expect(admits(one) { $0.code = "handle.rejected" } && !admits(one) { $0.code = "handle.crashed" })
        #expect(admits(one) { $0.handler = "pay" } && !admits(one) { $0.handler = "other" })
        #expect(admits(one) { $0.detailType = NamePattern("Payment.*.v1") })
        #expect(!admits(one) { $0.detailType = NamePattern("Payment.*.v2") })
        #expect(admits(one) { $0.attempts = 3 } && !admits(one) { $0.attempts = 4 })
        #expect(admits(one) { $0.olderThan = .seconds(1_000) } && !admits(one) { $0.olderThan = .seconds(1_001) })
        #expect(admits(one) { $0.youngerThan = .seconds(1_000) } && !admits(one) { $0.youngerThan = .seconds(999) })
        #expect(admits(one) { $0.queue = QueueName("payments") } && !admits(one) { $0.queue = QueueName("other") })
        #expect(admits(letter(queue: "")) { $0.queue = QueueName("payments") })
        #expect(admits(one) { $0.ids = [MessageID("l-1")] } && !admits(one) { $0.ids = [MessageID("l-2")] })
        #expect(!admits(one) { $0.arrivedBy = Instant(unixSeconds: 999) })
        #expect(!admits(one) {
            $0.code = "handle.rejected"
            $0.handler = "other"
        })
    }

    @Test func lettersOfOneCauseAreOneGroupAndTheLargestComesFirst() {
        let groups = LetterGroup.groups(of: [
            letter("dedup.expired", at: 5), letter(at: 30, id: "newest"), letter(at: 10), letter(at: 20),
            letter(type: "Payment.Failed.v1"),
        ])
        #expect(groups.map(\.count) == [3, 1, 1])
        #expect(groups[0].fingerprint.text == "handle.rejected/pay/Payment.Created.v1")
        #expect(groups[0].oldest == Instant(unixSeconds: 10) && groups[0].newest == Instant(unixSeconds: 30))
        #expect(groups[0].example.text == "newest" && groups[0].reason == "at 30")
    }

    @Test func aFingerprintIsReadAsItIsWritten() {
        for fingerprint in [
            LetterFingerprint(code: "handle.rejected", handler: "pay", detailType: "A/B.v1"),
            LetterFingerprint(code: "unknown", handler: "", detailType: ""),
        ] { #expect(LetterFingerprint(fingerprint.text) == fingerprint) }
        for text in ["", "handle.rejected", "a/b", "-/pay/X"] { #expect(LetterFingerprint(text) == nil, "\(text)") }
    }
}
