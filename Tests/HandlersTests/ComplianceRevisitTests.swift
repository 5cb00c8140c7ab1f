/// Open payments whose user changes: what is decided again, what is not, and that each decision is audited.

import Compliance
import Kit
import Testing
import Vocabulary

@Suite struct ComplianceRevisitTests {
    let bench: ComplianceBench

    init() throws {
        bench = try ComplianceBench()
        #expect(bench.user("U-1") == "cleared")
        #expect(bench.user("U-2") == "cleared")
    }

    private func bench(_ revisit: String) throws -> ComplianceBench {
        let config = ComplianceBench.config.replacing(
            #""remember": "30d""#, with: #""remember": "30d", "revisit": \#(revisit)"#)
        let bench = try ComplianceBench(config)
        bench.user()
        return bench
    }

    /// What the user's second word says, and what comes of an open payment.
    enum Change: String, CaseIterable {
        case sanctioned, rejected, closed, similar, expired, elsewhere, better, moved

        var expected: [String] {
            switch self {
            case .sanctioned: ["P-1 blocked user-blocked"]
            case .rejected: ["P-1 blocked user-rejected"]
            case .closed: ["P-1 blocked user-closed"]
            case .similar: ["P-1 review user-under-review"]
            case .expired: ["P-1 review user-not-verified"]
            // Blocked for the country, and so is the user who lives there.
            case .elsewhere: ["P-1 blocked country-blocked user-blocked"]
            case .better, .moved: []
            }
        }
    }

    @Test(arguments: Change.allCases) func anOpenPaymentIsDecidedAgainWhereItsUserGetsWorse(change: Change) {
        #expect(bench.payment() == "cleared")
        switch change {
        case .sanctioned: bench.user(revision: 2, name: "Jose Muller")
        case .rejected: bench.user("U-1", "rejected", revision: 2)
        case .closed: bench.user(revision: 2, status: "closed")
        case .similar: bench.user(revision: 2, name: "Jose Mulle")
        case .expired: bench.user("U-1", "expired", revision: 2)
        case .elsewhere: bench.user(revision: 2, country: "XA")
        case .better: bench.user(revision: 2, status: "active")
        case .moved: bench.user(revision: 2, country: "XC")
        }
        #expect(bench.lookAgain() == change.expected)
        #expect(bench.lookAgain() == [])
    }

    @Test func aClosedUserIsBlockedAndAnActiveOneIsNot() {
        bench.user("U-3", status: "closed")
        #expect(bench.payment("P-1", user: "U-3") == "blocked user-closed")
        bench.user("U-4", status: "active")
        #expect(bench.payment("P-2", user: "U-4") == "cleared")
    }

    @Test func theOtherDecisionNamesBothInputsAndIsKeptBesideTheFirst() throws {
        bench.payment()
        bench.user("U-1", "rejected", revision: 2)
        #expect(bench.lookAgain() == ["P-1 blocked user-rejected"])
        let draft = try #require(bench.host.published.last)
        #expect(draft.detailType == "Compliance.Blocked.v1" && draft.resource == "urn:qsl:compliance:payment:P-1")
        #expect(draft.detail[.paymentID] == "P-1" && draft.detail[.userID] == "U-1" && draft.detail[.revision] == 2)
        #expect(draft.detail["/inputs/eventId"] == "E-P-1" && draft.detail["/cause/eventId"] == "E-U-1-2")
        #expect(draft.detail[.version] == "2026-11" && draft.detail[.rule] == "user-rejected")
        let first = try #require(bench.host.text("decision:payment:P-1"))
        let second = try #require(bench.host.text("decision:payment:P-1:2"))
        #expect(first.contains(#""verdict":"clear""#) && second.contains(#""verdict":"block""#))
        #expect(bench.host.counts["decided_again"] == 1)
    }

    @Test(arguments: [Route.paymentSettled, .paymentFailed, .paymentReleased])
    func whatIsOverIsNotDecidedAgain(route: Route) {
        bench.payment("P-1")
        bench.payment("P-2")
        #expect(bench.end("P-1", route) == "nothing")
        bench.user(revision: 2, status: "closed")
        #expect(bench.lookAgain() == ["P-2 blocked user-closed"])
    }

    @Test func whatEndedBeforeItWasInitiatedIsNotDecidedAgain() {
        bench.end()
        #expect(bench.payment() == "cleared")
        bench.user(revision: 2, status: "closed")
        #expect(bench.lookAgain() == [])
    }

    @Test func whatIsBlockedIsNotDecidedAgain() {
        #expect(bench.payment(amount: "99999").hasPrefix("blocked"))
        bench.user(revision: 2, status: "closed")
        #expect(bench.lookAgain() == [])
    }

    @Test func othersPaymentsStayAsTheyAre() {
        bench.payment("P-1", user: "U-2")
        bench.user(revision: 2, status: "closed")
        #expect(bench.lookAgain() == [])
    }

    @Test func aReviewMayBecomeABlockAndNothingMilder() {
        bench.payment()
        bench.user("U-1", "expired", revision: 2)
        #expect(bench.lookAgain() == ["P-1 review user-not-verified"])
        bench.user("U-1", "pending", revision: 3)
        bench.user("U-1", "verified", revision: 4)
        #expect(bench.lookAgain() == [])
        bench.user("U-1", "rejected", revision: 5)
        #expect(bench.lookAgain() == ["P-1 blocked user-rejected"])
    }

    @Test func aLateWordOnAUserChangesNothing() {
        bench.user("U-1", "verified", revision: 3)
        bench.payment()
        bench.user("U-1", "rejected", revision: 2)
        #expect(bench.lookAgain() == [])
    }

    @Test func fromBlockOnReviewsAreNotSaid() throws {
        let bench = try bench(#"{"from": "block"}"#)
        bench.payment()
        bench.user("U-1", "expired", revision: 2)
        #expect(bench.lookAgain() == [])
        bench.user("U-1", "rejected", revision: 3)
        #expect(bench.lookAgain() == ["P-1 blocked user-rejected"])
    }

    @Test func neverIsNever() throws {
        let bench = try bench(#"{"from": "never"}"#)
        bench.payment()
        bench.user("U-1", "rejected", revision: 2)
        #expect(bench.lookAgain() == [])
        #expect(bench.host.state.keys.allSatisfy { !$0.hasPrefix("open:") && !$0.hasPrefix("payment:") })
    }

    @Test func aPaymentIsOpenSoLongAndNoLonger() throws {
        for (hour, expected) in [(48, ["P-1 blocked user-closed"]), (49, [])] {
            let bench = try bench(#"{"within": "48h"}"#)
            bench.payment()
            bench.user(revision: 2, status: "closed", hour: hour)
            #expect(bench.lookAgain() == expected, "after \(hour) hours")
        }
    }

    /// Few decisions fit into one event: the rest comes with further timers, and all of them at last.
    @Test func manyOpenPaymentsAreAllDecidedAgain() throws {
        let bench = try ComplianceBench(
            ComplianceBench.config.replacing(#""count": 3, "amounts""#, with: #""count": 200, "amounts""#))
        bench.user()
        for number in 1...30 { #expect(bench.payment("P-\(number)", amount: "1") == "cleared") }
        bench.user(revision: 2, status: "closed")
        let again = bench.lookAgain()
        #expect(again == (1...30).map { "P-\($0) blocked user-closed" })
    }

    @Test func aPaymentTooManyToBeFollowedIsReviewed() throws {
        let bench = try ComplianceBench(
            ComplianceBench.config.replacing(#""count": 3, "amounts""#, with: #""count": 200, "amounts""#))
        bench.user()
        for number in 1...OpenPayments.most {
            // An hour between two, so that no window holds too many.
            #expect(bench.payment("P-\(number)", amount: "1", hour: number) == "cleared")
        }
        #expect(bench.payment("P-257", amount: "1", hour: 257) == "review not-followed")
        bench.end("P-1", hour: 258)
        #expect(bench.payment("P-258", amount: "1", hour: 259) == "cleared")
    }
}
