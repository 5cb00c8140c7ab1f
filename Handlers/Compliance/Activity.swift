/// What a user moved lately: the state behind velocity and structuring.

public import Kit

/// Payments and token operations of one user that were not blocked, oldest first. Bounded: beyond ``most`` the oldest
/// are forgotten, and so many within a window is too many by any configuration.
public struct Activity: Hashable, Sendable, Codable {
    public struct Movement: Hashable, Sendable, Codable {
        public let at: Timestamp
        /// See ``Unit/text``.
        public let unit: String
        public let amount: Amount
        public init(at: Timestamp, unit: String, amount: Amount) {
            self.at = at
            self.unit = unit
            self.amount = amount
        }
    }

    public static let most = 256
    /// How much later than it was signed an event may arrive: a day, and an hour for clocks.
    static let lateness = Duration.seconds(25 * 3_600)

    public private(set) var movements: [Movement] = []
    public init() {}

    /// With one movement more, and without those that no window will reach.
    public func adding(_ movement: Movement, keeping window: Duration) -> Activity {
        var activity = self
        let place = movements.firstIndex { $0.at > movement.at } ?? movements.count
        activity.movements.insert(movement, at: place)
        if let newest = activity.movements.last?.at {
            activity.movements.removeAll { $0.at + window + Activity.lateness < newest }
        }
        activity.movements.removeFirst(max(0, activity.movements.count - Activity.most))
        return activity
    }

    /// The most of anything in one window of this length that holds `time`. Windows reach into the future, too: events
    /// come out of order, and whichever comes last shall see all the others.
    func peak<Sum: Comparable>(
        of window: Duration, around time: Timestamp, _ measure: (ArraySlice<Movement>) throws -> Sum
    ) rethrows -> Sum? {
        var peak: Sum?
        for start in movements.indices where movements[start].at <= time && time < movements[start].at + window {
            let limit = movements[start].at + window
            let end = movements[start...].firstIndex { $0.at >= limit } ?? movements.endIndex
            let sum = try measure(movements[start..<end])
            peak = peak.map { max($0, sum) } ?? sum
        }
        return peak
    }
}
