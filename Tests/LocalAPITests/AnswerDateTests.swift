import Events
import HTTP
import Pipeline
import Synchronization
import Testing

@testable import LocalAPI

/// Every answer says when it was given.
@Suite struct AnswerDateTests {
    private final class HandClock: WallClock {
        private let time = Mutex(Instant(unixSeconds: 784_111_777))
        var now: Instant { time.withLock { $0 } }
        func pass(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
    }

    @Test(arguments: [
        // The example of RFC 9110; the epoch; a leap day; the end of a year; the last that four digits hold.
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ])
    func aMomentIsWrittenAsHTTPDoes(second: Int64, text: String) {
        #expect(AnswerDate.text(ofSecond: second) == text)
    }

    @Test func anAnswerARefusalAndAnUnchangedOneSayWhenTheyWereGiven() async throws {
        let clock = HandClock()
        let bench = SocketBench(clock: clock)
        try await bench.serving { _ in
            let answer = try await bench.ask("GET", "/v1/config")
            #expect(answer.headers["Date"] == "Sun, 06 Nov 1994 08:49:37 GMT")
            clock.pass(.milliseconds(1_999))
            let refusal = try await bench.ask("GET", "/v1/nothing")
            #expect(refusal.status == 404 && refusal.headers["Date"] == "Sun, 06 Nov 1994 08:49:38 GMT")
            clock.pass(.milliseconds(1))
            let tag = try #require(answer.headers["ETag"])
            let again = try await bench.ask("GET", "/v1/config", headers: [HTTPHeader("If-None-Match", tag)])
            #expect(again.status == 304 && again.headers["Date"] == "Sun, 06 Nov 1994 08:49:39 GMT")
        }
    }
}
