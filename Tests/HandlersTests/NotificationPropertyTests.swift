/// Notification under hostile delivery: nothing is told twice, and rate limits and quiet hours hold.

import Kit
import Notification
import Testing
import Vocabulary

@Suite struct NotificationPropertyTests {
    /// One thing that the world does.
    private enum Step {
        case settled(String), failed(String), blocked(String), prefer(Int), wait(minutes: Int), outage(Bool)
    }

    private static func steps(_ numbers: inout SeededNumbers) -> [Step] {
        let events = (0..<60).flatMap { number -> [Step] in
            let step: Step =
                switch Int.random(in: 0..<5, using: &numbers) {
                case 0, 1: .settled("P-\(number)")
                case 2, 3: .failed("P-\(number)")
                default: .blocked("P-\(number)")
                }
            return Array(repeating: step, count: Int.random(in: 1...3, using: &numbers))
        }
        let pauses = (0..<90).map { _ in Step.wait(minutes: Int.random(in: 1...50, using: &numbers)) }
        let outages = (0..<10).map { Step.outage($0 % 2 == 0) }
        let preferences = (1...4).map { Step.prefer($0) }
        return (events + pauses + outages + preferences).shuffled(using: &numbers)
    }

    /// What was delivered, and when.
    private struct Told {
        let notice: Notice
        let at: Timestamp
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func nothingIsToldTwiceAndLimitsHold(seed: UInt64) throws {
        let bench = try NotificationBench()
        var numbers = SeededNumbers(seed: seed)
        var steps = Self.steps(&numbers)
        var told: [Told] = []
        var lost = 0
        func note() {
            let new = bench.delivery.delivered.dropFirst(told.count)
            told += new.map { Told(notice: $0.notice, at: bench.host.now) }
        }
        while !steps.isEmpty {
            let step = steps.removeFirst()
            // A loss comes again, later.
            if !play(step, bench, note) {
                lost += 1
                steps.insert(step, at: Int.random(in: 0...steps.count, using: &numbers))
                if lost % 20 == 19 { bench.delivery.isAvailable = true }
            }
            note()
        }
        bench.delivery.isAvailable = true
        for _ in 0..<600 { advance(bench, minutes: 10, note) }

        let ids = told.map(\.notice.id)
        #expect(Set(ids).count == ids.count, "seed \(seed)")
        let ends = try bench.host.published.map { try $0.detail.string(at: Field.notificationID.pointer) }
        #expect(Set(ends).count == ends.count, "seed \(seed)")
        #expect(bench.host.timers.isEmpty, "seed \(seed)")
        let ordinary = told.filter { $0.notice.priority < .critical }
        for (first, fourth) in zip(ordinary, ordinary.dropFirst(3)) {
            #expect(first.at + .seconds(3_600) <= fourth.at, "seed \(seed)")
        }
        for one in ordinary {
            // The steps' preferences and the default have the same quiet hours, in UTC: noon is 43,200 s of the day.
            let second = Int((one.at.milliseconds - NotificationBench.noon.milliseconds) / 1_000 + 43_200) % 86_400
            #expect((7 * 3_600..<22 * 3_600).contains(second), "seed \(seed)")
        }
        try everythingHasAnEnd(bench, told: Set(ids), seed)
    }

    /// - Returns: false for what was lost, to be delivered again.
    private func play(_ step: Step, _ bench: NotificationBench, _ note: () -> Void) -> Bool {
        switch step {
        case .settled(let id): return bench.settled(id) == "done"
        case .failed(let id): return bench.failed(id) == "done"
        case .blocked(let id): return bench.blocked(id) == "done"
        case .prefer(let revision):
            let quiet: JSON = ["from": "22:00", "to": "07:00"]
            return bench.prefer(revision, channels: ["email", "push"], quiet: quiet) == "done"
        case .outage(let isDown): bench.delivery.isAvailable = !isDown
        case .wait(let minutes): advance(bench, minutes: minutes, note)
        }
        return true
    }

    /// Minute by minute, so that each delivery is noted at its time.
    private func advance(_ bench: NotificationBench, minutes: Int, _ note: () -> Void) {
        for _ in 0..<minutes {
            bench.host.fireTimers(of: bench.handler, until: bench.host.now + .seconds(60))
            note()
        }
    }

    /// Each thing was told, digested or failed; none is still waiting.
    private func everythingHasAnEnd(_ bench: NotificationBench, told: Set<String>, _ seed: UInt64) throws {
        for (key, stored) in bench.host.state where key.hasPrefix("told:") {
            let status = try JSON(parsing: stored.value).string(at: "/status")
            #expect(["sent", "digested", "failed"].contains(status), "seed \(seed)")
            let id = String(key.dropFirst("told:".count))
            #expect((status == "sent") == told.contains(id), "seed \(seed) \(id)")
        }
        let digested = bench.host.counts["digested"] ?? 0
        let summed = try bench.host.published.compactMap { draft -> Int? in
            guard draft.detail[.count] != nil else { return nil }
            return try draft.detail.integer(at: Field.count.pointer)
        }.reduce(0, +)
        #expect(summed == digested, "seed \(seed)")
    }
}
