// The two generated pages: METRICS.md and FAILURES.md.
import Events

public enum Catalogues {
    /// `Runtime/METRICS.md`.
    public static var metrics: String {
        let rows = Metric.all.map { metric in
            let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
            return "| `\(metric.name)` | \(metric.kind.rawValue) | \(labels) | \(metric.help) |"
        }
        let stages = Stage.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        return """
            # Metrics

            Generated from `Runtime/Telemetry/Metric.swift`; a test keeps this page current. `GET /metrics` serves them
            as Prometheus text. Times are in seconds; histograms have the buckets
            \(list(Metric.bounds)).

            A metric has at most \(Limits.seriesPerMetric) label sets. What comes beyond is counted under the label
            value `other`, and in `outrigger_series_dropped_total`. `stage` is one of
            \(stages); `code` is a code of [FAILURES.md](FAILURES.md).

            | metric | kind | labels | meaning |
            |---|---|---|---|
            \(rows.joined(separator: "\n"))

            ## Handlers' own

            What a handler counts or observes is `handler_<id>_<name>`, dashes of the id as underscores, with its own
            labels: \(Limits.seriesPerHandler) label sets for each handler. Those beyond are dropped, and counted in
            `outrigger_handler_telemetry_dropped_total`. Its histograms have the buckets
            \(list(Metric.handlerBounds)).

            """
    }

    private static func list(_ bounds: [Double]) -> String {
        bounds.map(Exposition.number).joined(separator: ", ")
    }

    /// `Runtime/FAILURES.md`.
    public static var failures: String {
        var lines = [
            "# Failures", "",
            "Generated from the catalogue in `Runtime/Events`; a test keeps this page current. Each code is a value of",
            "the label `code` in [METRICS.md](METRICS.md), of the log field `code`, and of a dead letter's attribute",
            "`outrigger-failure`.",
            "", "| what follows | meaning |", "|---|---|",
        ]
        lines += dispositions.map { "| \($0.0.rawValue) | \($0.1) |" }
        var areas: [String] = []
        for code in FailureCode.allCases where !areas.contains(code.area) { areas.append(code.area) }
        for area in areas {
            lines += ["", "## \(area)", "", "| code | meaning | what follows | what to do |", "|---|---|---|---|"]
            lines += FailureCode.allCases.filter { $0.area == area }.map { code in
                let entry = code.entry
                let cells = ["`\(code.rawValue)`", entry.meaning, entry.disposition.rawValue, entry.remedy]
                return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let dispositions: [(Disposition, String)] = [
        (.quarantine, "The message goes to the quarantine: it was never verified."),
        (.deadLetter, "The message goes to the dead letters."),
        (.retry, "The message is tried again, with backoff."),
        (.pause, "Nothing is received until the cause is gone; no message is blamed."),
        (.refuse, "The sidecar does not start, or keeps what it had."),
        (.note, "Counted and logged; the event's way goes on."),
        (.answer, "Who asked over the local API is told; nothing was taken."),
    ]
}
