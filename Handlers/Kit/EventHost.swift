/// The host of one event, across the C boundary.

import ABI

/// The tables of the host, which live as long as the instance does. Unchecked: any thread may call through them.
struct HostServices: @unchecked Sendable {
    let host: UnsafePointer<eh_host>
    let state: UnsafePointer<eh_state>?
    let drafts: UnsafePointer<eh_publish>?
    let calls: UnsafePointer<eh_call>?
    let timers: UnsafePointer<eh_timer>?
    let publishes: Set<Route>

    init(of host: UnsafePointer<eh_host>, publishes: [Route]) {
        func table<Table>(_ service: Service) -> UnsafePointer<Table>? {
            host.pointee.service?(host, service.rawValue)?.assumingMemoryBound(to: Table.self)
        }
        self.host = host
        self.publishes = Set(publishes)
        state = table(.state)
        drafts = table(.publish)
        calls = table(.call)
        timers = table(.timer)
    }
}

struct EventHost: Host {
    private let services: HostServices
    private let event: UnsafePointer<eh_event>
    private var host: UnsafePointer<eh_host> { services.host }

    init(_ services: HostServices, _ event: UnsafePointer<eh_event>) {
        self.services = services
        self.event = event
    }

    func get(_ key: String) throws(HostFailure) -> Stored? {
        var value = eh_bytes()
        var version: UInt64 = 0
        let status = lend(key.utf8) { key in
            services.state?.pointee.get?(host, event, key[0], &value, &version)
        }
        if status == EH_NOT_FOUND { return nil }
        try check(status)
        return Stored(value: Array(value.buffer), version: Version(version))
    }

    func get(_ keys: [String]) throws(HostFailure) -> [String: Stored] {
        var values = Array(repeating: eh_bytes(), count: keys.count)
        var versions = Array(repeating: Version.absent.number, count: keys.count)
        guard !keys.isEmpty else { return [:] }
        try check(
            lend(keys.map(\.utf8)) {
                services.state?.pointee.get_many?(host, event, $0, UInt32($0.count), &values, &versions)
            })
        var found: [String: Stored] = [:]
        // What this event wrote first shows the version that the key had before: none.
        for (index, key) in keys.enumerated() where versions[index] != Version.absent.number || values[index].size > 0 {
            found[key] = Stored(value: Array(values[index].buffer), version: Version(versions[index]))
        }
        return found
    }

    func put(
        _ key: String, _ value: [UInt8], ifVersion: Version, timeToLive: Duration?
    ) throws(HostFailure) {
        try check(
            lend(key.utf8, value) {
                services.state?.pointee.put?(
                    host, event, $0[0], $0[1], ifVersion.number, milliseconds(timeToLive))
            })
    }

    func erase(_ key: String, ifVersion: Version) throws(HostFailure) {
        try check(lend(key.utf8) { services.state?.pointee.erase?(host, event, $0[0], ifVersion.number) })
    }

    func publish(_ draft: Draft) throws(HostFailure) {
        guard services.publishes.contains(Route(draft.source, draft.detailType)) else { throw .denied }
        let texts: [any Sequence<UInt8>] = [
            draft.source.utf8, draft.detailType.utf8, draft.resource.utf8, draft.correlationID.utf8, draft.detail.bytes,
        ]
        let attributes = draft.attributes.sorted { $0.key < $1.key }.flatMap { [$0.key.utf8, $0.value.utf8] }
        try check(
            lend(texts + attributes) { lent in
                var table = eh_draft()
                table.size = UInt32(MemoryLayout<eh_draft>.size)
                (table.source, table.detail_type, table.resource) = (lent[0], lent[1], lent[2])
                (table.correlation_id, table.detail) = (lent[3], lent[4])
                return lendPairs(lent.dropFirst(texts.count)) { pairs in
                    table.attributes = pairs.baseAddress
                    table.attribute_count = UInt32(pairs.count)
                    return services.drafts?.pointee.publish?(host, event, &table)
                }
            })
    }

    func setTimer(_ key: String, at time: Timestamp, detail: JSON) throws(HostFailure) {
        try set(key, time, detail.bytes)
    }

    func removeTimer(_ key: String) throws(HostFailure) { try set(key, Timestamp(milliseconds: 0), []) }

    private func set(_ key: String, _ time: Timestamp, _ detail: [UInt8]) throws(HostFailure) {
        try check(
            lend(key.utf8, detail) {
                services.timers?.pointee.set?(host, event, $0[0], time.milliseconds, $0[1])
            })
    }

    func call(_ request: ServiceRequest) throws(HostFailure) -> ServiceResponse {
        let texts: [any Sequence<UInt8>] = [
            request.service.utf8, request.method.utf8, request.path.utf8, request.body, request.idempotencyKey.utf8,
        ]
        let headers = request.headers.flatMap { [$0.name.utf8, $0.value.utf8] }
        var answer: UnsafePointer<eh_response>?
        try check(
            lend(texts + headers) { lent in
                var table = eh_request()
                table.size = UInt32(MemoryLayout<eh_request>.size)
                (table.service, table.method, table.path) = (lent[0], lent[1], lent[2])
                (table.body, table.idempotency_key) = (lent[3], lent[4])
                table.timeout_ms = milliseconds(request.timeout)
                return lendPairs(lent.dropFirst(texts.count)) { pairs in
                    table.headers = pairs.baseAddress
                    table.header_count = UInt32(pairs.count)
                    return services.calls?.pointee.call?(host, event, &table, &answer)
                }
            })
        guard let answer = answer?.pointee else { throw .invalid }
        let pairs = UnsafeBufferPointer(start: answer.headers, count: Int(answer.header_count))
        return ServiceResponse(
            status: Int(answer.status), headers: pairs.map { (name: $0.key.text, value: $0.value.text) },
            body: Array(answer.body.buffer))
    }

    func log(_ level: Level, _ message: String, _ fields: KeyValuePairs<String, String>) {
        lend(message, fields) { host.pointee.log?(host, event, level.rawValue, $0, $1.baseAddress, UInt32($1.count)) }
    }

    func count(_ name: String, by delta: UInt64, _ labels: KeyValuePairs<String, String>) {
        lend(name, labels) { host.pointee.count?(host, $0, delta, $1.baseAddress, UInt32($1.count)) }
    }

    func observe(_ name: String, _ value: Double, _ labels: KeyValuePairs<String, String>) {
        lend(name, labels) { host.pointee.observe?(host, $0, value, $1.baseAddress, UInt32($1.count)) }
    }

    var remaining: Duration { .milliseconds(host.pointee.remaining_ms?(host, event) ?? 0) }

    /// - Parameter status: `nil` if the host does not offer the service.
    private func check(_ status: eh_status?) throws(HostFailure) {
        switch status {
        case EH_OK: return
        case EH_CONFLICT: throw .conflict
        case EH_TOO_LARGE: throw .tooLarge
        case EH_EXPIRED: throw .expired
        case EH_UNAVAILABLE: throw .unavailable
        case EH_DENIED, nil: throw .denied
        default: throw .invalid
        }
    }
}
