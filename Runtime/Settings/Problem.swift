// What is wrong with a configuration, in words that an operator can act on.
public import Events
import JSON

/// One thing that is wrong: where it stands, what was found, why it cannot be, and what to write instead.
///
/// Safe to log: a found value is cut, escaped, and left out where it might be a secret.
public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Severity: String, Sendable {
        /// The configuration is refused.
        case error
        /// It is accepted, and will probably surprise.
        case warning
        /// Worth knowing, nothing to correct.
        case note
    }

    public let severity: Severity
    /// `settings.unreadable` for the file and its YAML, `receive.queue-unfit` for a queue's own settings,
    /// `settings.invalid` for all else.
    public let code: FailureCode
    /// `outrigger.yaml:12:9`, the name of an environment variable, or the file alone.
    public let place: String
    /// `queues[orders].hold`; empty for the file as a whole.
    public let path: String
    /// The value as found, quoted; empty where nothing stood there or where it must not be shown.
    public let found: String
    public let why: String
    public let fix: String

    public init(
        _ severity: Severity = .error, code: FailureCode = .settingsInvalid, place: String, path: String,
        found: String = "", why: String, fix: String
    ) {
        self.severity = severity
        self.code = code
        self.place = place
        self.path = path
        self.found = found
        self.why = why
        self.fix = fix
    }

    /// Three lines, the first in the form that editors and compilers use.
    public var description: String {
        var first = "\(place): \(severity.rawValue)"
        if !path.isEmpty { first += ": \(path)" }
        if !found.isEmpty { first += " is \(found)" }
        return ([first] + [why, fix].filter { !$0.isEmpty }.map { "    " + $0 }).joined(separator: "\n")
    }

    /// The same in one line, as the one failure type of the house.
    public var failure: Failure {
        let cause = [place + ":", found, why, fix].filter { !$0.isEmpty }.joined(separator: " ")
        return Failure(code, path.isEmpty ? place : path, cause)
    }
}

/// Showing what people wrote.
enum Quote {
    private static let shownCharacters = 60

    /// The text in quotes, cut and escaped; empty if it looks like a secret.
    static func found(_ text: String) -> String {
        if text.contains("-----BEGIN") || (text.contains("://") && text.contains("@")) { return "" }
        let cut = text.unicodeScalars.prefix(shownCharacters).map { scalar -> Unicode.Scalar in
            scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format ? "?" : scalar
        }
        let tail = text.unicodeScalars.count > shownCharacters ? "..." : ""
        return JSONValue.string(String(String.UnicodeScalarView(cut))).compact + tail
    }

    /// `"a", "b" or "c"`.
    static func anyOf(_ words: [String]) -> String {
        guard words.count > 1, let last = words.last else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }
}

/// Finding what was meant.
enum Nearest {
    /// The candidate that differs least from `word`, if it is near enough to be a slip of the finger.
    static func to(_ word: String, among candidates: some Sequence<String>) -> String? {
        guard word.utf8.count <= 80 else { return nil }
        let best = candidates.map { (distance($0, word), $0) }.min { $0 < $1 }
        guard let (distance, candidate) = best, distance <= max(1, word.utf8.count / 3) else { return nil }
        return candidate
    }

    /// Insertions, removals, replacements and swaps of neighbours between two words.
    static func distance(_ first: String, _ second: String) -> Int {
        let a = Array(first.utf8), b = Array(second.utf8)
        var older: [Int] = []
        var old = Array(0...b.count)
        for i in a.indices {
            var new = [i + 1]
            for j in b.indices {
                var cost = min(old[j] + (a[i] == b[j] ? 0 : 1), old[j + 1] + 1, new[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, older[j - 1] + 1) }
                new.append(cost)
            }
            (older, old) = (old, new)
        }
        return old[b.count]
    }
}
