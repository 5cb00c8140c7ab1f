import Events
import Testing

/// What makes two events the same.
struct EventIDTests {
    @Test("ids are compared by bytes, not by what Unicode calls equivalent")
    func equivalentTextIsAnotherID() {
        let composed = EventID(issuer: "qsl", text: "caf\u{E9}")
        let decomposed = EventID(issuer: "qsl", text: "cafe\u{301}")
        #expect(composed.text == decomposed.text)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(EventID(issuer: "caf\u{E9}", text: "1") != EventID(issuer: "cafe\u{301}", text: "1"))
        #expect(composed == EventID(issuer: "qsl", text: "caf\u{E9}"))
    }
}
