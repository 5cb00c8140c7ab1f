import Events
import Pipeline
import Testing

@testable import Plugins

/// Who is tried on what, and when a canary is over: rules without a worker.
@Suite struct TrialRulesTests {
    private static let start = Instant(unixSeconds: 1_790_000_000)
    private static let options = TrialOptions(kind: .canary, plugin: "p", margin: 500, leastEvents: 100)

    @Test(arguments: [(5, false), (6, true)])
    func overTheMarginAfterEnoughEventsItIsOver(failures: Int, isOver: Bool) {
        var canary = Canary(Self.options)
        canary.note(serving: 0, of: 900, at: Self.start)
        #expect((canary.note(trial: failures, of: 100, at: Self.start) != nil) == isOver)
    }

    @Test(arguments: [(15, false), (16, true)])
    func theServingBuildsOwnFailuresAreAllowedFor(failures: Int, isOver: Bool) {
        var canary = Canary(Self.options)
        canary.note(serving: 90, of: 900, at: Self.start)
        #expect((canary.note(trial: failures, of: 100, at: Self.start) != nil) == isOver)
    }

    @Test func beforeEnoughEventsOnlyTheEndOfTheWindowJudges() {
        var canary = Canary(Self.options)
        #expect(canary.note(trial: 50, of: 99, at: Self.start) == nil)
        #expect(canary.note(trial: 0, of: 0, at: Self.start + .minutes(5) - .milliseconds(1)) == nil)
        #expect(canary.note(trial: 0, of: 0, at: Self.start + .minutes(5)) != nil)
    }

    @Test func aNewWindowBeginsWithNothing() {
        var canary = Canary(Self.options)
        #expect(canary.note(trial: 1, of: 100, at: Self.start) == nil)
        #expect(canary.note(trial: 0, of: 1, at: Self.start + .minutes(5)) == nil)
        #expect(canary.trial == .init())
        #expect(canary.note(trial: 50, of: 99, at: Self.start + .minutes(6)) == nil)
    }

    @Test func theShareIsKeptAndOneKeyStaysWithOneBuild() throws {
        let shared = try trial(share: 2_500, keys: ["/key"])
        let ids = (0..<4_000).filter { shared.takes(assignment("e-\($0)", key: "k-\($0)"), isAlone: false) }
        #expect((900...1_100).contains(ids.count), "\(ids.count) of 4,000 at a quarter")
        let picks = Set((0..<50).map { shared.takes(assignment("e-\($0)", key: "one"), isAlone: false) })
        #expect(picks.count == 1)
    }

    @Test func aCanaryGetsFirstRunsInCompanyAlone() throws {
        let all = try trial(share: 10_000)
        #expect(all.takes(assignment("e"), isAlone: false))
        #expect(!all.takes(assignment("e", attempt: 2), isAlone: false))
        #expect(!all.takes(assignment("e"), isAlone: true))
    }

    @Test func whatFailedInACanaryRunsInTheServingBuildNextAtOnce() throws {
        let all = try trial(share: 10_000)
        let events = ["a", "b", "c", "d"].map { EventID(issuer: "issuer", text: $0) }
        let no = Reason(code: "no", detail: "")
        let ran: [Outcome] = [.done(.none), .reject(no), .wait(after: nil, no), .suspect]
        let (outcomes, end) = all.trialRan(ran, of: events, at: Self.start)
        #expect(end == nil)
        #expect(outcomes.map(name) == ["done", "unanswered", "wait", "unanswered"])
        #expect(["a", "b", "c", "d"].map { all.takes(assignment($0), isAlone: false) } == [true, false, true, false])
    }

    @Test func aCanaryThatIsOverTakesNothing() throws {
        let all = try trial(share: 10_000)
        let ids = (0..<100).map { EventID(issuer: "i", text: "e-\($0)") }
        let (_, end) = all.trialRan(ids.map { _ in .unanswered }, of: ids, at: Self.start)
        #expect(end?.code == .pluginRolledBack)
        #expect(all.isOver && !all.takes(assignment("new"), isAlone: false))
        #expect(all.trialRan([.unanswered], of: [ids[0]], at: Self.start).1 == nil, "said once")
    }

    // MARK: - differences

    private static let write = StateWrite(key: Bytes("k"), value: Bytes("1"), expected: 3)
    private static let draft = Draft(
        source: "s", detailType: "A.v1", resource: "", correlationID: "", detail: Bytes("{}"))
    private static let timer = TimerChange(key: Bytes("t"), at: start, detail: Bytes("{}"))
    private static let whole = Effects(writes: [write], drafts: [draft], timers: [timer])

    @Test func theSameEffectsAreTheSameWhateverVersionsAndMomentsTheySaw() {
        let later = TimerChange(key: Bytes("t"), at: Self.start + .seconds(5), detail: Bytes("{}"))
        let other = Effects(
            writes: [StateWrite(key: Bytes("k"), value: Bytes("1"), expected: 9)], drafts: [Self.draft],
            timers: [later])
        #expect(Difference(serving: .done(Self.whole), trial: .done(other)) == nil)
        let no = Reason(code: "no", detail: "one way")
        #expect(Difference(serving: .reject(no), trial: .reject(Reason(code: "no", detail: "another"))) == nil)
    }

    @Test(arguments: [
        (Effects(drafts: [draft], timers: [timer]), TrialResult.state, "1 are missing"),
        (Effects(writes: [.init(key: Bytes("k"), value: Bytes("2"), expected: 3)], drafts: [draft], timers: [timer]),
            .state, "1 have another value"),
        (Effects(writes: [write], timers: [timer]), .publish, "published nothing instead of A.v1"),
        (Effects(writes: [write], drafts: [draft]), .timer, "set 0 timers"),
    ])
    func eachDifferenceIsNamedWithoutItsContent(effects: Effects, result: TrialResult, words: String) throws {
        let difference = try #require(Difference(serving: .done(Self.whole), trial: .done(effects)))
        #expect(difference.result == result)
        #expect(difference.explanation.contains(words), "\(difference.explanation)")
    }

    @Test func anotherAnswerAndNoAnswerAreDifferences() throws {
        let no = Reason(code: "no", detail: "")
        let answer = Difference(serving: .done(.none), trial: .reject(no))
        #expect(answer?.result == .outcome && answer?.explanation == "done became reject no")
        #expect(Difference(serving: .reject(no), trial: .suspect)?.result == .failed)
        #expect(Difference(serving: .done(.none), trial: .unanswered)?.result == .failed)
    }

    // MARK: -

    private func trial(share: Int, keys: [String] = []) throws -> Trial {
        var options = Self.options
        options.share = share
        return Trial(options, of: HandlerID("h"), keys: try BusinessKey(keys), templates: try StateKeys([]))
    }

    private func assignment(_ id: String, key: String = "", attempt: Int = 1) -> Assignment {
        let whole = TestHost.assignment(id, "{\"key\":\"\(key)\"}", fence: 1)
        return Assignment(
            event: whole.event, lease: whole.lease, attempt: attempt, deliveries: 1, group: nil, sentAt: Self.start)
    }

    private func name(_ outcome: Outcome) -> String {
        switch outcome {
        case .done: "done"
        case .wait: "wait"
        case .unanswered: "unanswered"
        default: "other"
        }
    }
}
