// The numbers behind the metrics: bounded, and cheap to change from any thread.
import Events
import Synchronization

/// Counts, levels and distributions by label set. Safe from any thread; finding a series takes one short lock.
public final class Registry: Sendable {
    /// One handler's metric, which the handler itself named.
    struct HandlerMetric: Hashable, Sendable {
        enum Kind: String, Sendable { case counter, histogram }
        let handler: HandlerID
        let name: String
        /// As in the exposition: `handler_<id>_<name>`.
        var exposed: String { "handler_" + handler.text.replacing("-", with: "_") + "_" + name }
    }
    struct NamedLabels: Hashable, Sendable { let pairs: [Attribute] }

    struct Distribution: Sendable {
        /// One count for each bound and one for what lies above all; not cumulative.
        var counts: [UInt64]
        var sum = 0.0
        init(bounds: Int) { counts = Array(repeating: 0, count: bounds + 1) }
    }
    struct HandlerFamily: Sendable {
        let kind: HandlerMetric.Kind
        let exposed: String
        var counters: [NamedLabels: UInt64] = [:]
        var distributions: [NamedLabels: Distribution] = [:]
    }
    struct State: Sendable {
        var numbers = SeriesTable<Level>()
        var distributions = SeriesTable<Spread>()
        var families: [HandlerMetric: HandlerFamily] = [:]
        var owners: [String: HandlerMetric] = [:]
        var handlerSeries: [HandlerID: Int] = [:]
    }

    private let state = Mutex(State())

    public init() {}

    /// The label value of what has no series of its own.
    static let other = "other"

    // MARK: - the sidecar's own

    func add(_ metric: Metric, _ labels: [String] = [], _ amount: Double = 1) {
        level(metric, labels).value.add(amount)
    }

    func set(_ metric: Metric, _ labels: [String] = [], to value: Double) { level(metric, labels).value.set(value) }

    /// Sets every series of a gauge whose first label has this value.
    func setAll(_ metric: Metric, first label: String, to value: Double) {
        for level in state.withLock({ $0.numbers.all(metric, first: label) }) { level.set(value) }
    }

    func observe(_ metric: Metric, _ labels: [String], _ duration: Duration) {
        spread(metric, labels).value.note(duration)
    }

    /// A series of a counter or a gauge. One that is its own may be kept, unless its metric's series are ever removed.
    func level(_ metric: Metric, _ labels: [String]) -> (value: Level, isOwn: Bool) {
        state.withLock { $0.numbers.find(metric, labels, initial: Level()) }
    }

    /// The same of a histogram.
    func spread(_ metric: Metric, _ labels: [String]) -> (value: Spread, isOwn: Bool) {
        state.withLock { $0.distributions.find(metric, labels, initial: Spread()) }
    }

    // MARK: - handlers' own

    /// False if the sample was dropped: a bad name, another kind under this name, or too many series.
    func add(_ metric: HandlerMetric, _ labels: [Attribute], _ amount: UInt64) -> Bool {
        state.withLock { state in
            let key = NamedLabels(pairs: labels)
            guard state.admit(metric, .counter, key) else { return false }
            let old = state.families[metric]?.counters[key] ?? 0
            state.families[metric]?.counters[key] = old.addingReportingOverflow(amount).overflow ? .max : old + amount
            return true
        }
    }

    /// `counts`: one for each of ``Metric/handlerBounds`` and one for what lies above.
    func merge(_ metric: HandlerMetric, _ labels: [Attribute], counts: [UInt64], sum: Double) -> Bool {
        guard counts.count == Metric.handlerBounds.count + 1, sum.isFinite else { return false }
        return state.withLock { state in
            let key = NamedLabels(pairs: labels)
            guard state.admit(metric, .histogram, key) else { return false }
            var distribution =
                state.families[metric]?.distributions[key]
                ?? Distribution(bounds: Metric.handlerBounds.count)
            for index in counts.indices { distribution.counts[index] &+= counts[index] }
            distribution.sum += sum
            state.families[metric]?.distributions[key] = distribution
            return true
        }
    }

    /// Forgets the levels and metrics of a handler that is gone.
    func forget(_ handler: HandlerID) {
        state.withLock { state in
            for metric in state.families.keys where metric.handler == handler {
                state.owners[metric.exposed] = nil
                state.families[metric] = nil
            }
            state.handlerSeries[handler] = nil
        }
        remove([.workers, .workerMemory, .sandbox, .isolation, .stuck], first: handler.text)
    }

    /// Removes the series of metrics whose first label has this value.
    func remove(_ metrics: [Metric], first label: String) {
        state.withLock { state in state.numbers.remove(metrics, first: label) }
    }

    /// All series of one moment, each with its value as it is when it is read.
    func snapshot() -> State {
        var state = state.withLock { $0 }
        for (metric, count) in state.numbers.dropped.merging(state.distributions.dropped, uniquingKeysWith: +) {
            state.numbers.find(.seriesDropped, [metric.name], initial: Level()).value.set(Double(count))
        }
        return state
    }
}

extension Registry.Distribution {
    mutating func note(_ bucket: Int, _ value: Double) {
        counts[bucket] += 1
        sum += value
    }
}

extension Registry.State {
    mutating func admit(
        _ metric: Registry.HandlerMetric, _ kind: Registry.HandlerMetric.Kind, _ labels: Registry.NamedLabels
    ) -> Bool {
        guard MetricName.isName(metric.name), labels.pairs.allSatisfy({ MetricName.isLabel($0.name) }),
            Set(labels.pairs.map(\.name)).count == labels.pairs.count
        else { return false }
        if let family = families[metric] {
            guard family.kind == kind else { return false }
            if family.counters[labels] != nil || family.distributions[labels] != nil { return true }
        } else if owners[metric.exposed] != nil {
            return false
        }
        guard handlerSeries[metric.handler, default: 0] < Limits.seriesPerHandler else { return false }
        if families[metric] == nil {
            families[metric] = .init(kind: kind, exposed: metric.exposed)
            owners[metric.exposed] = metric
        }
        handlerSeries[metric.handler, default: 0] += 1
        return true
    }
}

/// What Prometheus takes for names.
enum MetricName {
    private static let bytesAtMost = 64

    static func isName(_ text: String) -> Bool {
        guard (1...bytesAtMost).contains(text.utf8.count), let first = text.utf8.first, !isDigit(first) else {
            return false
        }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    /// `le` and what begins with two underscores belong to Prometheus.
    static func isLabel(_ text: String) -> Bool {
        isName(text) && text != "le" && text != "quantile" && !text.hasPrefix("__")
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
}

extension Duration {
    var inSeconds: Double {
        // 10^9 is 2^9 times 5^9: what lies within two hours is divided with 64 bits, to nanoseconds.
        if let short = UInt64(exactly: attoseconds >> 9) { return Double(short / 1_953_125) / 1e9 }
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
