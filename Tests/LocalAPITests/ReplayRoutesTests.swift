import Events
import Foundation
import JSON
import Pipeline
import Synchronization
import Testing

@testable import LocalAPI

/// What is asked of a replay, as its route reads it.
@Suite struct ReplayRoutesTests {
    private static let now = Instant(unixSeconds: 1_800_000_000)

    private func order(_ body: String) throws -> ReplayOrder { try ReplayOrder(Bytes(body), at: Self.now) }

    @Test func itIsInShadowAndUpToNowUnlessSomebodySaysOtherwise() throws {
        let order = try order(#"{"from":"-1h","to":"2100-01-01T00:00:00Z","handler":"pay","queue":"main","after":7}"#)
        #expect(order.query.from == Self.now - .hours(1) && order.query.to == Self.now)
        #expect(order.query.handler == HandlerID("pay") && order.query.queue == QueueName("main"))
        #expect(order.query.after == 7 && !order.plan.applies && order.plan.atMost == Limits.replayPage)
        #expect(order.plan.rate == Double(Limits.replayRate))
    }

    @Test(arguments: [
        #"{"from":"-1h"}"#, #"{"to":"-1h"}"#, #"{"from":"yesterday","to":"-1h"}"#, "[]",
        #"{"from":"-2h","to":"-1h","apply":1}"#, #"{"from":"-2h","to":"-1h","limit":101}"#,
        #"{"from":"-2h","to":"-1h","rate":0}"#, #"{"from":"-2h","to":"-1h","types":"x"}"#,
        #"{"from":"-2h","to":"-1h","source":7}"#, #"{"from":"-2h","to":"-1h","after":-1}"#,
    ])
    func whatIsNotClearIsNotDone(body: String) throws {
        #expect(throws: Failure.self) { try order(body) }
    }
}

/// Answers with one event, and remembers what it was asked.
final class ScriptedReplays: ReplayOffice {
    func replay(
        _ query: ReplayQuery, _ plan: ReplayPlan, by author: LetterAuthor
    ) async throws(Failure) -> ReplayReport {
        ReplayReport()
    }
}
