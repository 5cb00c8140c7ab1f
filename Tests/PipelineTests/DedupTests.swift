import Events
import Testing

@testable import Pipeline

@Suite struct DedupTests {
    private func request(_ name: String = "e", sentAt: Instant = Bench.start, message: String = "m") -> ClaimRequest {
        ClaimRequest(
            consumer: QueueName("q"), messageID: MessageID(message), event: Bench.event(name), handler: Bench.handler,
            businessKey: nil, sentAt: sentAt, rules: AgeRules(maximumAge: .hours(25), window: .days(5)),
            lease: .seconds(30))
    }

    private func row(
        _ state: Dedup.Row.State, match: Dedup.Row.Match = .eventID, payload: String = "e", source: String = "s",
        message: String = "m", attempts: Int = 2
    ) -> Dedup.Row {
        Dedup.Row(
            match: match, state: state, messageID: MessageID(message),
            payloadDigest: Bench.event(payload).payloadDigest, source: source, detailType: "t", resource: "",
            history: History(attempts: attempts, firstSeen: Bench.start),
            failure: state == .dead ? Failure(.handleRejected) : nil)
    }

    private func judge(
        _ rows: [Dedup.Row], _ request: ClaimRequest, permit: Permit? = nil, behind blocker: EventID? = nil,
        at now: Instant = Bench.start
    ) -> String {
        switch Dedup.judge(rows, for: request, permitted: permit, behind: blocker, at: now) {
        case .grant(let history): "grant \(history.attempts)"
        case .done: "done"
        case .inFlight: "in flight"
        case .dead(let failure): "dead \(failure.code.rawValue)"
        case .refuse(let failure): failure.code.rawValue
        }
    }

    @Test func aNewEventIsGranted() { #expect(judge([], request()) == "grant 0") }
    @Test func aRetriedEventKeepsItsCount() { #expect(judge([row(.retry)], request()) == "grant 2") }
    @Test func aDoneEventIsADuplicate() { #expect(judge([row(.done)], request()) == "done") }
    @Test func aClaimedEventIsInFlight() { #expect(judge([row(.claimed)], request()) == "in flight") }

    @Test func doneWinsOverEverything() {
        #expect(judge([row(.dead), row(.done, match: .businessKey)], request()) == "done")
        #expect(judge([row(.claimed), row(.done, match: .businessKey)], request()) == "done")
    }

    @Test func theSameMessageOfADeadEventFinishesItsLetterAndAnotherIsAFreshStart() {
        #expect(judge([row(.dead)], request()) == "dead handle.rejected")
        #expect(judge([row(.dead)], request(message: "redriven")) == "grant 0")
    }

    @Test func aTokenUnderAnotherLabelIsAConflictAndUnderTheSameADuplicate() {
        #expect(judge([row(.done, match: .tokenDigest, source: "other")], request()) == "dedup.conflict")
        #expect(judge([row(.retry, match: .tokenDigest, source: "other")], request()) == "dedup.conflict")
        #expect(judge([row(.done, match: .tokenDigest)], request()) == "done")
    }

    @Test func aBusinessKeyWithAnotherPayloadConflictsWithDoneRowsAlone() {
        #expect(judge([row(.done, match: .businessKey, payload: "x")], request()) == "dedup.conflict")
        #expect(judge([row(.retry, match: .businessKey, payload: "x")], request()) == "grant 0")
    }

    @Test func aPermitPassesAllButWhatIsInFlight() {
        let permit = Permit(consumer: QueueName("q"), event: "e", until: Bench.start + .hours(24))
        let late = Bench.start + .days(30)
        for rows in [
            [], [row(.done)], [row(.dead)], [row(.done, payload: "x")], [row(.done, match: .businessKey, payload: "x")],
            [row(.done, match: .tokenDigest, source: "other")], [row(.retry)],
        ] {
            #expect(judge(rows, request(sentAt: late), permit: permit, at: late) == "grant 0", "\(rows)")
        }
        #expect(judge([row(.claimed)], request(), permit: permit) == "in flight")
        #expect(judge([row(.done), row(.claimed, match: .businessKey)], request(), permit: permit) == "in flight")
    }

    @Test func aRunUnderAPermitThatIsTriedAgainGoesOnWithItsCount() {
        let begun = Permit(consumer: QueueName("q"), event: "e", until: Bench.start + .hours(24), isBegun: true)
        #expect(judge([row(.done)], request(), permit: begun) == "grant 2")
        #expect(judge([row(.done, payload: "x")], request(), permit: begun) == "grant 2")
        #expect(judge([row(.done, match: .tokenDigest)], request(), permit: begun) == "grant 2")
        #expect(judge([row(.done, match: .tokenDigest, source: "other")], request(), permit: begun) == "grant 0")
        #expect(judge([row(.done, match: .businessKey)], request(), permit: begun) == "grant 0")
    }

    @Test func whatWouldRunStandsBehindTheEventThatItsGroupIsParkedBehind() {
        let other = EventID(issuer: "i", text: "first")
        let permit = Permit(consumer: QueueName("q"), event: "e", until: Bench.start + .hours(24))
        #expect(judge([], request(), behind: other) == "dedup.parked")
        #expect(judge([row(.retry)], request(), behind: other) == "dedup.parked")
        #expect(judge([row(.done)], request(), permit: permit, behind: other) == "dedup.parked")
        #expect(judge([row(.done)], request(), behind: other) == "done")
        #expect(judge([row(.claimed)], request(), behind: other) == "in flight")
        #expect(judge([row(.dead)], request(), behind: other) == "dead handle.rejected")
        #expect(judge([row(.dead)], request(message: "redriven"), behind: request().event.id) == "grant 0")
    }

    @Test func oneIdWithTwoPayloadsIsAConflict() {
        #expect(judge([row(.done, payload: "x")], request()) == "dedup.conflict")
    }

    @Test func onlyAnEventWithoutARowIsTooOld() {
        let late = Bench.start + .hours(25) + .milliseconds(1)
        #expect(judge([], request(sentAt: Bench.start + .hours(25)), at: late) == "grant 0")
        #expect(judge([], request(sentAt: late), at: late) == "dedup.expired")
        #expect(judge([row(.retry)], request(sentAt: late), at: late) == "grant 2")
        // A backlog makes nothing too old while the ledger could still know it.
        #expect(judge([], request(), at: Bench.start + .days(5)) == "grant 0")
        #expect(judge([], request(), at: Bench.start + .days(5) + .milliseconds(1)) == "dedup.expired")
    }

    /// Dead-lettered, its delete lost, redriven and done; its letter redriven again after the row is gone: paid once.
    @Test func aRedriveAfterTheWindowIsNotPaidTwice() {
        #expect(judge([row(.dead)], request(message: "redriven")) == "grant 0")
        #expect(judge([row(.done)], request(message: "redriven again")) == "done")
        let after = Bench.start + .days(20)
        #expect(judge([], request(sentAt: after, message: "redriven too late"), at: after) == "dedup.expired")
    }
}
