// What becomes of generations: the one in force, those that drain, and why one did not come to be.
public import Events
import Synchronization

extension Telemetry {
    public enum ReloadResult: String, Sendable, CaseIterable { case switched, unchanged, refused }

    /// The number of the generation in force, 0 before the first.
    public var generation: Int { state.withLock { $0.generation } }

    /// A generation came into force.
    /// - Parameter alive: how many have workers, this one included.
    public func generation(_ number: Int, alive: Int, _ fields: [(name: String, value: String)], at now: Instant) {
        state.withLock { $0.generation = number }
        registry.set(.generation, to: Double(number))
        registry.set(.generationsAlive, to: Double(alive))
        log(.info, "generation in force", fields.map { Attribute(name: $0.name, value: $0.value) }, at: now)
    }

    /// Its last worker is reaped.
    public func generationEnded(_ number: Int, alive: Int, at now: Instant) {
        registry.set(.generationsAlive, to: Double(alive))
        log(.info, "generation ended", [Attribute(name: "ended", value: String(number))], at: now)
    }

    public func reloaded(_ result: ReloadResult, _ code: FailureCode? = nil) {
        registry.add(.reloads, [result.rawValue, code?.rawValue ?? ""])
    }

    /// - Parameters:
    ///   - keeps: the generation that goes on.
    ///   - also: how many problems there were in all, if there were several.
    public func reloadRefused(_ failure: Failure, trigger: String, keeps: Int?, also: Int, at now: Instant) {
        var line = Self.line(failure).with("reload", "refused").with("trigger", trigger)
        line.level = .error
        if let keeps { line = line.with("in_force", String(keeps)) }
        if also > 1 { line = line.with("problems", String(also)) }
        write(at: now, .error, from: .sidecar, line)
    }

    /// Changed settings whose running values are kept.
    public func needsRestart(_ settings: [String], at now: Instant) {
        let cause = "changed, and kept as it runs until a restart: " + settings.joined(separator: ", ")
        var line = Self.line(Failure(.settingsNeedsRestart, settings.joined(separator: " "), cause))
        line.level = .warning
        write(at: now, .warning, from: .sidecar, line)
    }

    /// The queue is in no generation any more: its gauges go.
    public func queueRemoved(_ queue: QueueName) {
        registry.remove([.inHand, .inHandBytes, .oldest, .paused, .queueMessages, .handlerCircuit], first: queue.text)
    }
}
