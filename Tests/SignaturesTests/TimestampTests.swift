import Events
import Signatures
import Testing

@Suite("Timestamps")
struct TimestampTests {
    @Test(
        "What UTC looks like",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2025-09-01T12:34:56Z", 1_756_730_096_000),
            ("2025-09-01T12:34:56.7Z", 1_756_730_096_700), ("2025-09-01T12:34:56.789Z", 1_756_730_096_789),
            ("2025-09-01T12:34:56.7899999Z", 1_756_730_096_789), ("2025-09-01T12:34:56+00:00", 1_756_730_096_000),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999), ("2100-03-01T00:00:00Z", 4_107_542_400_000),
        ])
    func reads(text: String, milliseconds: Int64) {
        #expect(Timestamp.parse(text.utf8) == Instant(unixMilliseconds: milliseconds))
    }

    @Test(
        "What is no moment in UTC",
        arguments: [
            "", "2025-09-01", "2025-09-01T12:34:56", "2025-09-01 12:34:56Z", "2025-09-01t12:34:56z",
            "2025-09-01T12:34:56+02:00",
            "2025-09-01T12:34Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z", "2025-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2025-09-31T00:00:00Z", "2025-09-00T00:00:00Z", "2025-09-01T24:00:00Z", "2025-09-01T12:60:00Z",
            "2025-09-01T12:34:60Z", "2025-09-01T12:34:56.Z", "2025-09-01T12:34:56.1234567890Z",
            "2025-09-01T12:34:56,5Z",
            "1969-12-31T23:59:59Z", "+025-09-01T12:34:56Z", "2025-9-1T12:34:56Z", "2025-09-01T12:34:56ZZ", "1756730096",
            "２025-09-01T12:34:56Z",
        ])
    func refuses(text: String) {
        #expect(Timestamp.parse(text.utf8) == nil)
    }

    @Test("What is written is read again, over two centuries of days")
    func roundTrip() {
        for day in stride(from: Int64(0), to: 80_000, by: 13) {
            let instant = Instant(unixMilliseconds: day * 86_400_000 + day * 977 % 86_400_000)
            #expect(Timestamp.parse(Timestamp.text(of: instant).utf8) == instant)
        }
        #expect(Timestamp.text(of: Instant(unixMilliseconds: 1_756_730_096_789)) == "2025-09-01T12:34:56.789Z")
    }
}
