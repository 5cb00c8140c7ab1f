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
        /// Until when the permit held that it was granted by.
        var permit: Instant?
        var wasDone = false
    }
    struct Word {
        var until: Instant
        var isBegun = false
    }
    var known: [Int: Known] = [:]
    /// All that was ever known.
    var met: Set<Int> = []
    var held: [UInt64: Held] = [:]
    /// Fences that were committed since the last restart.
    var committed: Set<UInt64> = []
    var permits: [Int: Word] = [:]
    /// By group: the event in front, and until when.
    var parked: [Int: (event: Int, until: Instant)] = [:]

    static func group(of event: Int) -> Int { event % 5 }

    /// Two neighbours share a business key.
    private func siblings(_ event: Int) -> [Int] { [event, event ^ 1] }

    func permit(_ event: Int, at now: Instant) -> Word? { permits[event].flatMap { $0.until > now ? $0 : nil } }

    func answer(_ event: Int, message: String, at now: Instant) -> String {
        let live = known.filter { $0.value.keepUntil > now }
        let isPermitted = permit(event, at: now) != nil
        if !isPermitted, siblings(event).contains(where: { live[$0]?.state == .done }) { return "done" }
        if held.values.contains(where: { siblings(event).contains($0.event) && $0.until > now }) { return "in flight" }
        if !isPermitted, let own = live[event], own.state == .dead, own.message == message { return "dead" }
        if let first = parked[Self.group(of: event)], first.until > now, first.event != event { return "refused" }
        return "granted"
    }

    func attempts(_ event: Int, at now: Instant) -> Int {
        guard let own = known[event], own.keepUntil > now else { return 0 }
        if let word = permit(event, at: now) { return word.isBegun ? own.attempts : 0 }
        return own.state == .retry ? own.attempts : 0
    }

    /// The end of a run that counts.
    mutating func end(_ held: Held, _ state: LedgerRow.State, parks: Bool, keepUntil: Instant, at now: Instant) {
        let event = held.event
        var next = Known(state: state, attempts: held.attempts + 1, message: held.message, keepUntil: keepUntil)
        if held.wasDone, state != .done, let own = known[event] {
            next = Known(
                state: .done, attempts: next.attempts, message: own.message,
                keepUntil: max(own.keepUntil, keepUntil))
        }
        known[event] = next
        met.insert(event)
        if let until = held.permit, permits[event]?.until == until {
            if state == .retry { permits[event]?.isBegun = true } else { permits[event] = nil }
        }
        let first = parked[Self.group(of: event)]
        if state == .done, first?.event == event { parked[Self.group(of: event)] = nil }
        if parks, first.map({ $0.event == event || $0.until <= now }) ?? true {
            parked[Self.group(of: event)] = (event, keepUntil)
        }
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
            case 95..<97:
                _ = try await bench.store.sweep(at: bench.now)
                let now = bench.now
                model.held = model.held.filter { $0.value.until > now }
                model.known = model.known.filter { $0.value.keepUntil > now }
            case 97..<99:
                let event = Int.random(in: 0..<24, using: &random)
                try await bench.permit("e-\(event)", for: .seconds(60))
                model.permits[event] = Model.Word(until: bench.now + .seconds(60))
            default:
                try await bench.reopen()
                model.held = [:]
                model.committed = []
            }
            fences = fences.suffix(40)
        }
        #expect(model.met.count > 10)
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
                business: "b-\(event.id / 2)", group: "g-\(Model.group(of: event.id))", lease: .seconds(20))
        }
        let claims = try await bench.store.claim(requests, at: bench.now)
        for (event, claim) in zip(events, claims) {
            try #require(claim.word == model.answer(event.id, message: event.message, at: bench.now))
            guard case .granted(let lease, let history) = claim else { continue }
            let attempts = model.attempts(event.id, at: bench.now)
            try #require(history.attempts == attempts)
            try #require(fences.allSatisfy { $0 < lease.fence })
            model.take(event.id, at: bench.now)
            let own = model.known[event.id].flatMap { $0.keepUntil > bench.now ? $0 : nil }
            model.held[lease.fence] = Model.Held(
                event: event.id, message: event.message, attempts: attempts, until: bench.now + .seconds(20),
                permit: model.permit(event.id, at: bench.now)?.until, wasDone: own?.state == .done)
            fences.append(lease.fence)
        }
    }

    private func commit(
        _ bench: Bench, _ model: inout Model, _ fences: [UInt64], _ random: inout SplitMix
    ) async throws {
        var commitments: [Commitment] = []
        var expected: [CommitResult] = []
        for fence in Set((0..<3).compactMap { _ in fences.randomElement(using: &random) }).sorted() {
            let parks = Bool.random(using: &random)
            let states: [(LedgerRow.State, Commitment.Verdict)] = [
                (.done, .done(.none)), (.retry, .retry(Failure(.handleRetried))),
                (.dead, .dead(Failure(.handleExhausted), shelved: nil, parks: parks)),
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
            model.end(
                held, state, parks: parks && state == .dead, keepUntil: bench.now + .seconds(90), at: bench.now)
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
