import Events
import Testing

@Suite struct SteadyTimeTests {
    private static let second: Int64 = 1_000_000_000
    private static let hour = 3_600 * second
    private static let start = 1_790_000_000 * second

    /// So many seconds, read a thousand times in each.
    private static func read(
        _ seconds: Int64, _ time: inout SteadyTime, from elapsed: Int64, wallAhead: Int64
    ) -> Int64 {
        var read: Int64 = 0
        for tick in stride(from: Int64(0), through: seconds * second, by: Int(second / 1_000)) {
            read = time.read(wall: start + elapsed + tick + wallAhead, elapsed: elapsed + tick)
        }
        return read
    }

    @Test func itShowsWhatTheWallClockShows() {
        var time = SteadyTime(wall: Self.start, elapsed: 0)
        #expect(Self.read(10, &time, from: 0, wallAhead: 0) == Self.start + 10 * Self.second)
    }

    @Test func aClockSetBackByHoursIsFollowedAtHalfTheSpeed() {
        var time = SteadyTime(wall: Self.start, elapsed: 0)
        let after = Self.read(10, &time, from: 0, wallAhead: -3 * Self.hour)
        #expect(after == Self.start + 5 * Self.second)
    }

    @Test func aClockSetForwardByDaysIsFollowedAtTwiceTheSpeed() {
        var time = SteadyTime(wall: Self.start, elapsed: 0)
        let after = Self.read(10, &time, from: 0, wallAhead: 240 * Self.hour)
        #expect(after == Self.start + 20 * Self.second)
    }

    @Test func whatWasSetWrongAndRightAgainWasHardlyNoticed() {
        var time = SteadyTime(wall: Self.start, elapsed: 0)
        _ = Self.read(10, &time, from: 0, wallAhead: 240 * Self.hour)
        let after = Self.read(20, &time, from: 10 * Self.second, wallAhead: 0)
        #expect(after == Self.start + 30 * Self.second)
    }

    @Test func smallCorrectionsAreTakenInAtOnce() {
        var time = SteadyTime(wall: Self.start, elapsed: 0)
        let after = Self.read(1, &time, from: 0, wallAhead: Self.second / 4)
        #expect(after == Self.start + Self.second + Self.second / 4)
    }

    @Test func aMonotonicClockThatIsNoneMovesNothing() {
        var time = SteadyTime(wall: Self.start, elapsed: 100)
        #expect(time.read(wall: Self.start + Self.hour, elapsed: 50) == Self.start)
        #expect(time.read(wall: Self.start - Self.hour, elapsed: 100) == Self.start)
    }
}
