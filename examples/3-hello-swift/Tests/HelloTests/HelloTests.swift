/// Events in, effects out, without a sidecar: `swift test`.

import HandlerTesting
import Hello
import Kit
import Testing

@Suite struct HelloTests {
    let host = FakeHost()
    let hello: Hello

    init() throws { hello = try Hello(config: ["greeting": "Good morning"] as JSON) }

    @Test func everySettledPaymentIsGreetedAndCounted() {
        #expect(host.run(hello, "Payment.Settled.v1", ["paymentId": "P-1"]) == .done)
        #expect(host.run(hello, "Payment.Settled.v1", ["paymentId": "P-2"]) == .done)
        #expect(host.logLines.last == "Good morning payment=P-2 greeted=2")
        #expect(host.text("greeted") == #"{"count":2}"#)
    }

    @Test func aPaymentWithoutAnIdIsRejected() {
        #expect(host.run(hello, "Payment.Settled.v1", [:]).code == "payload.mismatch")
        #expect(host.text("greeted") == nil)
    }
}
