/// When somebody is not to be disturbed, by the clocks where they live.

import Kit
import Vocabulary

/// From a time of day until another, which may be on the next day.
struct QuietHours: Hashable, Sendable {
    private let from: Int
    private let to: Int
    private let zone: TimeZone

    /// When the quiet hours that hold `time` are over; `nil` outside of them.
    func end(at time: Timestamp) -> Timestamp? {
        let local = zone.local(time)
        let isQuiet = from < to
            ? (from..<to).contains(local.secondOfDay) : local.secondOfDay >= from || local.secondOfDay < to
        guard isQuiet else { return nil }
        let endsTomorrow = local.secondOfDay >= to
        // Where clocks are put back, the end of that name may be past: whoever waits for it asks again.
        return max(
            zone.timestamp(LocalTime(day: local.day + (endsTomorrow ? 1 : 0), secondOfDay: to)), time + .seconds(60))
    }

    /// `{"timeZone": "Europe/Zurich", "quietHours": {"from": "22:00", "to": "07:00"}}`
    /// - Returns: `nil` where no quiet hours are said.
    init?(json: JSON, at place: Pointer) throws(JSON.Mismatch) {
        let zone = try QuietHours.zone(at: place / "timeZone", in: json)
        guard json[place / "quietHours"] != nil else { return nil }
        from = try json.timeOfDay(at: place / "quietHours" / "from")
        to = try json.timeOfDay(at: place / "quietHours" / "to")
        self.zone = zone
        guard from != to, from < 86_400, to < 86_400 else {
            throw JSON.Mismatch(place / "quietHours" / "to", expected: "another time of day than `from`")
        }
    }

    /// A time zone by name, or an offset such as `+05:30`.
    private static func zone(at place: Pointer, in json: JSON) throws(JSON.Mismatch) -> TimeZone {
        let text = try json.string(at: place)
        guard let sign = text.first, sign == "+" || sign == "-" else { return try json.timeZone(at: place) }
        // POSIX counts west of Greenwich.
        let offset = text.dropFirst()
        let west = (sign == "+" ? "-" : "+") + offset
        guard offset.utf8.count == 5, let zone = TimeZone("<\(sign)\(offset.filter { $0 != ":" })>\(west)") else {
            throw JSON.Mismatch(place, expected: "a time zone, or an offset such as +05:30")
        }
        return zone
    }
}
