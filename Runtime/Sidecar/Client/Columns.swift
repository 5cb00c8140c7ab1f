import Events

/// A table for people: columns as wide as what stands in them.
enum Columns {
    static func text(_ rows: [[String]], indentation: String = "") -> String {
        var widths: [Int] = []
        for row in rows {
            for (index, cell) in row.enumerated() {
                if index == widths.count { widths.append(0) }
                widths[index] = max(widths[index], cell.count)
            }
        }
        let lines = rows.map { row in
            let cells = row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }
            return indentation + cells.joined(separator: "  ")
        }
        return lines.joined(separator: "\n")
    }

    /// `3d 4h`, `12m`, `340ms`: two units at most.
    static func text(of duration: Duration) -> String {
        let milliseconds = max(0, duration.milliseconds)
        guard milliseconds >= 1000 else { return "\(milliseconds)ms" }
        var seconds = milliseconds / 1000
        var parts: [String] = []
        for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] as [(String, Int64)] {
            if seconds >= length { parts.append("\(seconds / length)\(unit)") }
            seconds %= length
        }
        return parts.prefix(2).joined(separator: " ")
    }

    /// `41.2 MiB`.
    static func text(ofBytes count: Int64) -> String {
        var size = Double(count)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if size < 1024 { return unit == "B" ? "\(count) B" : "\((size * 10).rounded() / 10) \(unit)" }
            size /= 1024
        }
        return "\((size * 10).rounded() / 10) TiB"
    }
}
