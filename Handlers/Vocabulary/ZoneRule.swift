/// Reads the rule of a time zone.

/// `std offset [dst [offset] , start [/time] , end [/time]]`, as POSIX.1-2024, 8.3, and RFC 9636, 3.3.1 write it.
struct ZoneRule {
    let standard: Int
    let summer: Summer?

    static func parse(_ text: String) -> ZoneRule? {
        guard text.utf8.count <= 64 else { return nil }
        var reader = RuleReader(text)
        guard reader.name(), let west = reader.time(signed: true) else { return nil }
        if reader.isAtEnd { return ZoneRule(standard: -west, summer: nil) }
        guard reader.name() else { return nil }
        let summerWest: Int
        if reader.next == UInt8(ascii: ",") {
            summerWest = west - 3_600
        } else {
            guard let read = reader.time(signed: true) else { return nil }
            summerWest = read
        }
        guard let begin = reader.change(), let end = reader.change(), reader.isAtEnd else { return nil }
        return ZoneRule(standard: -west, summer: Summer(offset: -summerWest, begin: begin, end: end))
    }
}

private struct RuleReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    var next: UInt8? { place < bytes.count ? bytes[place] : nil }
    var isAtEnd: Bool { place == bytes.count }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    /// Three letters or more, or `<` anything but a `>` `>`.
    mutating func name() -> Bool {
        let start = place
        if take("<") {
            while let byte = next, byte != UInt8(ascii: ">") { place += 1 }
            return take(">") && place - start > 4
        }
        while let byte = next, (byte | 0x20) >= UInt8(ascii: "a"), (byte | 0x20) <= UInt8(ascii: "z") { place += 1 }
        return place - start >= 3
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int? {
        var value = 0
        let start = place
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), place - start < 3 {
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            place += 1
        }
        return place > start && range.contains(value) ? value : nil
    }

    /// `hh[:mm[:ss]]`, in seconds. RFC 9636 lets hours go to 167.
    mutating func time(signed: Bool) -> Int? {
        let isNegative = signed && take("-")
        if signed, !isNegative { _ = take("+") }
        guard var seconds = number(0...167).map({ $0 * 3_600 }) else { return nil }
        for unit in [60, 1] where take(":") {
            guard let part = number(0...59) else { return nil }
            seconds += part * unit
        }
        return isNegative ? -seconds : seconds
    }

    /// `,M3.5.0/3`, `,J60` or `,59`; at two o'clock unless it says when.
    mutating func change() -> ChangeDay? {
        guard take(","), let day = day() else { return nil }
        guard take("/") else { return ChangeDay(day: day, secondOfDay: 7_200) }
        return time(signed: true).map { ChangeDay(day: day, secondOfDay: $0) }
    }

    private mutating func day() -> ChangeDay.Day? {
        if take("J") { return number(1...365).map(ChangeDay.Day.julian) }
        guard take("M") else { return number(0...365).map(ChangeDay.Day.dayOfYear) }
        guard let month = number(1...12), take("."), let week = number(1...5), take("."), let weekday = number(0...6)
        else { return nil }
        return .weekday(month: month, week: week, weekday: weekday)
    }
}
