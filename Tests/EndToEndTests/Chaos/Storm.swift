import Events
import Foundation
import LocalCloud
import Support
import Testing

/// What strikes the house, one blow after the other, in an order that a seed decides.
struct Storm {
    enum Blow: String, CaseIterable {
        case killSidecar, killWorker, freezeWorker, freezeSidecar, killLedger, freezeLedger, killBoth
        case slowNetwork, cutNetwork, silentNetwork, resetAnswers, sickCloud, loseTheCloud, fullVolume
    }

    private let house: ChaosHouse
    private(set) var random: SeededGenerator
    /// How often each has struck.
    private(set) var toll: [Blow: Int] = [:]

    /// Always: an at-least-once queue.
    private static var everyday: Faults {
        var faults = Faults()
        faults.duplicate = 0.02
        return faults
    }
    private static var sickness: Faults {
        var faults = Faults()
        (faults.throttle, faults.unavailable, faults.lostReply) = (0.1, 0.1, 0.1)
        (faults.partialFailure, faults.duplicate, faults.delay) = (0.2, 0.1, 0.2)
        return faults
    }

    init(_ house: ChaosHouse, seed: UInt64) {
        self.house = house
        random = SeededGenerator(seed: seed)
        house.setFaults(Self.everyday)
    }

    /// Each once, the loss of the cloud in the middle, then whatever comes until the time is over.
    mutating func rage(until end: ContinuousClock.Instant, atLeast events: Int) async throws {
        var first = Blow.allCases.filter { $0 != .loseTheCloud }.shuffled(using: &random)
        first.insert(.loseTheCloud, at: first.count / 2)
        let later = Blow.allCases.filter { $0 != .loseTheCloud }
        while !first.isEmpty || ContinuousClock.now < end || house.sent < events {
            // Enough that there is work while it strikes.
            for _ in 0..<3 where house.backlog < 300 { try house.publish(50, &random) }
            let blow = first.isEmpty ? later[Int.random(in: later.indices, using: &random)] : first.removeFirst()
            try await strike(blow)
            toll[blow, default: 0] += 1
            // Between two blows some work is done: else nothing of it would be hit.
            let before = house.settled
            _ = await eventually(within: .seconds(20)) { house.settled >= before + 20 || house.backlog == 0 }
        }
    }

    private mutating func strike(_ blow: Blow) async throws {
        switch blow {
        case .killSidecar: try house.killSidecar()
        case .killWorker: if let worker = aWorker() { kill(worker, SIGKILL) }
        case .freezeWorker: await freezeWorker()
        case .freezeSidecar: try await freezeSidecar()
        case .killLedger:
            house.killLedger()
            await hold(0...1_500)
            try house.startLedger()
        case .freezeLedger:
            house.ledger.signal(SIGSTOP)
            await hold(1_000...7_000)
            house.ledger.signal(SIGCONT)
        case .killBoth:
            house.killLedger()
            try house.killSidecar()
            try house.startLedger()
        case .slowNetwork: await weather(.slow(milliseconds: 30, bytesPerSecond: 400_000), for: 2_000...5_000)
        case .cutNetwork: await weather(.cut, for: 500...3_000)
        case .silentNetwork: await weather(.silent, for: 2_000...8_000)
        case .resetAnswers: await weather(.resets(oneOf: 3), for: 2_000...5_000)
        case .sickCloud:
            house.setFaults(Self.sickness)
            await hold(3_000...6_000)
            house.setFaults(Self.everyday)
        case .fullVolume: try await fillTheVolume()
        case .loseTheCloud:
            house.proxy.weather = .cut
            try house.loseTheCloud()
            house.setFaults(Self.everyday)
            house.proxy.weather = .fine
        }
    }

    private mutating func hold(_ milliseconds: ClosedRange<Int>) async {
        // Cancelled: the storm is over.
        try? await Task.sleep(for: .milliseconds(Int.random(in: milliseconds, using: &random)))
    }

    private mutating func weather(_ weather: FaultProxy.Weather, for milliseconds: ClosedRange<Int>) async {
        house.proxy.weather = weather
        await hold(milliseconds)
        house.proxy.weather = .fine
    }

    private mutating func aWorker() -> Int32? {
        let workers = house.sidecar.workers
        return workers.isEmpty ? nil : workers[Int.random(in: workers.indices, using: &random)]
    }

    /// Until the sidecar says so; one that has nothing to write need not.
    private func fillTheVolume() async throws {
        try house.volume.fill()
        _ = await eventually(within: .seconds(15)) {
            await house.sidecar.get("/readyz")?.text.contains("store.full") == true || house.backlog == 0
        }
        try house.volume.free()
    }

    /// Until its sidecar gives it up; one that has nothing to do is let go.
    private mutating func freezeWorker() async {
        guard let worker = aWorker() else { return }
        kill(worker, SIGSTOP)
        _ = await eventually(within: .seconds(15)) { kill(worker, 0) != 0 || house.backlog == 0 }
        kill(worker, SIGCONT)
    }

    /// For longer than its messages are invisible: when it thaws, others could have had them. No other sidecar can be
    /// one of them, though, since the frozen one still has the store.
    private func freezeSidecar() async throws {
        house.sidecar.signal(SIGSTOP)
        let second = try house.second()
        let isRefused = await eventually(within: .seconds(30)) {
            await second.get("/readyz")?.text.contains("store.locked") == true
        }
        #expect(isRefused, "\(second.lines.suffix(2000))")
        let isVisible = await eventually(within: .seconds(30)) {
            ChaosSettings.queues.allSatisfy { house.inFlight($0) == 0 }
        }
        #expect(isVisible)
        house.sidecar.signal(SIGCONT)
        #expect(second.stop() == 0)
    }
}
