/// How many payments of a user were cleared on each of the last days.

public import Kit

/// Counts by day (UTC), so that events of yesterday that arrive after midnight count for yesterday.
public struct DailyCount: Hashable, Sendable {
    /// Events arrive within a day and an hour; one day more is kept.
    static let days = 3
    private var counts: [Int: Int]

    public init() { counts = [:] }

    public subscript(day: Int) -> Int { counts[day] ?? 0 }

    /// Adds one to a day, and forgets the oldest beyond three.
    public mutating func add(day: Int) {
        counts[day, default: 0] += 1
        while counts.count > DailyCount.days, let oldest = counts.keys.min() { counts[oldest] = nil }
    }
}

extension DailyCount: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        counts = [:]
        for member in try json.members(at: "") {
            guard let day = Int(member.key) else { throw JSON.Mismatch("" / member.key, expected: "a day") }
            counts[day] = try member.value.integer(at: "")
        }
    }

    public var json: JSON {
        var json = JSON.Members()
        for (day, count) in counts { json.set(String(day), .number(JSON.Number(count))) }
        return .object(json)
    }
}
