/// Time zones without Foundation, which would cost a worker 13 MB.

import Glibc
public import Kit

/// What clocks show somewhere, by the rule that is in force now, such as `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX.1-2024,
/// 8.3, `TZ`).
///
/// A name is looked up in the system's database (RFC 9636), whose files end with that rule. Events are at most days
/// old, so earlier rules are of no use.
public struct TimeZone: Hashable, Sendable {
    /// East of Greenwich, in seconds.
    private let standard: Int
    private let summer: Summer?

    public static let utc = TimeZone(standard: 0, summer: nil)

    private init(standard: Int, summer: Summer?) {
        self.standard = standard
        self.summer = summer
    }

    /// - Parameter text: `UTC`, a name of the system's database, or a rule.
    public init?(_ text: String) {
        if text == "UTC" {
            self = .utc
        } else if let zone = ZoneRule.parse(text) ?? ZoneFile.rule(of: text).flatMap(ZoneRule.parse) {
            self.init(standard: zone.standard, summer: zone.summer)
        } else {
            return nil
        }
    }

    /// What clocks show at a point in time.
    public func local(_ time: Timestamp) -> LocalTime {
        let second = seconds(time) + offset(at: time)
        let day = (second >= 0 ? second : second - 86_399) / 86_400
        return LocalTime(day: CalendarDay(number: day), secondOfDay: second - day * 86_400)
    }

    /// When clocks show it. What they show twice is its first time; what they skip is as much after the change.
    public func timestamp(_ local: LocalTime) -> Timestamp {
        let second = local.day.number * 86_400 + local.secondOfDay
        let candidates = [standard, summer?.offset ?? standard].sorted(by: >)
        for offset in candidates where self.offset(atSecond: second - offset) == offset {
            return Timestamp(milliseconds: Int64(second - offset) * 1_000)
        }
        return Timestamp(milliseconds: Int64(second - standard) * 1_000)
    }

    /// East of Greenwich, in seconds.
    public func offset(at time: Timestamp) -> Int { offset(atSecond: seconds(time)) }

    private func seconds(_ time: Timestamp) -> Int {
        let (seconds, rest) = time.milliseconds.quotientAndRemainder(dividingBy: 1_000)
        return Int(rest < 0 ? seconds - 1 : seconds)
    }

    private func offset(atSecond second: Int) -> Int {
        guard let summer else { return standard }
        let days = second + standard
        let year = CalendarDay(number: (days >= 0 ? days : days - 86_399) / 86_400).date.year
        let begin = summer.begin.second(in: year) - standard
        let end = summer.end.second(in: year) - summer.offset
        let isSummer = begin < end ? (begin..<end).contains(second) : !(end..<begin).contains(second)
        return isSummer ? summer.offset : standard
    }
}

/// Daylight saving time.
struct Summer: Hashable, Sendable {
    let offset: Int
    /// By the clocks of the standard time.
    let begin: ChangeDay
    /// By the clocks of the summer.
    let end: ChangeDay
}

/// When clocks change, each year.
struct ChangeDay: Hashable, Sendable {
    enum Day: Hashable, Sendable {
        /// The nth weekday of a month; the fifth is the last.
        case weekday(month: Int, week: Int, weekday: Int)
        /// 1 to 365; 29 February is never counted.
        case julian(Int)
        /// 0 to 365.
        case dayOfYear(Int)
    }
    let day: Day
    let secondOfDay: Int

    /// Seconds since 1970 on the clocks before the change.
    func second(in year: Int) -> Int {
        let day: CalendarDay =
            switch self.day {
            case .dayOfYear(let number): CalendarDay(year: year, month: 1, day: 1) + number
            case .julian(let number):
                // In a year that has no leap day.
                CalendarDay(year: 1970, month: 1, day: 1).with(dayOfYear: number, in: year)
            case .weekday(let month, let week, let weekday): ChangeDay.day(year, month, week, weekday)
            }
        return day.number * 86_400 + secondOfDay
    }

    private static func day(_ year: Int, _ month: Int, _ week: Int, _ weekday: Int) -> CalendarDay {
        let first = CalendarDay(year: year, month: month, day: 1)
        let next = month == 12
            ? CalendarDay(year: year + 1, month: 1, day: 1) : CalendarDay(year: year, month: month + 1, day: 1)
        var day = first + ((weekday - first.weekday + 7) % 7 + (week - 1) * 7)
        while day >= next { day = day + -7 }
        return day
    }
}

extension CalendarDay {
    /// The same month and day in another year.
    fileprivate func with(dayOfYear number: Int, in year: Int) -> CalendarDay {
        let date = (self + (number - 1)).date
        return CalendarDay(year: year, month: date.month, day: date.day)
    }
}

/// The system's database.
private enum ZoneFile {
    private static let folder = "/usr/share/zoneinfo/"
    private static let largest = 65_536

    /// The last line of a zone's file, or `nil` for a name that is none.
    static func rule(of name: String) -> String? {
        let isName = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "+"):
                true
            default: false
            }
        }
        guard isName, (1...64).contains(name.utf8.count), name.utf8.first != UInt8(ascii: "/"),
            let file = fopen(folder + name, "rb")
        else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: largest)
        let count = fread(&bytes, 1, largest, file)
        let text = bytes[..<count]
        guard text.starts(with: Array("TZif".utf8)), text.last == UInt8(ascii: "\n"),
            let start = text.dropLast().lastIndex(of: UInt8(ascii: "\n"))
        else { return nil }
        return String(decoding: text[(start + 1)...].dropLast(), as: UTF8.self)
    }
}
