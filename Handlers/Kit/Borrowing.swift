/// Bytes across the C boundary: what comes in is copied, what goes out is lent for one call.

import ABI

extension eh_bytes {
    /// Valid as long as the host says.
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : size) }
    var text: String { String(decoding: buffer, as: UTF8.self) }
}

extension Event {
    init(_ event: eh_event) throws(JSON.Unreadable) {
        let pairs = UnsafeBufferPointer(start: event.attributes, count: Int(event.attribute_count))
        self.init(
            id: event.id.text, source: event.source.text, detailType: event.detail_type.text,
            detail: try JSON(parsing: event.detail.buffer), resource: event.resource.text,
            signedAt: Timestamp(milliseconds: event.time_unix_ms),
            sentAt: Timestamp(milliseconds: event.sent_unix_ms),
            deadline: Timestamp(milliseconds: event.deadline_unix_ms), attempt: Int(event.attempt),
            deliveries: Int(event.deliveries), keyID: event.key_id.text,
            isBound: event.flags & UInt32(EH_EVENT_BOUND) != 0, correlationID: event.correlation_id.text,
            traceParent: event.trace_parent.text, groupID: event.group_id.text,
            attributes: Dictionary(pairs.map { ($0.key.text, $0.value.text) }) { first, _ in first })
    }
}

/// Lends several runs of bytes to one call. All lie in one buffer, each with a NUL after it.
func lend<Result>(_ runs: [any Sequence<UInt8>], to call: ([eh_bytes]) -> Result) -> Result {
    var buffer: [UInt8] = []
    var ends: [Int] = []
    for run in runs {
        buffer.append(contentsOf: run)
        ends.append(buffer.count)
        buffer.append(0)
    }
    return buffer.withUnsafeBytes { memory in
        let text = memory.assumingMemoryBound(to: CChar.self)
        var start = 0
        return call(
            ends.map { end in
                defer { start = end + 1 }
                return eh_bytes(data: text.baseAddress?.advanced(by: start), size: end - start)
            })
    }
}

func lend<Result>(_ runs: any Sequence<UInt8>..., to call: ([eh_bytes]) -> Result) -> Result {
    lend(runs, to: call)
}

/// Lends a text and pairs of texts to one call.
func lend(
    _ text: String, _ pairs: KeyValuePairs<String, String>,
    to call: (eh_bytes, UnsafeBufferPointer<eh_pair>) -> Void?
) {
    let runs: [any Sequence<UInt8>] = [text.utf8] + pairs.flatMap { [$0.key.utf8, $0.value.utf8] }
    lend(runs) { lent in
        _ = lendPairs(lent.dropFirst()) { call(lent[0], $0) }
    }
}

/// Lends runs of bytes as pairs, two and two; for none the buffer is NULL.
func lendPairs<Result>(_ lent: ArraySlice<eh_bytes>, to call: (UnsafeBufferPointer<eh_pair>) -> Result) -> Result {
    let pairs = stride(from: lent.startIndex, to: lent.endIndex, by: 2).map {
        eh_pair(key: lent[$0], value: lent[$0 + 1])
    }
    return pairs.withUnsafeBufferPointer { call(pairs.isEmpty ? UnsafeBufferPointer(start: nil, count: 0) : $0) }
}
