import Events
import JSON

/// Dead letters for people.
enum LetterWords {
    static func list(_ answer: JSONValue) -> String {
        let letters = answer["letters"]?.array ?? []
        guard !letters.isEmpty else { return "No dead letters.\n" + parked(answer) }
        let now = SystemClock().now
        var rows = [["ID", "AGE", "CODE", "HANDLER", "DETAIL-TYPE", "ATTEMPTS", "EVENT"]]
        for letter in letters {
            func text(_ name: String) -> String { dashed(letter[name]?.string) }
            let attempts = letter["attempts"]?.int ?? 0
            rows.append([
                text("id"), age(letter["arrivedAt"], now), text("code"), text("handler"), text("detailType"),
                String(attempts), text("eventId"),
            ])
        }
        return Columns.text(rows) + "\n" + rest(answer)
    }

    static func groups(_ answer: JSONValue) -> String {
        let groups = answer["groups"]?.array ?? []
        guard !groups.isEmpty else { return "No dead letters.\n" + parked(answer) }
        let now = SystemClock().now
        var rows = [["COUNT", "OLDEST", "NEWEST", "FINGERPRINT", "REASON"]]
        for group in groups {
            rows.append([
                String(group["count"]?.int ?? 0), age(group["oldest"], now), age(group["newest"], now),
                group["fingerprint"]?.string ?? "", dashed(group["reason"]?.string),
            ])
        }
        return Columns.text(rows) + "\n" + rest(answer)
    }

    static func letter(_ letter: JSONValue) -> String {
        var rows = (letter.members ?? []).filter { !["attributes", "body"].contains($0.key) }
            .map { [$0.key, scalar($0.value)] }
        rows += (letter["attributes"]?.members ?? []).map { ["attribute \($0.key)", scalar($0.value)] }
        return Columns.text(rows) + "\n\n" + printable(letter["body"]?.string ?? "") + "\n"
    }

    static func count(_ found: DeadLetters.Found) -> String {
        letters(found.total) + (found.isWhole ? "" : " (and more: so many were looked at)")
    }

    static func letters(_ count: Int) -> String { count == 1 ? "1 letter" : "\(count) letters" }

    static func dryRun(_ what: String, _ found: DeadLetters.Found) -> String {
        found.total == 0 ? "No dead letters.\n" : groups(found.groups) + what + ".\n"
    }

    static func redriven(_ report: JSONValue, canary: Int) -> String {
        func number(_ name: String) -> Int { Int(report[name]?.int ?? 0) }
        var lines = ["\(letters(number("moved"))) sent back."]
        switch report["canary"]?.string {
        case "passed": lines.append("The canary of \(canary) passed: each was done.")
        case "silent": lines.append("Of the canary of \(canary) none came back; no journal is here to say more.")
        case "failed":
            lines.append("Stopped: of the canary of \(canary), \(report["failed"]?.array?.count ?? 0) failed again.")
        case "undecided":
            lines.append("Stopped: of the canary of \(canary), \(number("passed")) were done in time, others not yet.")
        default: break
        }
        if number("refused") > 0 { lines.append("\(letters(number("refused"))) stay: the queue did not take them.") }
        if number("doubled") > 0 {
            lines.append("\(letters(number("doubled"))) were sent and stay as well: sent again, they are duplicates.")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: - parts

    private static func rest(_ answer: JSONValue) -> String {
        (answer["whole"]?.bool == false ? "There may be more: so many were looked at.\n" : "") + parked(answer)
    }

    /// The FIFO groups that stand behind an event, ten of them by name.
    private static func parked(_ answer: JSONValue) -> String {
        let groups = answer["parked"]?.array ?? []
        guard !groups.isEmpty else { return "" }
        let now = SystemClock().now
        var rows = [["PARKED GROUP", "FOR", "BEHIND EVENT"]]
        for group in groups.prefix(10) {
            rows.append([
                printable(group["messageGroup"]?.string ?? ""), age(group["since"], now),
                printable(group["behind"]?.string ?? ""),
            ])
        }
        let rest = groups.count > 10 ? "and \(groups.count - 10) more\n" : ""
        return "\n" + Columns.text(rows) + "\n" + rest
    }

    private static func dashed(_ text: String?) -> String { text.flatMap { $0.isEmpty ? nil : $0 } ?? "-" }

    private static func age(_ time: JSONValue?, _ now: Instant) -> String {
        guard let text = time?.string, let then = Timestamp.parse(text.utf8) else { return "-" }
        return Columns.text(of: now - then)
    }

    private static func scalar(_ value: JSONValue) -> String { printable(value.string ?? value.compactText) }

    /// What a stranger wrote must not speak to the terminal.
    private static func printable(_ text: String) -> String {
        var clean = ""
        for scalar in text.unicodeScalars {
            let isControl = (scalar.value < 0x20 && scalar != "\n") || (0x7F..<0xA0).contains(scalar.value)
            clean.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
        }
        return clean
    }
}
