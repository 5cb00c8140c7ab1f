import Events
import Pipeline
import Testing

@Suite struct RouteTableTests {
    private func table(_ routes: [(String, String, String)]) throws -> RouteTable {
        try RouteTable(routes.map { .init(source: $0.0, detailType: $0.1, handler: HandlerID($0.2)) })
    }

    @Test func theMostExactRouteWinsSourceBeforeDetailType() throws {
        let table = try table([
            ("*", "*", "any"), ("*", "Payment.Settled.v1", "type"), ("qsl.*", "*", "house"), ("qsl.pay", "*", "source"),
            ("qsl.pay", "Payment.*.v1", "segments"), ("qsl.pay", "Payment.Settled.v1", "exact"),
        ])
        func handler(_ source: String, _ type: String) -> String? {
            table.destination(source: source, detailType: type)?.0.text
        }
        #expect(handler("qsl.pay", "Payment.Settled.v1") == "exact")
        #expect(handler("qsl.pay", "Payment.Failed.v1") == "segments")
        #expect(handler("qsl.pay", "Payment.Failed.v2") == "source")
        #expect(handler("qsl.tok", "Payment.Settled.v1") == "house")
        #expect(handler("other", "Payment.Settled.v1") == "type")
        #expect(handler("other", "Thing") == "any")
    }

    @Test func aStarIsOneSegment() throws {
        let table = try table([("s", "Payment.*.v1", "h")])
        #expect(table.destination(source: "s", detailType: "Payment.A.B.v1") == nil)
        #expect(table.destination(source: "s", detailType: "Payment.v1") == nil)
    }

    @Test func twoHandlersOfOneRouteAreAConflict() {
        #expect(throws: Failure.self) { try table([("s", "t", "a"), ("s", "t", "b")]) }
    }
}
