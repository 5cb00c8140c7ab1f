import Events
import Plugins
import Settings
import Telemetry

/// What becomes of generations, as log lines, metrics and readiness.
extension Observers {
    /// As many problems of one configuration are written as a person reads at once.
    private static let problemsAtMost = 20

    func inForce(_ next: Generation, _ change: GenerationChange, _ trigger: ReloadTrigger, alive: Int) {
        telemetry.writer.setLevel(LogLevel(next.configuration.log.level))
        for handler in change.gone { board.set("handler \(handler)", nil) }
        let fields = [
            ("trigger", trigger.rawValue), ("digest", next.digest), ("configuration", next.configuration.digest),
            ("started", Self.list(change.started)), ("kept", Self.list(change.kept)), ("gone", Self.list(change.gone)),
        ]
        telemetry.generation(next.number, alive: alive, fields.filter { !$0.1.isEmpty }, at: clock.now)
    }

    func unchanged(_ trigger: ReloadTrigger) {
        telemetry.log(.info, "nothing has changed", [.init(name: "trigger", value: trigger.rawValue)], at: clock.now)
    }

    func refused(_ refusal: Refusal, _ trigger: ReloadTrigger, keeps number: Int?) {
        for problem in refusal.problems.prefix(Self.problemsAtMost) { report(problem.failure) }
        telemetry.reloadRefused(
            refusal.failure, trigger: trigger.rawValue, keeps: number, also: refusal.problems.count, at: clock.now)
    }

    func needRestart(_ settings: [String]) { telemetry.needsRestart(settings, at: clock.now) }

    func ended(_ number: Int, alive: Int, without gone: [HandlerID]) {
        for handler in gone { telemetry.handlerRemoved(handler) }
        telemetry.generationEnded(number, alive: alive, at: clock.now)
    }

    func queueEnded(_ queue: QueueName) {
        queues.remove(queue)
        board.set("queue \(queue)", nil)
        telemetry.queueRemoved(queue)
    }

    func keySetEnded(_ name: String) {
        board.set("key set \(name)", nil)
        telemetry.keySetRemoved(name)
    }

    private static func list(_ handlers: [HandlerID]) -> String { handlers.map(\.text).joined(separator: ",") }
}
