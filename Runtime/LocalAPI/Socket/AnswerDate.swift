import Events
import Hummingbird
import Pipeline
import Synchronization

/// The `Date` of answers: an origin server that has a clock says when it answered (RFC 9110, section 6.6.1). Written
/// once a second.
final class AnswerDate: Sendable {
    private let clock: any WallClock
    private let written = Mutex<(second: Int64, text: String)>((-1, ""))

    init(clock: any WallClock) { self.clock = clock }

    func stamp(_ response: Response) -> Response {
        var response = response
        response.headers[.date] = text
        return response
    }

    private var text: String {
        let second = clock.now.unixMilliseconds / 1000
        return written.withLock { written in
            if written.second != second { written = (second, Self.text(ofSecond: second)) }
            return written.text
        }
    }

    /// IMF-fixdate (RFC 9110, section 5.6.7), from the same moment in ISO 8601.
    static func text(ofSecond second: Int64) -> String {
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let second = max(0, second)
        let parts = Timestamp.text(of: Instant(unixMilliseconds: second * 1000)).split { "-T.".contains($0) }
        let month = Int(parts[1]).map { months[($0 - 1) % 12] } ?? ""
        return "\(weekdays[Int(second / 86_400 % 7)]), \(parts[2]) \(month) \(parts[0]) \(parts[3]) GMT"
    }
}
