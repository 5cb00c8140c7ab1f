/// The Kit on the C boundary: tables, instances, and each answer and call as the host sees it.

import ABI
import Kit
import Testing

/// Does what the payload says.
private struct Probe: Handler {
    static let id = "probe"
    static let summary = "For tests"
    static let routes = [Route("a.source", "A.Type.v1"), Route("*", "B.Type.v1")]
    static let businessKey: [Pointer] = ["/a", "/b/c"]
    static let stateKeys: [KeyTemplate] = ["row:{/a}"]
    static let publishes = [Route("out", "Out.v1")]

    struct Unknown: Error { let secret = "personal" }

    init(config: JSON) throws {
        switch try config.string(at: "/start") {
        case "now": return
        case "later": throw HostFailure.unavailable
        case "never": throw Rejection("probe.never", "not this one")
        default: throw Unknown()
        }
    }

    func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        switch try event.detail.string(at: "/do") {
        case "done": return .done
        case "retry": return .retry(after: .milliseconds(2_500), Reason("probe.retry", "again"))
        case "wait": return .wait(Reason("probe.wait"))
        case "reject": throw Rejection("probe.reject", "no")
        case "throw": throw Unknown()
        case "get":
            let stored = try host.get("row")
            host.log(
                .info, stored.map { "\($0.version.number) " + String(decoding: $0.value, as: UTF8.self) } ?? "none")
        case "put": try host.put("row", Array("value".utf8), ifVersion: .absent, timeToLive: .seconds(2))
        case "erase": try host.erase("row", ifVersion: Version(3))
        case "publish": try host.publish(Draft(Route("out", "Out.v1"), resource: "urn:x", detail: ["n": 1]))
        case "publish more":
            try host.publish(
                Draft(
                    Route("out", "Out.v1"), detail: [:], correlationID: "C-2",
                    attributes: ["user-id": "U", "tenant-id": "T"]))
        case "get many":
            let found = try host.get(["row", "absent", "fresh"])
            for (key, stored) in found.sorted(by: { $0.key < $1.key }) {
                host.log(.info, "\(key) \(stored.version.number) \(String(decoding: stored.value, as: UTF8.self))")
            }
        case "smuggle": try host.publish(Draft(Route("out", "Other.v1"), detail: [:]))
        case "timer":
            try host.setTimer("t", at: Timestamp(milliseconds: 99), detail: ["n": 2])
            try host.removeTimer("t")
        case "tell":
            host.log(.warning, "message", ["a": "1", "empty": ""])
            host.count("things", by: 3, ["kind": "x"])
            host.observe("size", 1.5, [:])
            host.log(.debug, "\(host.remaining)")
        default:
            let said = [event.id, event.source, event.detailType, event.resource, event.keyID, event.correlationID]
            host.log(.info, said.joined(separator: "|"), ["user": event.attributes["user-id"] ?? ""])
            host.log(.info, "\(event.attempt) \(event.signedAt.milliseconds) \(event.isBound)")
            let times = [event.sentAt, event.deadline].map(\.milliseconds)
            host.log(.info, "\(event.deliveries) \(times) \(event.groupID) \(event.traceParent)")
        }
        return .done
    }
}

private let plugin = Plugin("probes", version: "1.2.3", Probe.self)

@Suite struct PluginTests {
    let host = CHost()
    let handler: eh_handler

    init() throws { handler = try #require(plugin.table?.pointee.handlers[0]?.pointee) }

    private func strings(_ list: UnsafePointer<UnsafePointer<CChar>?>?) -> [String] {
        var strings: [String] = []
        while let text = list?[strings.count] { strings.append(String(cString: text)) }
        return strings
    }

    @Test func theTablesSayWhatTheTypeSays() throws {
        let table = try #require(plugin.table?.pointee)
        #expect(Int(table.size) == MemoryLayout<eh_plugin>.size && Int(handler.size) == MemoryLayout<eh_handler>.size)
        #expect(String(cString: table.name) == "probes" && String(cString: table.version) == "1.2.3")
        #expect(table.handler_count == 1 && table.abi_minor == EH_ABI_MINOR)
        #expect(String(cString: handler.id) == "probe" && String(cString: handler.summary) == "For tests")
        #expect(handler.route_count == 2)
        #expect(String(cString: handler.routes[1].source) == "*")
        #expect(String(cString: handler.routes[1].detail_type) == "B.Type.v1")
        #expect(strings(handler.business_key) == ["/a", "/b/c"])
        #expect(strings(handler.state_keys) == ["row:{/a}"])
        #expect(strings(handler.services) == ["eh.state/1", "eh.publish/1"])
        #expect(handler.threading == EH_SERIAL)
    }

    @Test func moreHandlersThanALibraryMayHaveAreRefused() {
        let many = Plugin(
            "many", version: "1.0.0", Probe.self, Probe.self, Probe.self, Probe.self, Probe.self, Probe.self,
            Probe.self, Probe.self, Probe.self)
        #expect(many.table == nil)
    }

    @Test(arguments: [
        (#"{"start": "later"}"#, EH_UNAVAILABLE, "host.unavailable"),
        (#"{"start": "never"}"#, EH_INVALID, "probe.never"),
        (#"{"start": "other"}"#, EH_INVALID, "config.refused"),
        (#"{}"#, EH_INVALID, "config.mismatch"),
        (#"{"#, EH_INVALID, "config.unreadable"),
        ("", EH_INVALID, "config.unreadable"),
    ]) func aConfigurationIsRefusedWithAReason(config: String, status: eh_status, code: String) {
        var instance: UnsafeMutableRawPointer?
        var why = eh_reason()
        #expect(handler.create(host.pointer, host.lend(config), &instance, &why) == status)
        #expect(text(of: why.code) == code)
        #expect(instance == nil && !text(of: why.detail).contains("personal"))
    }

    /// Makes an instance, gives it these payloads as one batch, and takes it down again.
    private func answers(_ payloads: String...) throws -> [eh_result] {
        var instance: UnsafeMutableRawPointer?
        var why = eh_reason()
        try #require(handler.create(host.pointer, host.lend(#"{"start": "now"}"#), &instance, &why) == EH_OK)
        defer { handler.destroy(instance) }

        let attributes = [eh_pair(key: host.lend("user-id"), value: host.lend("U-1"))]
        return attributes.withUnsafeBufferPointer { attributes in
            var events = payloads.map { event($0, attributes) }
            var results = Array(repeating: eh_result(), count: events.count)
            events.withUnsafeMutableBufferPointer { events in
                results.withUnsafeMutableBufferPointer { results in
                    let eventList = events.indices.map { UnsafePointer(events.baseAddress?.advanced(by: $0)) }
                    let resultList = results.indices.map { results.baseAddress?.advanced(by: $0) }
                    eventList.withUnsafeBufferPointer { eventList in
                        resultList.withUnsafeBufferPointer { resultList in
                            var batch = eh_batch()
                            batch.size = UInt32(MemoryLayout<eh_batch>.size)
                            batch.count = UInt32(eventList.count)
                            batch.events = eventList.baseAddress
                            batch.results = resultList.baseAddress
                            handler.handle(instance, &batch)
                        }
                    }
                }
            }
            return results
        }
    }

    private func event(_ payload: String, _ attributes: UnsafeBufferPointer<eh_pair>) -> eh_event {
        var event = eh_event()
        event.size = UInt32(MemoryLayout<eh_event>.size)
        (event.id, event.source, event.detail_type) = (host.lend("E-1"), host.lend("a.source"), host.lend("A.Type.v1"))
        (event.resource, event.key_id) = (host.lend("urn:r"), host.lend("key"))
        (event.correlation_id, event.group_id) = (host.lend("C-1"), host.lend("G"))
        (event.trace_parent, event.detail) = (host.lend("00-1-2-01"), host.lend(payload))
        (event.deliveries, event.sent_unix_ms, event.deadline_unix_ms) = (3, 2_345, 3_456)
        event.flags = UInt32(EH_EVENT_BOUND)
        event.attempt = 2
        event.time_unix_ms = 1_234
        event.attributes = attributes.baseAddress
        event.attribute_count = UInt32(attributes.count)
        return event
    }

    private func calls(_ action: String) throws -> [String] {
        #expect(try answers(#"{"do": "\#(action)"}"#).map(\.outcome) == [EH_DONE])
        return host.calls
    }

    @Test func everyAnswerCrossesTheBoundary() throws {
        let results = try answers(
            #"{"do": "done"}"#, #"{"do": "retry"}"#, #"{"do": "wait"}"#, #"{"do": "reject"}"#, #"{"do": "throw"}"#,
            #"{"do": 5}"#, "{")
        #expect(
            results.map(\.outcome) == [EH_DONE, EH_RETRY, EH_WAIT, EH_REJECT, EH_RETRY, EH_REJECT, EH_REJECT])
        #expect(
            results.map { text(of: $0.reason.code) } == [
                "", "probe.retry", "probe.wait", "probe.reject", "handler.threw", "payload.mismatch",
                "payload.unreadable",
            ])
        #expect(results[1].retry_after_ms == 2_500 && results[2].retry_after_ms == 0)
        #expect(text(of: results[4].reason.detail) == "Unknown")
    }

    @Test func theEventIsTheHosts() throws {
        #expect(
            try calls("say") == [
                "log 2 E-1|a.source|A.Type.v1|urn:r|key|C-1 user=U-1", "log 2 2 1234 true",
                "log 2 3 [2345, 3456] G 00-1-2-01",
            ])
    }

    @Test func aMissingRowIsNone() throws { #expect(try calls("get") == ["log 2 none"]) }

    @Test func aRowComesWithItsVersion() throws {
        host.rows["row"] = "value"
        #expect(try calls("get") == ["log 2 7 value"])
    }

    @Test func writesCarryConditionAndTimeToLive() throws {
        #expect(try calls("put") == ["put row value 0 2000"])
        host.calls = []
        #expect(try calls("erase") == ["erase row 3"])
    }

    @Test func aDraftCarriesItsParts() throws {
        #expect(try calls("publish") == [#"publish out Out.v1 urn:x  {"n":1}"#])
        host.calls = []
        #expect(try calls("publish more") == ["publish out Out.v1  C-2 {} tenant-id=T user-id=U"])
    }

    @Test func severalRowsComeAtOnce() throws {
        host.rows = ["row": "value", "fresh": "mine"]
        #expect(try calls("get many") == ["get 3", "log 2 fresh 0 mine", "log 2 row 7 value"])
    }

    @Test func aDraftThatTheHandlerDoesNotListNeverReachesTheHost() throws {
        #expect(text(of: try answers(#"{"do": "smuggle"}"#)[0].reason.code) == "host.denied")
        #expect(host.calls.isEmpty)
    }

    @Test func aTimerIsSetAndRemoved() throws {
        #expect(try calls("timer") == [#"timer t 99 {"n":2}"#, "timer t 0 "])
    }

    @Test func logsAndMetricsCarryTheirFields() throws {
        #expect(
            try calls("tell") == [
                "log 3 message a=1 empty=", "count things 3 kind=x", "observe size 1.5", "log 1 1.5 seconds",
            ])
    }

    @Test(arguments: [
        (EH_CONFLICT, EH_RETRY, "host.conflict"), (EH_TOO_LARGE, EH_RETRY, "host.too-large"),
        (EH_EXPIRED, EH_RETRY, "host.expired"), (EH_UNAVAILABLE, EH_WAIT, "host.unavailable"),
        (EH_DENIED, EH_RETRY, "host.denied"), (EH_INVALID, EH_RETRY, "host.invalid"), (-99, EH_RETRY, "host.invalid"),
    ]) func aFailureOfTheHostIsAWaitOrARetry(status: eh_status, outcome: eh_outcome, code: String) throws {
        host.status = status
        for action in ["get", "get many", "put", "erase", "publish", "timer"] {
            let result = try answers(#"{"do": "\#(action)"}"#)[0]
            #expect(result.outcome == outcome && text(of: result.reason.code) == code, "\(action)")
        }
    }

    @Test func aServiceThatTheHostLacksIsDenied() throws {
        host.offersServices = false
        for action in ["get", "get many", "put", "publish", "timer"] {
            #expect(text(of: try answers(#"{"do": "\#(action)"}"#)[0].reason.code) == "host.denied", "\(action)")
        }
    }
}
