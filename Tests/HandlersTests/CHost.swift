/// The host's side of the C contract, in memory, for tests of the Kit's side.

import ABI

final class CHost {
    private let table = UnsafeMutablePointer<eh_host>.allocate(capacity: 1)
    private let state = UnsafeMutablePointer<eh_state>.allocate(capacity: 1)
    private let publish = UnsafeMutablePointer<eh_publish>.allocate(capacity: 1)
    private let timer = UnsafeMutablePointer<eh_timer>.allocate(capacity: 1)
    private let call = UnsafeMutablePointer<eh_call>.allocate(capacity: 1)
    private let response = UnsafeMutablePointer<eh_response>.allocate(capacity: 1)
    private let headers = UnsafeMutablePointer<eh_pair>.allocate(capacity: 1)
    private var lent: [UnsafeMutablePointer<CChar>] = []

    /// What crossed the boundary, one line a call.
    var calls: [String] = []
    var rows: [String: String] = [:]
    /// What state and publishing answer.
    var status: eh_status = EH_OK
    var offersServices = true

    var pointer: UnsafePointer<eh_host> { UnsafePointer(table) }

    init() {
        table.initialize(to: eh_host())
        table.pointee.size = UInt32(MemoryLayout<eh_host>.size)
        table.pointee.host_data = UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
        table.pointee.service = { CHost.of($0).service(String(cString: $1!)) }
        table.pointee.log = { host, _, level, message, fields, count in
            let fields = UnsafeBufferPointer(start: fields, count: Int(count))
            CHost.of(host).calls.append(
                "log \(level) \(text(message))" + fields.map { " \(text($0.key))=\(text($0.value))" }.joined())
        }
        table.pointee.count = { host, name, delta, labels, count in
            let labels = UnsafeBufferPointer(start: labels, count: Int(count))
            CHost.of(host).calls.append(
                "count \(text(name)) \(delta)" + labels.map { " \(text($0.key))=\(text($0.value))" }.joined())
        }
        table.pointee.observe = { host, name, value, _, _ in
            CHost.of(host).calls.append("observe \(text(name)) \(value)")
        }
        table.pointee.remaining_ms = { _, _ in 1_500 }
        fillServices()
        fillCall()
    }

    deinit {
        for text in lent { text.deallocate() }
        table.deallocate()
        state.deallocate()
        publish.deallocate()
        timer.deallocate()
        call.deallocate()
        response.deallocate()
        headers.deallocate()
    }

    private func fillServices() {
        state.initialize(to: eh_state())
        state.pointee.get = { host, _, key, value, version in
            let host = CHost.of(host)
            guard host.status == EH_OK else { return host.status }
            guard let row = host.rows[text(key)] else { return EH_NOT_FOUND }
            value?.pointee = host.lend(row)
            version?.pointee = 7
            return EH_OK
        }
        state.pointee.get_many = { host, _, keys, count, values, versions in
            let host = CHost.of(host)
            guard host.status == EH_OK else { return host.status }
            host.calls.append("get \(count)")
            for index in 0..<Int(count) {
                let key = text(keys![index])
                values?[index] = host.rows[key].map(host.lend) ?? eh_bytes()
                versions?[index] = host.rows[key] == nil || key == "fresh" ? 0 : 7
            }
            return EH_OK
        }
        state.pointee.put = { host, _, key, value, version, timeToLive in
            let host = CHost.of(host)
            let condition = version == EH_VERSION_ANY ? "any" : String(version)
            host.calls.append("put \(text(key)) \(text(value)) \(condition) \(timeToLive)")
            return host.status
        }
        state.pointee.erase = { host, _, key, version in
            CHost.of(host).calls.append("erase \(text(key)) \(version)")
            return CHost.of(host).status
        }
        publish.initialize(to: eh_publish())
        publish.pointee.publish = { host, _, draft in
            let (host, draft) = (CHost.of(host), draft!.pointee)
            let parts = [draft.source, draft.detail_type, draft.resource, draft.correlation_id, draft.detail]
            let attributes = UnsafeBufferPointer(start: draft.attributes, count: Int(draft.attribute_count))
            host.calls.append(
                "publish " + parts.map { text($0) }.joined(separator: " ")
                    + attributes.map { " \(text($0.key))=\(text($0.value))" }.joined())
            return host.status
        }
        timer.initialize(to: eh_timer())
        timer.pointee.set = { host, _, key, time, detail in
            CHost.of(host).calls.append("timer \(text(key)) \(time) \(text(detail))")
            return CHost.of(host).status
        }
    }

    private func fillCall() {
        headers.initialize(to: eh_pair(key: lend("X-Answer"), value: lend("yes")))
        response.initialize(to: eh_response())
        response.pointee.size = UInt32(MemoryLayout<eh_response>.size)
        (response.pointee.status, response.pointee.body) = (201, lend("{\"booked\":true}"))
        (response.pointee.headers, response.pointee.header_count) = (UnsafePointer(headers), 1)
        call.initialize(to: eh_call())
        call.pointee.call = { host, _, request, answer in
            let (host, request) = (CHost.of(host), request!.pointee)
            let parts = [request.service, request.method, request.path, request.body, request.idempotency_key]
            let headers = UnsafeBufferPointer(start: request.headers, count: Int(request.header_count))
            host.calls.append(
                "call " + parts.map { "[\(text($0))]" }.joined(separator: " ") + " \(request.timeout_ms)"
                    + headers.map { " \(text($0.key))=\(text($0.value))" }.joined())
            answer?.pointee = host.status == EH_OK ? UnsafePointer(host.response) : nil
            return host.status
        }
    }

    private func service(_ name: String) -> UnsafeRawPointer? {
        switch offersServices ? name : "" {
        case EH_SERVICE_STATE: UnsafeRawPointer(state)
        case EH_SERVICE_PUBLISH: UnsafeRawPointer(publish)
        case EH_SERVICE_TIMER: UnsafeRawPointer(timer)
        case EH_SERVICE_CALL: UnsafeRawPointer(call)
        default: nil
        }
    }

    /// Gives an instance one event.
    func handle(_ handler: eh_handler, _ instance: UnsafeMutableRawPointer?, _ payload: String) throws -> eh_result {
        var event = eh_event()
        event.size = UInt32(MemoryLayout<eh_event>.size)
        event.attempt = 1
        (event.id, event.source, event.detail_type) = (lend("E-1"), lend("a.source"), lend("A.Type.v1"))
        (event.resource, event.key_id, event.correlation_id) = (lend(""), lend("key"), lend(""))
        (event.group_id, event.trace_parent, event.detail) = (lend(""), lend(""), lend(payload))
        var result = eh_result()
        withUnsafePointer(to: event) { event in
            withUnsafeMutablePointer(to: &result) { result in
                withUnsafePointer(to: Optional(event)) { events in
                    withUnsafePointer(to: Optional(result)) { results in
                        var batch = eh_batch(
                            size: UInt32(MemoryLayout<eh_batch>.size), count: 1, events: events, results: results)
                        handler.handle(instance, &batch)
                    }
                }
            }
        }
        return result
    }

    /// Bytes with a NUL behind them, valid as long as this host.
    func lend(_ text: String) -> eh_bytes {
        let bytes = Array(text.utf8CString)
        let memory = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        memory.initialize(from: bytes, count: bytes.count)
        lent.append(memory)
        return eh_bytes(data: memory, size: bytes.count - 1)
    }

    private static func of(_ host: UnsafePointer<eh_host>?) -> CHost {
        Unmanaged<CHost>.fromOpaque(host!.pointee.host_data).takeUnretainedValue()
    }
}

private func text(_ bytes: eh_bytes) -> String {
    String(decoding: UnsafeRawBufferPointer(start: bytes.data, count: bytes.size), as: UTF8.self)
}

/// The text of an array of characters within a C struct.
func text<Characters>(of characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
