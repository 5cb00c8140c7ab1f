import Events
import Testing

@Suite struct NamePatternTests {
    @Test(arguments: [
        ("*", "anything.at.all", true), ("*", "", true), ("a.b", "a.b", true), ("a.b", "a.b.c", false),
        ("a.b", "a", false), ("a.*", "a.b", true), ("a.*", "a.", true), ("a.*", "a", false), ("a.*", "a.b.c", false),
        ("*.c", "b.c", true), ("*.c", "c", false), ("Payment.*.v1", "Payment.Settled.v1", true),
        ("Payment.*.v1", "Payment.Settled.v2", false), ("a*", "ab", false), ("", "", true), ("", "a", false),
        ("K", "\u{212A}", false), ("caf\u{E9}", "cafe\u{301}", false),
    ])
    func aSegmentIsTheSameBytesOrOpen(pattern: String, name: String, matches: Bool) {
        #expect(NamePattern(pattern).matches(name) == matches)
    }

    @Test(arguments: [
        ("*", "a.*", true), ("a.*", "*", false), ("a.*", "a.b", true), ("a.*", "a.*", true), ("a.b", "a.*", false),
        ("*.*", "a.*", true), ("*.*", "*", false),
    ])
    func theWiderCoversTheNarrower(wide: String, narrow: String, covers: Bool) {
        #expect(NamePattern(wide).covers(NamePattern(narrow)) == covers)
    }

    @Test func theMoreIsSaidTheMoreExact() {
        let order = ["*", "*.*", "a.*", "a.*.c", "a.b.c"].map { NamePattern($0).exactness }
        #expect(order == order.sorted() && Set(order).count == order.count)
        #expect(NamePattern("a").exactness == NamePattern("a.b").exactness)
    }
}
