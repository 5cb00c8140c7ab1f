/// The treasury under random sequences: repeats, other orders, and losses that are delivered later.

import HandlerTesting
import Kit
import Testing
import Treasury
import Vocabulary

@Suite struct TreasuryPropertyTests {
    struct Step: Hashable {
        let payment: Int
        let name: String
    }

    /// Payments with random terms, and for each a random set of steps, in a random order.
    struct World {
        var numbers: SeededNumbers
        var steps: [Step] = []
        var amounts: [Int] = []
        var directions: [String] = []

        init(seed: UInt64) {
            numbers = SeededNumbers(seed: seed)
            for payment in 0..<16 {
                amounts.append(Int.random(in: 1...40_000, using: &numbers))
                directions.append(Bool.random(using: &numbers) ? "debit" : "credit")
                for name in ["initiated", "authorised", "settled", "failed", "abandoned"] {
                    // Most are initiated; all else is as likely as not.
                    let eighths = name == "initiated" ? 7 : 4
                    let isSent = Int.random(in: 0..<8, using: &numbers) < eighths
                    if isSent { steps.append(Step(payment: payment, name: name)) }
                }
            }
        }

        /// Every step at least once; some are lost at first and come at the end, some are repeated.
        mutating func deliveries() -> [Step] {
            let lost = steps.filter { _ in Int.random(in: 0..<5, using: &numbers) == 0 }
            let repeated = steps.filter { _ in Int.random(in: 0..<3, using: &numbers) == 0 }
            return (steps.filter { !lost.contains($0) } + repeated).shuffled(using: &numbers)
                + lost.shuffled(using: &numbers)
        }

        func cents(_ sum: Int) -> String {
            let digits = String(abs(sum))
            let padded = String(repeating: "0", count: max(0, 3 - digits.count)) + digits
            return (sum < 0 ? "-" : "") + padded.dropLast(2) + "." + padded.suffix(2)
        }

        /// Booked, reserved and held, in cents, by the rules as the README has them.
        var expected: [Int] {
            var sums = [100_000, 0, 0]
            for payment in amounts.indices {
                let names = Set(steps.filter { $0.payment == payment }.map(\.name))
                let isDebit = directions[payment] == "debit"
                guard names.contains("initiated") else { continue }
                if names.contains("settled") {
                    sums[0] += isDebit ? -amounts[payment] : amounts[payment]
                } else if names.isDisjoint(with: ["failed", "abandoned"]), isDebit {
                    sums[names.contains("authorised") ? 2 : 1] += amounts[payment]
                }
            }
            return sums
        }

        /// What a run must leave in the books, whatever the order was.
        func books() -> [Amount?] { expected.map { Amount(cents($0)) } }
    }

    /// - Parameter before: called before each step
    private func play(
        _ deliveries: [Step], of world: World, hours: Int = 0, before: (TreasuryBench) -> Void = { _ in }
    ) throws -> TreasuryBench {
        let bench = try TreasuryBench()
        for step in deliveries {
            before(bench)
            let outcome = bench.run(
                step.name, id: "P-\(step.payment)", amount: world.cents(world.amounts[step.payment]),
                direction: world.directions[step.payment])
            #expect(outcome == .done)
            if hours > 0 { bench.fire(after: .seconds(hours * 3_600)) }
        }
        return bench
    }

    private func books(of bench: TreasuryBench) throws -> [Amount?] {
        let position = try #require(try bench.position())
        return [position.booked, position.reserved, position.held]
    }

    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func theBooksAreTheSumOfThePaymentsInAnyOrder(seed: UInt64) throws {
        var world = World(seed: seed)
        for _ in 0..<3 {
            let bench = try play(world.deliveries(), of: world)
            #expect(try books(of: bench) == world.books(), "seed \(seed)")
        }
    }

    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func everyDayBalancesAndIsReportedOnce(seed: UInt64) throws {
        var world = World(seed: seed)
        let bench = try play(world.deliveries(), of: world, hours: 5)
        bench.fire(after: .seconds(3 * 86_400))
        #expect(try books(of: bench) == world.books(), "seed \(seed)")
        let reports = bench.host.published.filter { $0.detailType.hasPrefix("Settlement.") }.map(\.detail)
        #expect(Set(reports.map { $0["/day"] }).count == reports.count, "seed \(seed)")
        var balance = try #require(Amount("1000"))
        for report in reports {
            #expect(try report.amount(at: "/opening") == balance, "seed \(seed)")
            balance = try balance + report.amount(at: "/credits") - report.amount(at: "/debits")
            #expect(try report.amount(at: "/closing") == balance, "seed \(seed)")
            #expect(!(report["/exceptions"]?.description.contains("books-differ") ?? false), "seed \(seed)")
        }
        #expect(try bench.position()?.booked == balance, "seed \(seed)")
        #expect(bench.host.timers.isEmpty, "seed \(seed)")
    }

    /// What banks say of the days, some in time and some late, some right and some wrong by a cent, each once or twice.
    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func everyStatementIsAnsweredOnceAndChangesNoBooks(seed: UInt64) throws {
        var world = World(seed: seed)
        let deliveries = world.deliveries()
        let plain = try play(deliveries, of: world, hours: 5)
        plain.fire(after: .seconds(3 * 86_400))
        var numbers = SeededNumbers(seed: seed &+ 77)
        var isRight: [String: Bool] = [:]
        var early: [String: JSON] = [:]
        var late: [String: JSON] = [:]
        for report in plain.host.published.map(\.detail) where report[.basis] != nil {
            let day = try report.text(at: .day)
            let isOff = Bool.random(using: &numbers)
            let cent = try #require(Amount(isOff ? "0.01" : "0"))
            let statement = TreasuryBench.statement(
                [
                    .opening: report[.opening], .debits: try (report.decimal(at: .debits) + cent).json,
                    .credits: try (report.decimal(at: .credits) + cent).json, .closing: report[.closing],
                    .payments: report[.payments],
                ], id: "S-\(day)", day: day)
            isRight[day] = !isOff
            if Bool.random(using: &numbers) { early[day] = statement } else { late[day] = statement }
        }
        let bench = try play(deliveries, of: world, hours: 5) { bench in
            let day = BusinessDay(zone: .utc, cutOff: 86_400, grace: .zero).day(of: bench.host.now).description
            if let statement = early[day] { #expect(bench.hear(statement) == "done", "seed \(seed)") }
        }
        bench.fire(after: .seconds(3 * 86_400))
        for (_, statement) in late.sorted(by: { $0.key < $1.key }) {
            for _ in 0..<Int.random(in: 1...2, using: &numbers) { #expect(bench.hear(statement) == "done") }
        }
        #expect(try books(of: bench) == world.books(), "seed \(seed)")
        let reports = bench.host.published.filter { $0.detail[.basis] == "statement" }
        #expect(reports.count == isRight.count, "seed \(seed)")
        for report in reports {
            let day = try report.detail.text(at: .day)
            let differs = report.detail["/exceptions"]?.description.contains("-differ") ?? false
            #expect(differs == (isRight[day] == false), "seed \(seed) \(day)")
            if differs { #expect(report.detailType == "Settlement.Mismatched.v1", "seed \(seed)") }
        }
        let own = bench.host.published.count { $0.detail[.basis] == "own-totals" }
        #expect(own == late.count, "seed \(seed)")
    }

    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func releasesAndSignalsAreToldAtMostOnce(seed: UInt64) throws {
        var world = World(seed: seed)
        let bench = try play(world.deliveries(), of: world)
        let released = bench.host.published.filter { $0.detailType == "Payment.Released.v1" }
            .map { $0.detail["/paymentId"] }
        #expect(Set(released).count == released.count, "seed \(seed)")
        let signals = bench.told.filter { $0.hasPrefix("Liquidity.") }
        for (index, signal) in signals.enumerated() {
            #expect(signal == (index % 2 == 0 ? "Liquidity.Low.v1" : "Liquidity.Restored.v1"), "seed \(seed)")
        }
    }
}
