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
        switch number % 4 {
        case 0:
            let detail = JSON.detail([
                .userID: .string(user), .name: .string(name), .country: country,
                .verification: .string(["verified", "pending", "rejected"].randomElement(using: &numbers) ?? ""),
                .revision: .number(JSON.Number(number + 1)),
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
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func eachPieceOfWorkIsDecidedAndAuditedOnce(seed: UInt64) throws {
        let bench = try ComplianceBench()
        var numbers = SeededNumbers(seed: seed)
        let work = (0..<80).map { Self.event($0, seed: seed) }
        var deliveries = (work + work.filter { _ in Bool.random(using: &numbers) }).shuffled(using: &numbers)
        while let delivery = deliveries.popLast() {
            if Int.random(in: 0..<5, using: &numbers) == 0 {
                bench.host.failure = .unavailable
                #expect(bench.host.run(bench.handler, delivery.event).code == "host.unavailable", "seed \(seed)")
                bench.host.failure = nil
                deliveries.insert(delivery, at: Int.random(in: 0...deliveries.count, using: &numbers))
            } else {
                #expect(bench.host.run(bench.handler, delivery.event) == .done, "seed \(seed)")
            }
        }
        let audited = try bench.host.published.map { try $0.detail.string(at: "/inputs/eventId") }
        #expect(audited.sorted() == work.map(\.event.id).sorted(), "seed \(seed)")
        for (work, event) in work {
            let record = try JSON.text(#require(bench.host.text("decision:\(work)"), "seed \(seed)"))
            #expect(record["/inputs/eventID"] == .string(event.id), "seed \(seed)")
            #expect(record[.version] == "2026-11", "seed \(seed)")
        }
        try thePublishedIsTheKept(bench, seed)
    }

    /// What was said is what is kept, and the verdict is the worst of its reasons, or worse by the score.
    private func thePublishedIsTheKept(_ bench: ComplianceBench, _ seed: UInt64) throws {
        let verdicts = [
            "Compliance.Cleared.v1": Verdict.clear, "Compliance.ReviewRequired.v1": .review,
            "Compliance.Blocked.v1": .block,
        ]
        for draft in bench.host.published {
            let verdict = try #require(verdicts[draft.detailType])
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
