import Events
import Pipeline
import Testing

@testable import Store

/// The ledger's promises, told again in the plainest way: one entry per event, no indexes, no file.
private struct Model {
    struct Known {
        var state: LedgerRow.State
        var attempts: Int
        var message: String
        var keepUntil: Instant
    }
    struct Held {
        let event: Int
        let message: String
        let attempts: Int
        var until: Instant
    }
    var known: [Int: Known] = [:]
    var held: [UInt64: Held] = [:]
    /// Fences that were committed since the last restart.
    var committed: Set<UInt64> = []

    /// Two neighbours share a business key.
    private func siblings(_ event: Int) -> [Int] { [event, event ^ 1] }

    func answer(_ event: Int, message: String, at now: Instant) -> String {
        let live = known.filter { $0.value.keepUntil > now }
        if siblings(event).contains(where: { live[$0]?.state == .done }) { return "done" }
        if held.values.contains(where: { siblings(event).contains($0.event) && $0.until > now }) { return "in flight" }
        if let own = live[event], own.state == .dead, own.message == message { return "dead" }
        return "granted"
    }

    func attempts(_ event: Int, at now: Instant) -> Int {
        guard let own = known[event], own.keepUntil > now, own.state == .retry else { return 0 }
        return own.attempts
    }

    /// A claim takes what it shares from holders whose lease has ended.
    mutating func take(_ event: Int, at now: Instant) {
        held = held.filter { !(siblings(event).contains($0.value.event) && $0.value.until <= now) }
    }
}

@Suite struct ModelTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func theLedgerDoesWhatItsModelDoes(seed: UInt64) async throws {
        let bench = try Bench()
        var random = SplitMix(seed)
        var model = Model()
        var fences: [UInt64] = []
        for step in 0..<1_500 {
            bench.now = bench.now + .milliseconds(Int64.random(in: 0...4_000, using: &random))
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<50: try await claim(bench, &model, &fences, &random)
            case 50..<85: try await commit(bench, &model, fences, &random)
            case 85..<90:
                guard let fence = fences.randomElement(using: &random) else { continue }
                await bench.store.release([Lease(fence: fence)])
                model.held[fence] = nil
            case 90..<95:
                guard let fence = fences.randomElement(using: &random) else { continue }
                let until = bench.now + .seconds(30)
                let renewed = await bench.store.renew([Lease(fence: fence)], until: until)
                try #require(renewed == [model.held[fence] != nil], "renew, step \(step)")
                model.held[fence]?.until = until
            case 95..<98:
                _ = try await bench.store.sweep(at: bench.now)
                let now = bench.now
                model.held = model.held.filter { $0.value.until > now }
            default:
                try await bench.reopen()
                model.held = [:]
                model.committed = []
            }
            fences = fences.suffix(40)
        }
        #expect(model.known.count > 10)
    }

    private func claim(
        _ bench: Bench, _ model: inout Model, _ fences: inout [UInt64], _ random: inout SplitMix
    ) async throws {
        let events = (0..<Int.random(in: 1...5, using: &random)).map { _ in
            (id: Int.random(in: 0..<24, using: &random), message: "m-\(Int.random(in: 0..<3, using: &random))")
        }
        let requests = events.map { event in
            bench.request(
                bench.event("e-\(event.id)", token: "t-\(event.id)"), message: event.message,
                business: "b-\(event.id / 2)", lease: .seconds(20))
        }
        let claims = try await bench.store.claim(requests, at: bench.now)
        for (event, claim) in zip(events, claims) {
            try #require(claim.word == model.answer(event.id, message: event.message, at: bench.now))
            guard case .granted(let lease, let history) = claim else { continue }
            let attempts = model.attempts(event.id, at: bench.now)
            try #require(history.attempts == attempts)
            try #require(fences.allSatisfy { $0 < lease.fence })
            model.take(event.id, at: bench.now)
            model.held[lease.fence] = Model.Held(
                event: event.id, message: event.message, attempts: attempts, until: bench.now + .seconds(20))
            fences.append(lease.fence)
        }
    }

    private func commit(
        _ bench: Bench, _ model: inout Model, _ fences: [UInt64], _ random: inout SplitMix
    ) async throws {
        var commitments: [Commitment] = []
        var expected: [CommitResult] = []
        for fence in Set((0..<3).compactMap { _ in fences.randomElement(using: &random) }).sorted() {
            let states: [(LedgerRow.State, Commitment.Verdict)] = [
                (.done, .done(.none)), (.retry, .retry(Failure(.handleRetried))),
                (.dead, .dead(Failure(.handleExhausted), shelved: nil)),
            ]
            let (state, verdict) = states[Int.random(in: 0..<3, using: &random)]
            let held = model.held.removeValue(forKey: fence)
            let attempts = (held?.attempts ?? 0) + 1
            commitments.append(
                bench.commitment(Lease(fence: fence), verdict, attempts: attempts, keep: .seconds(90)))
            let wasCommitted = model.committed.contains(fence)
            expected.append(held != nil || wasCommitted ? .committed : .lostClaim)
            guard let held else { continue }
            model.committed.insert(fence)
            model.known[held.event] = Model.Known(
                state: state, attempts: attempts, message: held.message, keepUntil: bench.now + .seconds(90))
        }
        try #require(try await bench.store.commit(commitments, at: bench.now) == expected)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed.
private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
