// The series that every event changes, found once.
import Events
import Pipeline
import Synchronization

/// What one queue's events count in, by the stages of their way. Made at the first event that needs it.
final class QueueSeries: Sendable {
    /// A count and a time, which most series have side by side.
    private struct Pair {
        let count: Level
        let time: Spread
        func note(_ amount: Double, _ duration: Duration) {
            count.add(amount)
            time.note(duration)
        }
    }
    private struct Handler {
        let id: HandlerID
        var outcomes: [(outcome: PipelineEvent.HandledOutcome, count: Level)] = []
        let took: Spread
        var waited: Spread?
    }
    private struct Found {
        var verified: Level?
        var settled: [(how: PipelineEvent.SettledAs, pair: Pair)] = []
        var stages: [(stage: Stage, pair: Pair)] = []
        var handlers: [Handler] = []
    }

    let queue: QueueName
    private let registry: Registry
    private let found = Mutex(Found())

    init(_ queue: QueueName, in registry: Registry) {
        self.queue = queue
        self.registry = registry
    }

    func verified(_ count: Int) {
        found.withLock { found in
            if let known = found.verified { return known.add(Double(count)) }
            let (level, isOwn) = registry.level(.verified, [queue.text])
            if isOwn { found.verified = level }
            level.add(Double(count))
        }
    }

    func settled(_ settlements: [PipelineEvent.Settlement]) {
        found.withLock { found in
            for each in settlements { settled(each.how, in: &found).note(1, each.endToEnd) }
        }
    }

    func handled(_ runs: [PipelineEvent.Run]) {
        found.withLock { found in for run in runs { note(run, in: &found) } }
    }

    func stage(_ stage: Stage, count: Int, took: Duration) {
        found.withLock { found in
            if let known = found.stages.first(where: { $0.stage == stage }) {
                return known.pair.note(Double(count), took)
            }
            let (pair, isOwn) = pair(.stageEvents, .stage, stage.rawValue)
            if isOwn { found.stages.append((stage, pair)) }
            pair.note(Double(count), took)
        }
    }

    private func note(_ run: PipelineEvent.Run, in found: inout Found) {
        let id = run.subject.handler ?? HandlerID("")
        guard let place = place(of: id, in: &found) else {
            registry.add(.handled, [queue.text, id.text, run.outcome.rawValue])
            registry.observe(.handleSeconds, [queue.text, id.text], run.took)
            if let waited = run.waited { registry.observe(.waitSeconds, [queue.text, id.text], waited) }
            return
        }
        found.handlers[place].took.note(run.took)
        if let waited = run.waited { note(waited, in: &found.handlers[place]) }
        count(run.outcome, in: &found.handlers[place])
    }

    // MARK: - finding

    private func settled(_ how: PipelineEvent.SettledAs, in found: inout Found) -> Pair {
        if let known = found.settled.first(where: { $0.how == how }) { return known.pair }
        let (pair, isOwn) = pair(.settled, .endToEnd, how.rawValue)
        if isOwn { found.settled.append((how, pair)) }
        return pair
    }

    private func pair(_ count: Metric, _ time: Metric, _ label: String) -> (Pair, isOwn: Bool) {
        let (level, isLevel) = registry.level(count, [queue.text, label])
        let (spread, isSpread) = registry.spread(time, [queue.text, label])
        return (Pair(count: level, time: spread), isLevel && isSpread)
    }

    private func place(of id: HandlerID, in found: inout Found) -> Int? {
        if let place = found.handlers.firstIndex(where: { $0.id == id }) { return place }
        let (took, isOwn) = registry.spread(.handleSeconds, [queue.text, id.text])
        guard isOwn else { return nil }
        found.handlers.append(Handler(id: id, took: took))
        return found.handlers.count - 1
    }

    private func note(_ waited: Duration, in handler: inout Handler) {
        if let known = handler.waited { return known.note(waited) }
        let (spread, isOwn) = registry.spread(.waitSeconds, [queue.text, handler.id.text])
        if isOwn { handler.waited = spread }
        spread.note(waited)
    }

    private func count(_ outcome: PipelineEvent.HandledOutcome, in handler: inout Handler) {
        if let known = handler.outcomes.first(where: { $0.outcome == outcome }) { return known.count.add(1) }
        let (level, isOwn) = registry.level(.handled, [queue.text, handler.id.text, outcome.rawValue])
        if isOwn { handler.outcomes.append((outcome, level)) }
        level.add(1)
    }
}
