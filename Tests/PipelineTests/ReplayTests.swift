import Events
import Synchronization
import Testing

@testable import Pipeline

/// Recorded events in their handlers again: a record, a handler and a ledger in memory.
@Suite struct ReplayTests {
    private let stage = Theatre()

    private func replay(applies: Bool = false, atMost: Int = 100) async throws -> ReplayReport {
        var plan = ReplayPlan()
        (plan.applies, plan.atMost, plan.rate) = (applies, atMost, 10)
        let query = ReplayQuery(from: Bench.start, to: Bench.start + .hours(1))
        return try await Replayer(stage.surroundings).replay(query, plan, by: "by ops: why")
    }

    @Test func inShadowEachRunsAloneAndNothingIsClaimedOrCommitted() async throws {
        stage.record("a", .done)
        stage.record("b", .reject, answer: .done(Effects(drafts: [Theatre.draft])))
        stage.record("c", .done, answer: .retry(after: nil, Reason(code: "bank", detail: "closed")))
        let report = try await replay()
        #expect(report.events.map(\.word) == [.done, .done, .retry])
        #expect(report.events.map(\.differs) == [false, true, true])
        #expect(report.events[1].effects.drafts == [Theatre.draft])
        #expect(report.events[2].code == "bank" && report.events[2].cause == "closed")
        #expect(stage.batches.map { $0.assignments.count } == [1, 1, 1] && stage.batches.allSatisfy(\.isAlone))
        #expect(Set(stage.batches.map { $0.assignments[0].lease }).count == 3)
        #expect(stage.claimed.isEmpty && stage.committed.isEmpty && stage.permits.isEmpty)
        #expect(report.events.allSatisfy { !$0.isApplied } && report.next == nil)
    }

    @Test func theRateIsKeptAndWhatIsLeftIsNamed() async throws {
        for name in ["a", "b", "c"] { stage.record(name, .done) }
        let start = stage.clock.now
        let first = try await replay(atMost: 2)
        #expect(first.events.count == 2 && first.next == 2)
        #expect(stage.clock.now - start == .milliseconds(100))
        var plan = ReplayPlan()
        plan.deadline = stage.clock.now
        var query = ReplayQuery(from: Bench.start, to: Bench.start + .hours(1))
        let late = try await Replayer(stage.surroundings).replay(query, plan, by: "")
        #expect(late.events.count == 1 && late.next == 1)
        query.after = 2
        #expect(try await Replayer(stage.surroundings).replay(query, ReplayPlan(), by: "").events.count == 1)
    }

    @Test func aDeathAndASilenceAreFailures() async throws {
        stage.record("a", .done, answer: .suspect)
        stage.record("b", .done, answer: .struck(Failure(.handleCrashed, "b", "signal 11")))
        stage.record("c", .failed, answer: .unanswered)
        let report = try await replay()
        #expect(report.events.map(\.word) == [.failed, .failed, .failed])
        #expect(report.events.map(\.differs) == [true, true, false])
    }

    @Test func aHandlerThatIsGoneIsSkipped() async throws {
        stage.record("a", .done, handler: "gone")
        let report = try await replay()
        #expect(report.events.map(\.word) == [.skipped] && report.events[0].code == "api.unsupported")
        #expect(!report.events[0].differs && stage.batches.isEmpty)
    }

    @Test func appliedWhatIsDoneIsCommittedUnderAPermit() async throws {
        stage.record("a", .done, answer: .done(Effects(drafts: [Theatre.draft])))
        let report = try await replay(applies: true)
        #expect(report.events.map(\.isApplied) == [true])
        #expect(stage.permits == ["a until +24h: a replay, by ops: why"])
        #expect(stage.committed.count == 1 && stage.released.isEmpty)
    }

    @Test(arguments: [Outcome.retry(after: nil, Reason(code: "x")), .reject(Reason(code: "x")), .unanswered])
    func appliedWhatIsNotDoneLeavesNothingBehind(outcome: Outcome) async throws {
        stage.record("a", .done, answer: outcome)
        let report = try await replay(applies: true)
        #expect(report.events.map(\.isApplied) == [false])
        #expect(stage.committed.isEmpty && stage.released.count == 1)
        #expect(stage.permits.last == "a taken back")
    }

    @Test func appliedWhatIsInFlightIsLeftAlone() async throws {
        stage.record("a", .done)
        stage.answers(.inFlight)
        let report = try await replay(applies: true)
        #expect(report.events.map(\.word) == [.skipped] && report.events[0].code == "dedup.in-flight")
        #expect(stage.batches.isEmpty && stage.permits.last == "a taken back")
    }

    @Test(arguments: [
        (JournalEntry.Outcome.done, "", ReplayWord.done), (.dead, "handle.rejected", .reject),
        (.dead, "handle.exhausted", .retry), (.dead, "handle.crashed", .failed), (.retry, "handle.retried", .retry),
        (.retry, "handle.crashed", .failed), (.dead, "handle.waiting", .wait),
    ])
    func theJournalsWordIsTheRunsWord(outcome: JournalEntry.Outcome, code: String, word: ReplayWord) {
        #expect(ReplayWord(outcome, code: code) == word)
        #expect(ReplayWord(.duplicate, code: "") == nil && ReplayWord(.refused, code: "dedup.expired") == nil)
    }
}

/// Everything that a replay asks of the world.
private final class Theatre: EventRecords, Rehearsal, HandlerHost, Ledger, LedgerControl, BusinessKeys {
    private struct State {
        var events: [RecordedEvent] = []
        var outcomes: [String: Outcome] = [:]
        var batches: [Batch] = []
        var claimed: [ClaimRequest] = []
        var committed: [Commitment] = []
        var released: [Lease] = []
        var permits: [String] = []
        var isInFlight = false
    }
    enum Answer { case inFlight }
    private let state = Mutex(State())
    let clock = SleepersClock()
    static let draft = Draft(source: "s", detailType: "t", resource: "r", correlationID: "", detail: Bytes("{}"))

    var batches: [Batch] { state.withLock { $0.batches } }
    var claimed: [ClaimRequest] { state.withLock { $0.claimed } }
    var committed: [Commitment] { state.withLock { $0.committed } }
    var released: [Lease] { state.withLock { $0.released } }
    var permits: [String] { state.withLock { $0.permits } }

    var surroundings: Replayer.Surroundings {
        Replayer.Surroundings(
            records: self, rehearsal: self, host: self, ledger: self, control: self,
            stage: { handler in
                guard handler == Bench.handler else { return .failure(Failure(.apiUnsupported, handler.text)) }
                return .success(ReplayStage(generation: 1, keys: self, deadline: .seconds(5)))
            }, clock: clock, sleep: { [clock] in clock.sleep($0) })
    }

    func record(
        _ name: String, _ word: ReplayWord, handler: String = Bench.handler.text, answer: Outcome = .done(.none)
    ) {
        state.withLock { state in
            state.outcomes[name] = answer
            state.events.append(
                RecordedEvent(
                    number: Int64(state.events.count + 1), event: Bench.event(name), queue: QueueName("q"),
                    message: MessageID("m-\(name)"), handler: HandlerID(handler), sentAt: Bench.start, word: word,
                    code: ""))
        }
    }

    func answers(_ answer: Answer) { state.withLock { $0.isInFlight = answer == .inFlight } }

    func page(_ query: ReplayQuery, atMost count: Int) async throws(Failure) -> RecordedPage {
        let events = state.withLock { $0.events.filter { $0.number > query.after } }
        var page = RecordedPage()
        page.events = Array(events.prefix(count))
        page.next = events.count > count ? page.events.last?.number : nil
        return page
    }

    func rehearse(_ batch: Batch) async throws(Failure) -> [Outcome] { try await run(batch) }

    func run(_ batch: Batch) async throws(Failure) -> [Outcome] {
        state.withLock { state in
            state.batches.append(batch)
            return batch.assignments.map { state.outcomes[$0.event.id.text] ?? .unanswered }
        }
    }

    func revoke(_ lease: Lease) {}

    func businessKey(of event: Event, for handler: HandlerID) -> Result<Digest?, Failure> { .success(nil) }

    func claim(_ requests: [ClaimRequest], at now: Instant) async throws(Failure) -> [Claim] {
        state.withLock { state in
            state.claimed += requests
            if state.isInFlight { return [.inFlight] }
            return [.granted(Lease(fence: UInt64(state.claimed.count)), History(firstSeen: now))]
        }
    }

    func renew(_ leases: [Lease], until: Instant) async -> [Bool] { leases.map { _ in true } }
    func release(_ leases: [Lease]) async { state.withLock { $0.released += leases } }
    func refuse(_ refusals: [Refusal], at now: Instant) async throws(Failure) {}

    func commit(_ commitments: [Commitment], at now: Instant) async throws(Failure) -> [CommitResult] {
        state.withLock { $0.committed += commitments }
        return commitments.map { _ in .committed }
    }

    func permit(_ permits: [Permit], _ entries: [JournalEntry]) async throws(Failure) {
        let now = clock.now
        state.withLock { state in
            for permit in permits {
                let isOver = permit.until <= now
                let words = "\(permit.event) until +\((permit.until - now).hours)h: \(entries.first?.cause ?? "")"
                state.permits.append(isOver ? "\(permit.event) taken back" : words)
            }
        }
    }

    func permits(for event: String, at now: Instant) async throws(Failure) -> [Permit] { [] }
    func parkedGroups(at now: Instant) async throws(Failure) -> [ParkedGroup] { [] }
    func free(_ group: String, of consumer: QueueName, _ entry: JournalEntry) async throws(Failure) -> Bool { false }
}

extension Duration {
    fileprivate var hours: Int64 { components.seconds / 3_600 }
}
