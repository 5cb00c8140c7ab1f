/// Lengths and times of day, as configurations write them.

public import Kit

extension JSON {
    /// A length of time: `30s`, `15m`, `12h`, `7d`. At most 3,650 days, and more than none.
    public func period(at place: Pointer) throws(Mismatch) -> Duration {
        let text = try string(at: place)
        let seconds: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ seconds[$0] }), text.utf8.count <= 10,
            text.utf8.dropLast().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let count = Int(text.dropLast()), (1...3_650 * 86_400).contains(count * unit)
        else { throw Mismatch(place, expected: "a length of time such as 30s, 15m, 12h or 7d") }
        return .seconds(count * unit)
    }

    /// A length of time that may be left out.
    public func period(at place: Pointer, default standard: Duration) throws(Mismatch) -> Duration {
        self[place] == nil ? standard : try period(at: place)
    }

    /// A time of day, `17:30`, in seconds since midnight; `24:00` is the end of the day.
    public func timeOfDay(at place: Pointer) throws(Mismatch) -> Int {
        let text = Array(try string(at: place).utf8)
        let digits = text.map { Int($0) - 48 }
        guard text.count == 5, text[2] == UInt8(ascii: ":"),
            [0, 1, 3, 4].allSatisfy({ (0...9).contains(digits[$0]) })
        else { throw Mismatch(place, expected: "a time of day such as 17:30") }
        let seconds = (digits[0] * 10 + digits[1]) * 3_600 + (digits[3] * 10 + digits[4]) * 60
        guard digits[3] < 6, seconds <= 86_400 else {
            throw Mismatch(place, expected: "a time of day such as 17:30")
        }
        return seconds
    }

    /// A time zone: a name such as `Europe/Zurich`, `UTC`, or a rule of POSIX.
    public func timeZone(at place: Pointer) throws(Mismatch) -> TimeZone {
        guard let zone = TimeZone(try string(at: place)) else {
            throw Mismatch(place, expected: "a time zone such as Europe/Zurich, or a rule of POSIX")
        }
        return zone
    }
}
