/// Compliance under hostile delivery: every piece of work is decided once, and audited once.

import Compliance
import Kit
import Testing
import Vocabulary

@Suite struct CompliancePropertyTests {
    private static let names = ["Ann Lee", "Jos\u{E9} M\u{FC}ller", "Jose Mulle", "Dan Chen", "Old ACME Trading Ltd"]

    /// A random piece of work, always the same for one number.
    private static func event(_ number: Int, seed: UInt64) -> (work: String, event: Event) {
        var numbers = SeededNumbers(seed: seed &* 1_000_003 &+ UInt64(number))
        let user = "U-\(Int.random(in: 1...4, using: &numbers))"
        let name = names.randomElement(using: &numbers) ?? ""
        let country: JSON = .string(["CH", "XA", "XB"].randomElement(using: &numbers) ?? "")
        let signedAt = ComplianceBench.hour(Int.random(in: 0...72, using: &numbers))
        switch number % 5 {
        case 0:
            let detail = JSON.detail([
                .userID: .string(user), .name: .string(name), .country: country,
                .verification: .string(["verified", "pending", "rejected"].randomElement(using: &numbers) ?? ""),
                .revision: .number(JSON.Number(number + 1)),
                .status: [nil, "active", "closed"].randomElement(using: &numbers) ?? nil,
            ])
            return (
                "user:\(user):\(number + 1)", make(.userUpdated, detail, number, signedAt)
            )
        case 1:
            let detail = JSON.detail([
                .requestID: .string("T-\(number)"), .token: "gold", .from: .string(user), .to: "U-1",
                .quantity: .string("\(Int.random(in: 1...120, using: &numbers))"),
            ])
            return ("token:T-\(number)", make(.tokenTransferRequested, detail, number, signedAt))
        case 2:
            let detail = JSON.detail([
                .requestID: .string("D-\(number)"), .token: "gold", .owner: .string(user),
                .metadata: ["issuer": .string(name)],
            ])
            return ("token:D-\(number)", make(.tokenMetadataRequested, detail, number, signedAt))
        default:
            let detail = JSON.detail([
                .paymentID: .string("P-\(number)"), .userID: .string(user), .currency: "EUR",
                .amount: .string("\(Int.random(in: 1...11_000, using: &numbers)).50"),
                .payer: JSON.detail([.name: .string(name), .country: country]),
                .payee: JSON.detail([.name: "Dan Chen", .country: "CH"]),
            ])
            return ("payment:P-\(number)", make(.paymentInitiated, detail, number, signedAt))
        }
    }

    private static func make(_ route: Route, _ detail: JSON, _ number: Int, _ signedAt: Timestamp) -> Event {
        Event(
            id: "E-\(number)", source: route.source, detailType: route.detailType, detail: detail, signedAt: signedAt)
    }

    /// Repeats, any order, and losses: an attempt that the host fails commits nothing, and comes again.
    private func play(_ work: [Event], _ bench: ComplianceBench, _ numbers: inout SeededNumbers, _ seed: UInt64) {
        var deliveries = (work + work.filter { _ in Bool.random(using: &numbers) }).shuffled(using: &numbers)
        while let event = deliveries.popLast() {
            let isLost = Int.random(in: 0..<5, using: &numbers) == 0
            bench.host.failure = isLost ? .unavailable : nil
            let expected = isLost ? "host.unavailable" : "done"
            #expect(bench.host.run(bench.handler, event).code == expected, "seed \(seed)")
            if isLost { deliveries.insert(event, at: Int.random(in: 0...deliveries.count, using: &numbers)) }
            // A timer that finds no host is tried again later, too.
            if Int.random(in: 0..<3, using: &numbers) == 0 {
                let hour = ComplianceBench.hour(Int.random(in: 0...80, using: &numbers))
                bench.host.fireTimers(of: bench.handler, until: max(bench.host.now, hour))
            }
            bench.host.failure = nil
        }
        bench.host.fireTimers(of: bench.handler, until: ComplianceBench.hour(100))
        #expect(bench.host.timers.isEmpty, "seed \(seed)")
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func eachPieceOfWorkIsDecidedAndAuditedOnce(seed: UInt64) throws {
        let bench = try ComplianceBench()
        var numbers = SeededNumbers(seed: seed)
        let work = (0..<80).map { Self.event($0, seed: seed) }
        play(work.map(\.event), bench, &numbers, seed)
        let firsts = bench.host.published.filter { $0.detail[.cause] == nil }
        let audited = try firsts.map { try $0.detail.string(at: "/inputs/eventId") }
        #expect(audited.sorted() == work.map(\.event.id).sorted(), "seed \(seed)")
        for (work, event) in work {
            let record = try JSON.text(#require(bench.host.text("decision:\(work)"), "seed \(seed)"))
            #expect(record["/inputs/eventID"] == .string(event.id), "seed \(seed)")
            #expect(record[.version] == "2026-11", "seed \(seed)")
        }
        try thePublishedIsTheKept(bench, seed)
    }

    /// Whatever the order of payments, their ends and their user's changes: no payment that is open stays milder than
    /// its user's newest word demands, what is decided again gets worse, and each decision is said once.
    @Test(arguments: 21...44 as ClosedRange<UInt64>)
    func noOpenPaymentIsMilderThanItsUser(seed: UInt64) throws {
        let bench = try ComplianceBench()
        var numbers = SeededNumbers(seed: seed)
        let changes = (1...6).map { revision -> Event in
            let detail = JSON.detail([
                .userID: "U-1", .name: .string(["Ann Lee", "Jose Mulle"].randomElement(using: &numbers) ?? ""),
                .country: "CH", .revision: .number(JSON.Number(revision)),
                .verification: .string(["verified", "pending", "rejected"].randomElement(using: &numbers) ?? ""),
            ])
            return Self.make(.userUpdated, detail, 1_000 + revision, ComplianceBench.hour(revision))
        }
        let payments = (1...8).map { number -> Event in
            let detail = JSON.detail([
                .paymentID: .string("P-\(number)"), .userID: "U-1", .currency: "EUR",
                .amount: .string(number == 8 ? "99999" : "1"), .payer: ["name": "Ann Lee", "country": "CH"],
                .payee: ["name": "Dan Chen", "country": "CH"],
            ])
            return Self.make(.paymentInitiated, detail, number, ComplianceBench.hour(number))
        }
        let ends = [Route.paymentSettled, .paymentFailed, .paymentReleased].enumerated().map { number, route in
            Self.make(
                route, ["paymentId": .string("P-\(number + 1)")], 2_000 + number, ComplianceBench.hour(number + 9))
        }
        play(changes + payments + ends, bench, &numbers, seed)

        let newest = try #require(bench.host.text("user:U-1").map { try JSON.text($0) })
        let verification = try newest.string(at: Field.verification.pointer)
        let demanded: Verdict = verification == "rejected" ? .block
            : verification == "pending" || newest["/verdict"] == "review" ? .review : .clear
        let decisions = try Dictionary(
            grouping: bench.host.published.filter { $0.detail[.paymentID] != nil },
            by: { try $0.detail.text(at: .paymentID) })
        for number in 1...8 {
            let verdicts = try #require(decisions["P-\(number)"], "seed \(seed)").map(Self.verdict)
            #expect(verdicts == Set(verdicts).sorted(), "seed \(seed): each is worse than the one before")
            // The first three have ended, at a moment that the order decides.
            guard number > 3, let last = verdicts.last else { continue }
            #expect(last >= demanded, "seed \(seed)")
        }
        let records = decisions.values.flatMap { $0 }.count
        let kept = bench.host.state.keys.filter { $0.hasPrefix("decision:payment:") }.count
        #expect(records == kept, "seed \(seed)")
    }

    private static func verdict(_ draft: Draft) -> Verdict {
        switch draft.detailType {
        case "Compliance.Cleared.v1": .clear
        case "Compliance.ReviewRequired.v1": .review
        default: .block
        }
    }

    /// What was said is what is kept, and the verdict is the worst of its reasons, or worse by the score.
    private func thePublishedIsTheKept(_ bench: ComplianceBench, _ seed: UInt64) throws {
        for draft in bench.host.published {
            let verdict = Self.verdict(draft)
            let reasons = try draft.detail.array(at: "/reasons").map {
                try #require(Verdict(rawValue: $0.string(at: "/verdict")))
            }
            #expect(verdict >= reasons.max() ?? .clear, "seed \(seed)")
            let score = try draft.detail.integer(at: Field.score.pointer)
            #expect(verdict == .block || score < 100, "seed \(seed)")
            #expect(verdict > .clear || score < 50, "seed \(seed)")
        }
    }

    /// Whatever the order, somebody who sent more than may be cleared within the window has a payment in review.
    @Test(arguments: [11, 12, 13, 14, 15] as [UInt64])
    func noOrderHidesTooMany(seed: UInt64) throws {
        let bench = try ComplianceBench()
        bench.user()
        var numbers = SeededNumbers(seed: seed)
        let hours = (0..<4).map { _ in Int.random(in: 0...23, using: &numbers) }
        let said = hours.enumerated().map { bench.payment("P-\($0)", amount: "1", hour: $1) }
        #expect(said.prefix(3).allSatisfy { $0 == "cleared" } && said[3] == "review too-many", "seed \(seed)")
    }

    /// However many come, what is kept of a user stays small.
    @Test func aUsersActivityIsBounded() {
        var activity = Activity()
        for number in 0..<300 {
            activity = activity.adding(
                Activity.Movement(at: ComplianceBench.hour(number % 7), unit: "EUR", amount: .zero),
                keeping: .seconds(86_400))
        }
        #expect(activity.movements.count == Activity.most)
        #expect(activity.movements.first?.at == ComplianceBench.hour(1))
        let later = Activity.Movement(at: ComplianceBench.hour(24 + 25 + 7), unit: "EUR", amount: .zero)
        let next = activity.adding(later, keeping: .seconds(86_400))
        #expect(next.movements.count == 1)
        let sooner = Activity.Movement(at: ComplianceBench.hour(24 + 25 + 1), unit: "EUR", amount: .zero)
        #expect(activity.adding(sooner, keeping: .seconds(86_400)).movements.count > 1)
    }
}
