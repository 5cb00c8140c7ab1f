// The series of the sidecar's own metrics, found by one lookup.
import Events
import Synchronization

/// The value of one series. Whoever has it changes it, from any thread, without looking it up again.
final class Level: Sendable {
    private let bits: Atomic<UInt64>

    init(_ value: Double = 0) { bits = Atomic(value.bitPattern) }

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (isExchanged, current) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if isExchanged { return }
            old = current
        }
    }
}

/// The same of a histogram.
final class Spread: Sendable {
    private let distribution = Mutex(Registry.Distribution(bounds: Metric.bounds.count))

    var value: Registry.Distribution { distribution.withLock { $0 } }

    func note(_ duration: Duration) { note(0..<1) { _ in duration } }

    /// Several at once: those of `places` that have one.
    func note(_ places: Range<Int>, _ duration: (Int) -> Duration?) {
        distribution.withLock { distribution in
            for place in places {
                guard let seconds = duration(place)?.inSeconds else { continue }
                distribution.note(Metric.bounds.firstIndex { seconds <= $0 } ?? Metric.bounds.count, seconds)
            }
        }
    }
}

/// One value for each series: a metric and the values of its labels. Bounded for each metric.
struct SeriesTable<Value: AnyObject & Sendable>: Sendable {
    struct Series: Hashable, Sendable {
        let metric: Metric
        let labels: [String]
    }
    private var values: [Series: Value] = [:]
    private var counts: [Metric: Int] = [:]
    private(set) var dropped: [Metric: Int] = [:]

    /// The value of a series, made with `initial` if it is new; where there are too many, that of "other", which is
    /// not the series' own.
    mutating func find(
        _ metric: Metric, _ labels: [String], initial: @autoclosure () -> Value
    ) -> (value: Value, isOwn: Bool) {
        if let value = values[Series(metric: metric, labels: labels)] { return (value, true) }
        var series = Series(
            metric: metric, labels: labels.map { String($0.utf8.prefix(Limits.identifierBytes)) ?? Registry.other })
        var isOwn = true
        if !labels.isEmpty, counts[metric, default: 0] >= Limits.seriesPerMetric, values[series] == nil {
            dropped[metric, default: 0] += 1
            series = Series(metric: metric, labels: labels.map { _ in Registry.other })
            isOwn = false
        }
        if let value = values[series] { return (value, isOwn) }
        let value = initial()
        values[series] = value
        counts[metric, default: 0] += 1
        return (value, isOwn)
    }

    /// Those of this metric whose first label is this.
    func all(_ metric: Metric, first label: String) -> [Value] {
        values.filter { $0.key.metric == metric && $0.key.labels.first == label }.map(\.value)
    }

    /// Removes the series of these metrics whose first label has this value.
    mutating func remove(_ metrics: [Metric], first label: String) {
        let gone = values.keys.filter { metrics.contains($0.metric) && $0.labels.first == label }
        for series in gone {
            values[series] = nil
            counts[series.metric, default: 1] -= 1
        }
    }

    /// All of one metric, in the order of their labels.
    subscript(metric: Metric) -> [(labels: [String], value: Value)] {
        values.filter { $0.key.metric == metric }.map { (labels: $0.key.labels, value: $0.value) }
            .sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
    }
}
