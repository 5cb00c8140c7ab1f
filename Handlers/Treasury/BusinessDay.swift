/// Which day a payment belongs to, and when that day is closed.

public import Kit
public import Vocabulary

/// Days that end at a time of day somewhere: what comes at the cut-off or later belongs to the next day.
public struct BusinessDay: Hashable, Sendable {
    private let zone: TimeZone
    private let cutOff: Int
    private let grace: Duration

    /// - Parameters:
    ///   - cutOff: seconds since midnight; 86,400 for the end of the day
    ///   - grace: how long late events are waited for
    public init(zone: TimeZone, cutOff: Int, grace: Duration) {
        self.zone = zone
        self.cutOff = cutOff
        self.grace = grace
    }

    public func day(of time: Timestamp) -> CalendarDay {
        let local = zone.local(time)
        return local.secondOfDay >= cutOff ? local.day + 1 : local.day
    }

    /// When the day is closed.
    public func closing(of day: CalendarDay) -> Timestamp {
        let end = cutOff == 86_400
            ? LocalTime(day: day + 1, secondOfDay: 0) : LocalTime(day: day, secondOfDay: cutOff)
        return zone.timestamp(end) + grace
    }
}
