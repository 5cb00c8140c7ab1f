import Events

/// The field `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date in any of its three forms.
enum RetryAfter {
    /// A queue holds a message for so long at most.
    private static let longest = Duration.days(14)

    /// `nil` for what is neither. A date that has passed is now.
    static func parse(_ text: String, at now: Instant) -> Duration? {
        let text = text.trimmingSpaces
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Int64(text).map { min(.seconds($0), longest) } ?? longest
        }
        return date(text).map { min(max(.zero, $0 - now), longest) }
    }

    /// Section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
    static func date(_ text: String) -> Instant? {
        let words = text.split(separator: " ")
        switch words.count {
        case 6 where words[5] == "GMT": return instant(words[1], words[2], words[3], words[4])
        case 4 where words[3] == "GMT":
            let parts = words[1].split(separator: "-")
            guard parts.count == 3, parts[2].count == 2, let year = Int(parts[2]) else { return nil }
            // More than fifty years ahead is meant to be the past; this century's dates are what a service sends.
            return instant(parts[0], parts[1], "\(year < 70 ? 2000 + year : 1900 + year)", words[2])
        case 5: return instant(words[2], words[1], words[4], words[3])
        default: return nil
        }
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func instant(
        _ day: Substring, _ month: Substring, _ year: Substring, _ time: Substring
    ) -> Instant? {
        guard let number = months.firstIndex(of: String(month)), let day = Int(day), (1...31).contains(day),
            year.count == 4, time.count == 8
        else { return nil }
        let digits = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        return Timestamp.parse("\(year)-\(digits(number + 1))-\(digits(day))T\(time)Z".utf8)
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        let start = drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }
}
