/// Moments as tokens and the API write them: ISO 8601 in UTC, as RFC 3339 has it.
public enum Timestamp {
    /// Reads `2025-09-01T12:34:56Z`, with up to nine digits of a second's fraction, of which three count. UTC is `Z` or
    /// `+00:00`; another offset is no UTC. A leap second is the start of the next.
    @inlinable public static func parse(_ text: some Collection<UInt8>) -> Instant? {
        text.withContiguousStorageIfAvailable { parse(buffer: $0) }
            ?? [UInt8](text).withUnsafeBufferPointer { parse(buffer: $0) }
    }

    @usableFromInline static func parse(buffer text: UnsafeBufferPointer<UInt8>) -> Instant? {
        var reader = Reader(rest: text[...])
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let day = reader.number(2), reader.skip("T"), let hour = reader.number(2), reader.skip(":"),
            let minute = reader.number(2), reader.skip(":"), let second = reader.number(2),
            let milliseconds = reader.fraction(), reader.isUTCAndDone
        else { return nil }
        guard year >= 1970, (1...12).contains(month), (1...daysIn(month, of: year)).contains(day), hour < 24,
            minute < 60, second < 60 || (second == 60 && minute == 59 && hour == 23)
        else { return nil }
        let seconds = ((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
        return Instant(unixMilliseconds: seconds * 1000 + milliseconds)
    }

    /// `2025-09-01T12:34:56.789Z`, for moments from 1970 to 9999.
    public static func text(of instant: Instant) -> String {
        let milliseconds = max(0, min(instant.unixMilliseconds, 253_402_300_799_999))
        let (days, rest) = (milliseconds / 86_400_000, milliseconds % 86_400_000)
        let (year, month, day) = date(ofDay: days)
        let time = [(rest / 3_600_000, 2), (rest / 60_000 % 60, 2), (rest / 1000 % 60, 2), (rest % 1000, 3)]
            .map { digits($0.0, $0.1) }
        return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))T\(time[0]):\(time[1]):\(time[2]).\(time[3])Z"
    }

    private struct Reader {
        var rest: Slice<UnsafeBufferPointer<UInt8>>

        mutating func number(_ digits: Int) -> Int64? {
            guard rest.count >= digits else { return nil }
            var value: Int64 = 0
            for byte in rest.prefix(digits) {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte & 15)
            }
            rest = rest.dropFirst(digits)
            return value
        }

        mutating func skip(_ character: Unicode.Scalar) -> Bool { rest.popFirst() == UInt8(ascii: character) }

        mutating func fraction() -> Int64? {
            guard rest.first == UInt8(ascii: ".") else { return 0 }
            rest.removeFirst()
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard (1...9).contains(digits.count) else { return nil }
            rest = rest.dropFirst(digits.count)
            let counted = digits.prefix(3)
            let value = counted.reduce(Int64(0)) { $0 * 10 + Int64($1 & 15) }
            return counted.count == 3 ? value : counted.count == 2 ? value * 10 : value * 100
        }

        var isUTCAndDone: Bool {
            rest.count == 1 ? rest.first == UInt8(ascii: "Z") : rest.elementsEqual("+00:00".utf8)
        }
    }

    private static func daysIn(_ month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    // The Gregorian calendar in eras of 400 years, each of which starts with a March, so that leap days come last.
    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let marchYear = month > 2 ? year : year - 1
        let (era, yearOfEra) = (marchYear / 400, marchYear % 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(ofDay days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let (era, dayOfEra) = (shifted / 146_097, shifted % 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func digits(_ value: Int64, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}
