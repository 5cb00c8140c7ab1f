import Events
import Services
import Testing

/// The breaker is a value: every path through it, with time passed in.
struct CircuitTests {
    private static let start = Instant(unixSeconds: 1_000)
    private static let options = Circuit.Options(failures: 3, open: .seconds(1), openAtMost: .seconds(6))

    private var circuit = Circuit(Self.options, concurrency: 8)

    private mutating func end(_ report: Circuit.Report, at now: Instant = start) -> Bool {
        guard case .pass(let pass) = circuit.admit(at: now) else { return false }
        circuit.ended(pass, report, at: now)
        return true
    }

    private mutating func open(at now: Instant = start) {
        for _ in 0..<3 { _ = end(.failed, at: now) }
    }

    @Test mutating func failuresInARowOpenIt() {
        for _ in 0..<2 { #expect(end(.failed)) }
        #expect(circuit.state == .closed(failures: 2))
        #expect(end(.failed))
        #expect(circuit.state == .open(until: Self.start + .seconds(1)))
        #expect(circuit.admit(at: Self.start + .milliseconds(999)) == .refused)
    }

    @Test mutating func anAnswerBetweenThemDoesNot() {
        for _ in 0..<10 {
            #expect(end(.failed))
            #expect(end(.failed))
            #expect(end(.answered))
        }
        #expect(circuit.state == .closed(failures: 0))
    }

    @Test mutating func whatSaysNothingOfTheServiceCountsAsNothing() {
        for _ in 0..<10 { #expect(end(.nothing)) }
        #expect(circuit.state == .closed(failures: 0))
    }

    @Test mutating func oneProbeGoesAndNoSecond() {
        open()
        let later = Self.start + .seconds(1)
        guard case .pass = circuit.admit(at: later) else { return #expect(Bool(false), "no probe") }
        #expect(circuit.state == .halfOpen(atOnce: 1))
        #expect(circuit.admit(at: later) == .refused)
    }

    @Test mutating func aProbeThatSaysNothingMakesRoomForAnother() {
        open()
        let later = Self.start + .seconds(1)
        #expect(end(.nothing, at: later))
        #expect(circuit.state == .halfOpen(atOnce: 1))
        #expect(end(.answered, at: later))
    }

    @Test mutating func eachAnswerDoublesWhatGoesAtOnceUntilItIsClosed() {
        open()
        let later = Self.start + .seconds(1)
        #expect(end(.answered, at: later))
        #expect(circuit.state == .halfOpen(atOnce: 2))
        let passes = (0..<3).map { _ in circuit.admit(at: later) }
        #expect(passes[0] != .refused && passes[1] != .refused && passes[2] == .refused)
        for case .pass(let pass) in passes { circuit.ended(pass, .answered, at: later) }
        #expect(circuit.state == .closed(failures: 0))
    }

    @Test mutating func aProbeThatFailsOpensItForTwiceAsLongUpToABound() {
        open()
        var now = Self.start
        for seconds in [1, 2, 4, 6, 6] {
            #expect(circuit.state == .open(until: now + .seconds(seconds)))
            now = now + .seconds(seconds)
            #expect(end(.failed, at: now))
        }
    }

    @Test mutating func aRecoveryForgetsHowOftenItWasOpen() {
        open()
        #expect(end(.failed, at: Self.start + .seconds(1)))
        let later = Self.start + .seconds(10)
        for _ in 0..<3 { #expect(end(.answered, at: later)) }
        #expect(circuit.state == .closed(failures: 0))
        open(at: later)
        #expect(circuit.state == .open(until: later + .seconds(1)))
    }

    /// Calls that were under way when it opened end later: they are not the probe.
    @Test mutating func reportsOfAnEarlierPhaseCountForNothing() {
        guard case .pass(let old) = circuit.admit(at: Self.start) else { return #expect(Bool(false), "refused") }
        open()
        circuit.ended(old, .answered, at: Self.start)
        #expect(circuit.state == .open(until: Self.start + .seconds(1)))
        let later = Self.start + .seconds(1)
        guard case .pass(let probe) = circuit.admit(at: later) else { return #expect(Bool(false), "no probe") }
        circuit.ended(old, .failed, at: later)
        #expect(circuit.state == .halfOpen(atOnce: 1))
        circuit.ended(probe, .answered, at: later)
        #expect(circuit.state == .halfOpen(atOnce: 2))
    }
}
