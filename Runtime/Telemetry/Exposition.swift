// Prometheus text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
import Events

/// Renders a registry's state. The same state gives the same text: series are sorted.
struct Exposition {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private var text = ""

    init(_ state: Registry.State) {
        for metric in Metric.all {
            switch metric.kind {
            case .histogram: write(metric, state.distributions[metric])
            case .counter, .gauge: write(metric, state.numbers[metric])
            }
        }
        for (_, family) in state.families.sorted(by: { $0.value.exposed < $1.value.exposed }) { write(family) }
    }

    var rendered: String { text }

    private mutating func head(_ name: String, _ kind: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
    }

    private mutating func write(_ metric: Metric, _ series: [(labels: [String], value: Level)]) {
        guard !series.isEmpty else { return }
        head(metric.name, metric.kind.rawValue, metric.help)
        for (labels, value) in series { line(metric.name, Array(zip(metric.labels, labels)), Self.number(value.value)) }
    }

    private mutating func write(_ metric: Metric, _ series: [(labels: [String], value: Spread)]) {
        guard !series.isEmpty else { return }
        head(metric.name, "histogram", metric.help)
        for (labels, spread) in series {
            write(metric.name, Array(zip(metric.labels, labels)), spread.value, Metric.bounds)
        }
    }

    private mutating func write(_ family: Registry.HandlerFamily) {
        head(family.exposed, family.kind.rawValue, "A metric of the handler's own.")
        let isBefore = { (a: Registry.NamedLabels, b: Registry.NamedLabels) in
            a.pairs.flatMap { [$0.name, $0.value] }.lexicographicallyPrecedes(b.pairs.flatMap { [$0.name, $0.value] })
        }
        for (labels, value) in family.counters.sorted(by: { isBefore($0.key, $1.key) }) {
            line(family.exposed, labels.pairs.map { ($0.name, $0.value) }, String(value))
        }
        for (labels, distribution) in family.distributions.sorted(by: { isBefore($0.key, $1.key) }) {
            write(family.exposed, labels.pairs.map { ($0.name, $0.value) }, distribution, Metric.handlerBounds)
        }
    }

    private mutating func write(
        _ name: String, _ labels: [(String, String)], _ distribution: Registry.Distribution, _ bounds: [Double]
    ) {
        var total: UInt64 = 0
        for (index, count) in distribution.counts.enumerated() {
            total &+= count
            let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
            line(name + "_bucket", labels + [("le", bound)], String(total))
        }
        line(name + "_sum", labels, Self.number(distribution.sum))
        line(name + "_count", labels, String(total))
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else { return text }
        return text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// Whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : value.description
    }
}
