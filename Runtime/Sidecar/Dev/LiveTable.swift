import Foundation

/// The table of `outrigger dev`: one row a handler, redrawn in place on a terminal.
struct LiveTable {
    let isLive: Bool
    private static let widths = [14, 10, 8, 12, 9]

    func draw(_ rows: [Scoreboard.Row]) {
        guard isLive else { return }
        let lines = lines(rows)
        Terminal.write(lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[K\n\u{1B}[J\u{1B}[\(lines.count)A")
    }

    func finish(_ rows: [Scoreboard.Row]) { Terminal.say(lines(rows).joined(separator: "\n")) }

    private func lines(_ rows: [Scoreboard.Row]) -> [String] {
        let head = line(["handler", "received", "done", "duplicates", "waiting"], "dead letters")
        return [head, String(repeating: "-", count: head.count + 30)]
            + rows.map { row in
                let letters = row.letters.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
                return line(
                    [row.handler, "\(row.received)", "\(row.done)", "\(row.duplicates)", "\(row.waiting)"],
                    letters.joined(separator: ", "))
            }
    }

    private func line(_ cells: [String], _ last: String) -> String {
        zip(cells, Self.widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined() + last
    }
}
