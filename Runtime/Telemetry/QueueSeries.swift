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
    }
    private struct Found {
        var received: Level?
        var receivedBytes: Level?
        var verified: Level?
        var committed: Pair?
        var settled: [(how: PipelineEvent.SettledAs, pair: Pair)] = []
        var stages: [(stage: Stage, pair: Pair)] = []
        var handled: [(handler: HandlerID, outcome: PipelineEvent.HandledOutcome, pair: Pair)] = []
        var waited: [(handler: HandlerID, time: Spread)] = []
    }

    let queue: QueueName
    private let registry: Registry
    private let found = Mutex(Found())

    init(_ queue: QueueName, in registry: Registry) {
        self.queue = queue
        self.registry = registry
    }

    func received(_ count: Int, bytes: Int) {
        found.withLock { found in
            level(.received, &found.received).add(Double(count))
            level(.receivedBytes, &found.receivedBytes).add(Double(bytes))
        }
    }

    func verified(_ count: Int) { found.withLock { level(.verified, &$0.verified).add(Double(count)) } }

    func committed(_ count: Int, took: Duration) {
        found.withLock { found in
            let (pair, isOwn) = found.committed.map { ($0, true) } ?? pair(.committed, [], .commits, [])
            if isOwn { found.committed = pair }
            pair.count.add(Double(count))
            pair.time.note(took)
        }
    }

    // Neighbours are mostly alike: each stretch of them is counted at once. Notes are read where they lie.

    func settled(_ settlements: [PipelineEvent.Settlement]) {
        found.withLock { found in
            var start = 0
            while start < settlements.count {
                let how = settlements[start].how
                var end = start + 1
                while end < settlements.count, settlements[end].how == how { end += 1 }
                let pair = pair(of: how, in: &found)
                pair.count.add(Double(end - start))
                pair.time.note(start..<end) { settlements[$0].endToEnd }
                start = end
            }
        }
    }

    func handled(_ runs: [PipelineEvent.Run]) {
        found.withLock { found in
            var start = 0
            while start < runs.count {
                let (handler, outcome) = (runs[start].subject.handler, runs[start].outcome)
                var end = start
                var isFirst = false
                while end < runs.count, runs[end].outcome == outcome, runs[end].subject.handler == handler {
                    if runs[end].waited != nil { isFirst = true }
                    end += 1
                }
                let id = handler ?? HandlerID("")
                let pair = pair(of: outcome, by: id, in: &found)
                pair.count.add(Double(end - start))
                pair.time.note(start..<end) { runs[$0].took }
                if isFirst { waited(for: id, in: &found).note(start..<end) { runs[$0].waited } }
                start = end
            }
        }
    }

    func stage(_ stage: Stage, count: Int, took: Duration) {
        found.withLock { found in
            let pair = pair(of: stage, in: &found)
            pair.count.add(Double(count))
            pair.time.note(took)
        }
    }

    // MARK: - finding

    private func level(_ metric: Metric, _ known: inout Level?) -> Level {
        if let known { return known }
        let (level, isOwn) = registry.level(metric, [queue.text])
        if isOwn { known = level }
        return level
    }

    private func pair(of how: PipelineEvent.SettledAs, in found: inout Found) -> Pair {
        for place in found.settled.indices where found.settled[place].how == how { return found.settled[place].pair }
        let (pair, isOwn) = pair(.settled, [how.rawValue], .endToEnd, [how.rawValue])
        if isOwn { found.settled.append((how, pair)) }
        return pair
    }

    private func pair(of stage: Stage, in found: inout Found) -> Pair {
        for place in found.stages.indices where found.stages[place].stage == stage { return found.stages[place].pair }
        let (pair, isOwn) = pair(.stageEvents, [stage.rawValue], .stage, [stage.rawValue])
        if isOwn { found.stages.append((stage, pair)) }
        return pair
    }

    private func pair(
        of outcome: PipelineEvent.HandledOutcome, by handler: HandlerID, in found: inout Found
    ) -> Pair {
        for place in found.handled.indices
        where found.handled[place].outcome == outcome && found.handled[place].handler == handler {
            return found.handled[place].pair
        }
        let (pair, isOwn) = pair(.handled, [handler.text, outcome.rawValue], .handleSeconds, [handler.text])
        if isOwn { found.handled.append((handler, outcome, pair)) }
        return pair
    }

    private func waited(for handler: HandlerID, in found: inout Found) -> Spread {
        for place in found.waited.indices where found.waited[place].handler == handler {
            return found.waited[place].time
        }
        let (time, isOwn) = registry.spread(.waitSeconds, [queue.text, handler.text])
        if isOwn { found.waited.append((handler, time)) }
        return time
    }

    /// Two series of this queue, by what labels they have besides.
    private func pair(
        _ count: Metric, _ countLabels: [String], _ time: Metric, _ timeLabels: [String]
    ) -> (Pair, isOwn: Bool) {
        let (level, isLevel) = registry.level(count, [queue.text] + countLabels)
        let (spread, isSpread) = registry.spread(time, [queue.text] + timeLabels)
        return (Pair(count: level, time: spread), isLevel && isSpread)
    }
}
