/// The fake host keeps the contract as the sidecar does.

import HandlerTesting
import Kit
import Testing

/// Counts what it has seen, and asks to be woken.
private struct Counter: Handler {
    static let id = "counter"
    static let routes = [Route("a.source", "A.Type.v1")]
    static let publishes = [Route("out", "Out.v1")]
    init(config: JSON) throws {}

    func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        let before = try host.get("count").map { Int(String(decoding: $0.value, as: UTF8.self)) ?? 0 } ?? 0
        try host.put("count", Array(String(before + 1).utf8), ifVersion: .any, timeToLive: nil)
        host.log(.info, "counted", ["to": String(before + 1)])
        host.count("events", ["kind": "a"])
        switch event.detail["/do"] {
        case "retry": return .retry(Reason("counter.later"))
        case "publish": try host.publish(Draft(Route("out", "Out.v1"), detail: [:]))
        case "fill": for key in 0..<40 { try host.put("key-\(key)", [], ifVersion: .any, timeToLive: nil) }
        case "wake":
            let time = Timestamp(milliseconds: event.signedAt.milliseconds + 1_000)
            try host.setTimer("alarm", at: time, detail: ["do": "publish"])
        case "brief": try host.put("brief", [], ifVersion: .absent, timeToLive: .seconds(1))
        default: break
        }
        return .done
    }
}

@Suite struct FakeHostTests {
    let host = FakeHost()
    private let handler: Counter

    init() throws { handler = try Counter(config: [:]) }

    @discardableResult
    private func run(_ command: String) -> Outcome { host.run(handler, "A.Type.v1", ["do": .string(command)]) }

    @Test func effectsAreKeptIfAndOnlyIfTheAnswerIsDone() {
        #expect(run("retry").code == "counter.later")
        #expect(host.state.isEmpty && host.logLines == ["counted to=1"] && host.counts == ["events": 1])
        #expect(run("publish") == .done)
        #expect(host.text("count") == "1" && host.published.count == 1)
        #expect(host.measurements.last?.labels == ["kind": "a"])
    }

    @Test func whatTheOperatorDoesNotAllowIsDenied() {
        host.allowed = []
        #expect(run("publish") == .retry(Reason("host.denied")))
        #expect(host.published.isEmpty && host.state.isEmpty)
    }

    @Test func whoLosesARaceRunsAgainAndSeesTheWinner() {
        run("count")
        host.interfere(with: "count", "10")
        #expect(run("count") == .done)
        #expect(host.text("count") == "11" && host.answers.count == 2)
    }

    @Test func aRaceForAnotherKeyIsNone() {
        host.interfere(with: "other", "x")
        #expect(run("count") == .done && host.logLines.count == 1)
    }

    @Test func timersFireWhenTheyAreDueAndOnce() {
        run("wake")
        let due = Timestamp(milliseconds: host.now.milliseconds + 1_000)
        #expect(host.fireTimers(of: handler, until: Timestamp(milliseconds: due.milliseconds - 1)).isEmpty)
        #expect(host.fireTimers(of: handler, until: due) == [.done])
        #expect(host.published.count == 1 && host.timers.isEmpty)
        #expect(host.fireTimers(of: handler, until: due).isEmpty)
    }

    @Test func anEventThatIsOverGetsNothing() {
        host.remaining = .zero
        #expect(run("count").code == "handle.unanswered")
        #expect(host.state.isEmpty)
    }

    @Test func theLimitsOfOneEventHold() {
        #expect(run("fill") == .retry(Reason("host.too-large")))
    }

    @Test func whatHasOutlivedItselfIsGone() {
        run("brief")
        #expect(host.text("brief") == "")
        host.now = Timestamp(milliseconds: host.now.milliseconds + 1_001)
        #expect(host.text("brief") == nil)
    }
}
