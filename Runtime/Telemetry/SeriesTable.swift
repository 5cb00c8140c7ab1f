// The series of the sidecar's own metrics, found by one lookup.
import Events

/// One value for each series: a metric and the values of its labels. Bounded for each metric.
struct SeriesTable<Value: Sendable>: Sendable {
    struct Series: Hashable, Sendable {
        let metric: Metric
        let labels: [String]
    }
    private var places: [Series: Int] = [:]
    private var values: [Value] = []
    private var counts: [Metric: Int] = [:]
    private(set) var dropped: [Metric: Int] = [:]

    /// The place of a series, made with `initial` if it is new; where there are too many, that of "other".
    mutating func place(_ metric: Metric, _ labels: [String], initial: @autoclosure () -> Value) -> Int {
        if let place = places[Series(metric: metric, labels: labels)] { return place }
        var series = Series(
            metric: metric, labels: labels.map { String($0.utf8.prefix(Limits.identifierBytes)) ?? Registry.other })
        if !labels.isEmpty, counts[metric, default: 0] >= Limits.seriesPerMetric, places[series] == nil {
            dropped[metric, default: 0] += 1
            series = Series(metric: metric, labels: labels.map { _ in Registry.other })
        }
        if let place = places[series] { return place }
        places[series] = values.count
        values.append(initial())
        counts[metric, default: 0] += 1
        return values.count - 1
    }

    subscript(place: Int) -> Value {
        get { values[place] }
        _modify { yield &values[place] }
    }

    mutating func setAll(_ metric: Metric, first label: String, to value: Value) {
        for (series, place) in places where series.metric == metric && series.labels.first == label {
            values[place] = value
        }
    }

    /// Removes the series of these metrics whose first label has this value.
    mutating func remove(_ metrics: [Metric], first label: String) {
        let left = places.filter { !metrics.contains($0.key.metric) || $0.key.labels.first != label }
        guard left.count < places.count else { return }
        var kept = SeriesTable()
        kept.dropped = dropped
        for (series, place) in left {
            kept.places[series] = kept.values.count
            kept.values.append(values[place])
            kept.counts[series.metric, default: 0] += 1
        }
        self = kept
    }

    /// All of one metric, in the order of their labels.
    subscript(metric: Metric) -> [(labels: [String], value: Value)] {
        places.filter { $0.key.metric == metric }.map { (labels: $0.key.labels, value: values[$0.value]) }
            .sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
    }
}
