import Events

/// UTC dates since 1970 in the three forms that AWS uses, without Foundation.
struct CivilTime: Hashable, Sendable {
    var year: Int
    var month: Int
    var day: Int
    /// Since midnight.
    var second: Int

    /// Howard Hinnant's `civil_from_days`: the year begins in March, so that the leap day comes last.
    init(_ instant: Instant) {
        let seconds = max(0, Int(instant.unixMilliseconds / 1000))
        second = seconds % 86400
        let days = seconds / 86400 + 719_468
        let era = days / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var instant: Instant {
        let marchYear = month <= 2 ? year - 1 : year
        let era = marchYear / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Instant(unixSeconds: Int64((era * 146_097 + dayOfEra - 719_468) * 86400 + second))
    }

    /// `20150830`
    var basicDate: String { CivilTime.digits((year, 4), (month, 2), (day, 2)) }

    /// `20150830T123600Z` (ISO 8601 basic format).
    var basic: String {
        basicDate + "T" + CivilTime.digits((second / 3600, 2), (second / 60 % 60, 2), (second % 60, 2)) + "Z"
    }

    private static func digits(_ numbers: (value: Int, width: Int)...) -> String {
        String(unsafeUninitializedCapacity: 8) { text in
            var end = 0
            for number in numbers {
                end += number.width
                var rest = number.value
                for place in stride(from: end - 1, through: end - number.width, by: -1) {
                    text[place] = UInt8(0x30 + rest % 10)
                    rest /= 10
                }
            }
            return end
        }
    }

    private init?(year: Int?, month: Int?, day: Int?, hour: Int?, minute: Int?, second: Int?) {
        guard let year, let month, let day, let hour, let minute, let second,
            1970...9999 ~= year, 1...12 ~= month, 1...31 ~= day, 0...23 ~= hour, 0...59 ~= minute, 0...60 ~= second
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
        self.second = hour * 3600 + minute * 60 + second
    }

    /// `2015-08-30T12:36:00Z`, also with a fraction, which is dropped.
    init?(extended text: String) {
        let parts = text.split(separator: "T")
        guard parts.count == 2, parts[1].hasSuffix("Z") else { return nil }
        let date = parts[0].split(separator: "-").map { Int($0) }
        let time = parts[1].dropLast().prefix { $0 != "." }.split(separator: ":").map { Int($0) }
        guard date.count == 3, time.count == 3 else { return nil }
        self.init(
            year: date[0], month: date[1], day: date[2], hour: time[0], minute: time[1], second: time[2])
    }

    /// `Sun, 30 Aug 2015 12:36:00 GMT` (RFC 9110, section 5.6.7: IMF-fixdate).
    init?(http text: String) {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let month = CivilTime.months.firstIndex(of: words[2]) else {
            return nil
        }
        let time = words[4].split(separator: ":").map { Int($0) }
        guard time.count == 3 else { return nil }
        self.init(
            year: Int(words[3]), month: month + 1, day: Int(words[1]), hour: time[0], minute: time[1],
            second: time[2])
    }

    private static let months: [Substring] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
