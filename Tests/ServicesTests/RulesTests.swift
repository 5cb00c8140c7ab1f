@testable import Services
import Events
import JSON
import Pipeline
import Testing

extension ServiceCall {
    static func test(
        _ path: String = "/entries", service: String = "ledger", method: String = "POST",
        headers: [Attribute] = [], body: String = "{}", key: String = "", timeout: Duration = .seconds(10),
        event: String = "e-1", handler: String = "treasury", attempt: Int = 1, ordinal: Int = 1,
        traceParent: String = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    ) -> ServiceCall {
        ServiceCall(
            service: service, method: method, path: path, headers: headers, body: Bytes(body), idempotencyKey: key,
            timeout: timeout,
            origin: .init(
                event: EventID(issuer: "issuer", text: event), handler: HandlerID(handler), attempt: attempt,
                ordinal: ordinal, traceParent: traceParent))
    }
}

struct CallRulesTests {
    @Test func whatIsWellFormedPasses() {
        #expect(CallRules.objection(to: .test()) == nil)
        #expect(CallRules.objection(to: .test("/a/b?c=d&e=%20", method: "GET")) == nil)
        #expect(CallRules.objection(to: .test(headers: [Attribute(name: "X-Tenant", value: "ü")])) == nil)
    }

    @Test(arguments: [
        "entries", "", "//other/x", "/a b", "/a\r\nHost: x", "/a#b", "/ü", "http://other/",
        "/" + String(repeating: "a", count: 4_096),
    ])
    func noOtherPathDoes(_ path: String) { #expect(CallRules.objection(to: .test(path)) != nil) }

    @Test(arguments: ["", "post", "CONNECT", "TRACE", "GET / HTTP/1.1", "POST\r\n"])
    func noOtherMethodDoes(_ method: String) { #expect(CallRules.objection(to: .test(method: method)) != nil) }

    @Test(arguments: [
        ("Host", "x"), ("host", "x"), ("Content-Length", "3"), ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Upgrade", "h2c"), ("TE", "trailers"), ("traceparent", "x"), ("Idempotency-Key", "x"), ("Expect", "100"),
        ("Proxy-Authorization", "x"), ("x y", "z"), ("", "x"), ("x:", "y"), ("x", "a\r\nb: c"), ("x", "a\u{0}b"),
    ])
    func oursAndBrokenHeadersAreRefused(_ name: String, _ value: String) {
        #expect(CallRules.objection(to: .test(headers: [Attribute(name: name, value: value)])) != nil)
    }

    @Test func theirNumberAndSizeAreBounded() {
        let many = (0..<33).map { Attribute(name: "x-\($0)", value: "y") }
        #expect(CallRules.objection(to: .test(headers: many)) == "too many headers")
        let long = Attribute(name: "x", value: String(repeating: "y", count: 16_384))
        #expect(CallRules.objection(to: .test(headers: [long])) == "too many headers")
        #expect(CallRules.objection(to: .test(key: String(repeating: "k", count: 256))) != nil)
        #expect(CallRules.objection(to: .test(key: "a\nb")) != nil)
    }

    @Test func anAnswersHeadersArriveWithoutThoseOfTheConnection() {
        let sent = ["Content-Type", "Connection", "X-A", "Transfer-Encoding", "Content-Length", "Retry-After"]
        let passed = CallRules.passed(sent.map { Attribute(name: $0, value: "v") })
        #expect(passed.map(\.name) == ["Content-Type", "X-A", "Content-Length", "Retry-After"])
        let flood = (0..<100).map { Attribute(name: "x-\($0)", value: String(repeating: "y", count: 1_000)) }
        let bytes = CallRules.passed(flood).reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        #expect(bytes <= Limits.callHeaderBytes)
    }
}

struct CallIdentityTests {
    @Test func theKeyIsTheSameOnEveryAttempt() {
        let keys = (1...3).map { CallIdentity(.test(attempt: $0)).key }
        #expect(Set(keys).count == 1)
        #expect(keys[0].utf8.count == 32)
    }

    @Test func everythingThatTellsCallsApartTellsTheirKeysApart() {
        let calls: [ServiceCall] = [
            .test(), .test("/other"), .test(service: "other"), .test(method: "PUT"), .test(event: "e-2"),
            .test(handler: "compliance"), .test(ordinal: 2), .test(ordinal: 0),
            // Where one part ends and the next begins is part of it.
            .test(event: "e-1t", handler: "reasury"),
        ]
        #expect(Set(calls.map { CallIdentity($0).key }).count == calls.count)
    }

    @Test func theKeyOfAnEventItselfSurvivesAnotherPath() {
        #expect(CallIdentity(.test("/v1", ordinal: 0)).key == CallIdentity(.test("/v2", ordinal: 0)).key)
    }

    @Test func theTraceGoesOnInASpanOfEachAttempt() {
        let parents = (1...2).map { CallIdentity(.test(attempt: $0)).traceParent.split(separator: "-") }
        for parent in parents {
            #expect(parent[0] == "00" && parent[1] == "4bf92f3577b34da6a3ce929d0e0e4736" && parent[3] == "01")
            #expect(parent[2].count == 16 && parent[2] != "00f067aa0ba902b7")
        }
        #expect(parents[0][2] != parents[1][2])
    }

    @Test(arguments: ["", "nonsense", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"])
    func anEventWithoutATraceBeginsOneForAllItsCalls(_ none: String) {
        let one = CallIdentity(.test("/a", traceParent: none)).traceParent
        let other = CallIdentity(.test("/b", traceParent: none)).traceParent
        #expect(Identifier.isTraceParent(one) && Identifier.isTraceParent(other))
        #expect(one.split(separator: "-")[1] == other.split(separator: "-")[1])
        #expect(one != other)
    }
}

struct RetryAfterTests {
    private static let now = Instant(unixSeconds: 784_111_770)

    @Test(arguments: [
        ("0", 0), ("120", 120_000), (" 7 ", 7_000),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 7_000), ("Sunday, 06-Nov-94 08:49:37 GMT", 7_000),
        ("Sun Nov  6 08:49:37 1994", 7_000), ("Sun, 06 Nov 1994 08:40:00 GMT", 0),
        ("99999999999999999999", 1_209_600_000), ("Fri, 06 Nov 2054 08:49:37 GMT", 1_209_600_000),
    ])
    func secondsAndDatesAreUnderstood(_ text: String, _ milliseconds: Int64) {
        #expect(RetryAfter.parse(text, at: Self.now)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "soon", "-1", "1.5", "+3", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Now 1994 08:49:37 GMT", "06 Nov 1994",
    ])
    func nothingElseIs(_ text: String) { #expect(RetryAfter.parse(text, at: Self.now) == nil) }
}

struct ServiceVerdictTests {
    private func outcome(_ status: Int, _ headers: [Attribute] = [], body: String = "") -> String {
        let answer = ServiceAnswer(status: status, headers: headers, body: Bytes(body))
        return ServiceVerdict.outcome(of: answer, at: Instant(unixSeconds: 0)).word
    }
    private let problem = [Attribute(name: "Content-Type", value: "application/problem+json; charset=utf-8")]

    @Test func statusesMeanWhatTheyMean() {
        for status in [200, 201, 204] { #expect(outcome(status) == "done") }
        for status in [429, 503] { #expect(outcome(status) == "wait - service.status-\(status)") }
        for status in [409, 425, 500, 502, 504, 599] { #expect(outcome(status) == "retry - service.status-\(status)") }
        for status in [400, 401, 404, 410, 422, 451] { #expect(outcome(status) == "reject service.status-\(status)") }
        for status in [301, 307, 304] { #expect(outcome(status) == "retry - service.status-\(status)") }
    }

    @Test func itSaysWhenToComeAgain() {
        let after = [Attribute(name: "retry-after", value: "3")]
        #expect(outcome(503, after) == "wait 3000 service.status-503")
        #expect(outcome(500, after) == "retry 3000 service.status-500")
    }

    @Test func aProblemSaysWhyInItsOwnWords() throws {
        let body = #"{"title":"The account\u0000 is closed\u202e","code":"Account_Closed!","status":422}"#
        let answer = ServiceAnswer(status: 422, headers: problem, body: Bytes(body))
        guard case .reject(let reason) = ServiceVerdict.outcome(of: answer, at: .distantPast) else {
            return #expect(Bool(false), "not rejected")
        }
        #expect(reason.code == "account-closed-")
        #expect(reason.detail == "The account  is closed ")
    }

    @Test func itsWordsAreBounded() {
        let long = String(repeating: "é", count: 1_000)
        let members = [JSONMember("title", .string(long)), JSONMember("code", .string(long))]
        let body = JSONValue.object(members).serialised()
        let answer = ServiceAnswer(status: 422, headers: problem, body: body[...])
        guard case .reject(let reason) = ServiceVerdict.outcome(of: answer, at: .distantPast) else {
            return #expect(Bool(false), "not rejected")
        }
        #expect(reason.code.utf8.count == 63)
        #expect(reason.detail.utf8.count == 254)
    }

    @Test(arguments: ["{", "[]", "\"x\"", #"{"code":7,"title":null}"#])
    func whatIsNoProblemSaysNothing(_ body: String) {
        #expect(outcome(422, problem, body: body) == "reject service.status-422")
    }

    @Test func noAnswerIsNotTheEventsFaultAndABrokenOneMayBe() {
        let outcomes = [FailureCode.callUnavailable, .callTimedOut, .callBadReply, .callTooLarge, .callInvalid].map {
            ServiceVerdict.outcome(of: Failure($0, "ledger", "why")).word
        }
        #expect(outcomes == [
            "wait - call.unavailable", "wait - call.timed-out", "retry - call.bad-reply", "retry - call.too-large",
            "retry - call.invalid",
        ])
    }
}

extension Outcome {
    var word: String {
        func text(_ after: Duration?) -> String { after.map { "\($0.milliseconds)" } ?? "-" }
        return switch self {
        case .done: "done"
        case .retry(let after, let reason): "retry \(text(after)) \(reason.code)"
        case .reject(let reason): "reject \(reason.code)"
        case .wait(let after, let reason): "wait \(text(after)) \(reason.code)"
        case .unanswered: "unanswered"
        case .suspect: "suspect"
        case .struck: "struck"
        }
    }
}
