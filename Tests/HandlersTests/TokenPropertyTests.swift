/// Tokens under random sequences: repeats, other orders, losses that are delivered later, and networks that answer as
/// they like.

import HandlerTesting
import Kit
import Testing
import Token
import Vocabulary

@Suite struct TokenPropertyTests {
    static let owners = ["ann", "bo", "cy"]

    /// Requests in the order in which they are delivered, each at least once.
    private static func deliveries(_ numbers: inout SeededNumbers) -> [Event] {
        let requests = (0..<40).map { number in
            let quantity = "\(Int.random(in: 1...50, using: &numbers))"
            let from = owners.randomElement(using: &numbers)
            let to = owners.randomElement(using: &numbers)
            let id = "R-\(number)"
            return switch Int.random(in: 0..<5, using: &numbers) {
            case 0, 1: TokenBench.event("Mint", quantity, id: id, to: to)
            case 2: TokenBench.event("Burn", quantity, id: id, from: from)
            default: TokenBench.event("Transfer", quantity, id: id, from: from, to: to)
            }
        }
        let lost = requests.filter { _ in Int.random(in: 0..<5, using: &numbers) == 0 }
        let repeated = requests.filter { _ in Int.random(in: 0..<3, using: &numbers) == 0 }
        return (requests + repeated).filter { event in !lost.contains { $0.id == event.id } }
            .shuffled(using: &numbers) + (lost + lost).shuffled(using: &numbers)
    }

    /// What a network says depends on the seed, the network and how often it was asked, and on nothing else.
    private static func networks(_ seed: UInt64) -> @Sendable (String, Int) -> Answer {
        { network, asked in
            let mix = network.utf8.reduce(seed &* 31 &+ UInt64(asked)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
            var numbers = SeededNumbers(seed: mix)
            return switch Int.random(in: 0..<8, using: &numbers) {
            case 0: Identifier("full").map { .refused(reason: $0) } ?? .notYet
            case 1, 2: .notYet
            default: ScriptedNetworks.confirmed(network)
            }
        }
    }

    private func quantity(_ host: FakeHost, _ key: String) throws -> Int {
        let text = try host.record(Balance.self, key)?.quantity.text ?? "0"
        let number = try #require(Int(text))
        #expect(number >= 0, "\(key)")
        return number
    }

    /// What all owners have and what is on its way is the supply.
    private func check(_ host: FakeHost, _ seed: UInt64) throws {
        var sum = try Self.owners.reduce(0) { try $0 + quantity(host, "balance:gold:\($1)") }
        for key in host.state.keys where key.hasPrefix("operation:") {
            let operation = try #require(try host.record(Operation.self, key))
            guard operation.broadcast?.phase == .open else { continue }
            sum += try #require(Int(operation.request.quantity.text))
        }
        #expect(try sum == quantity(host, "supply:gold"), "seed \(seed)")
    }

    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func balancesAddUpAndAreNeverNegative(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let bench = try TokenBench(Self.networks(seed))
        for (number, event) in Self.deliveries(&numbers).enumerated() {
            #expect(bench.ask(event) == .done, "seed \(seed)")
            if Bool.random(using: &numbers) { bench.fire(after: .seconds(Int.random(in: 0...15, using: &numbers))) }
            if number % 5 == 0 { try check(bench.host, seed) }
        }
        bench.fire(after: .seconds(3_600))
        try check(bench.host, seed)
        #expect(bench.host.timers.isEmpty, "seed \(seed)")
    }

    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func eachRequestEndsOnceAndNothingIsSaidTwice(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let bench = try TokenBench(Self.networks(seed &+ 1_000))
        for event in Self.deliveries(&numbers) {
            bench.ask(event)
            if Bool.random(using: &numbers) { bench.fire(after: .seconds(5)) }
        }
        bench.fire(after: .seconds(3_600))
        var said: [String: [String]] = [:]
        for draft in bench.host.published {
            said[try draft.detail.text(at: .requestID), default: []].append(draft.detailType)
        }
        #expect(said.count == 40, "seed \(seed)")
        let courses = [
            ["Token.Confirmed.v1"], ["Token.Confirmed.v1", "Token.PartiallyConfirmed.v1"], ["Token.Failed.v1"],
        ]
        for (request, types) in said { #expect(courses.contains(types), "seed \(seed), \(request): \(types)") }
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func aTimerThatComesTwiceIsHarmless(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let bench = try TokenBench(Self.networks(seed))
        for event in Self.deliveries(&numbers) {
            bench.ask(event)
            let timers = bench.host.timers.sorted { $0.key < $1.key }.map(\.value)
            for timer in timers where Int.random(in: 0..<4, using: &numbers) == 0 {
                bench.host.run(
                    bench.handler,
                    Event(
                        id: "again", source: "outrigger.timer", detailType: "token", detail: timer.detail,
                        signedAt: timer.at))
            }
        }
        try check(bench.host, seed)
    }
}
