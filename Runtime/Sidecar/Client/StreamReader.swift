import Events
import JSON
import Synchronization

/// Takes an event stream apart (WHATWG HTML, section 9.2.6), as far as the sidecar makes use of the format.
final class StreamReader: Sendable {
    private struct State {
        var rest: [UInt8] = []
        var data: [UInt8] = []
        var number: Int64?
        var last: Int64?
    }
    private let state: Mutex<State>

    init(last: Int64?) { state = Mutex(State(last: last)) }

    /// The number of the last row that was taken whole; `nil` before the first.
    var last: Int64? { state.withLock { $0.last } }

    /// The rows that these bytes complete.
    func rows(in bytes: Bytes) -> [JSONValue] {
        state.withLock { state in
            state.rest += bytes
            var rows: [JSONValue] = []
            while let end = state.rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = state.rest[..<end]
                if line.isEmpty {
                    if let row = try? JSONValue.parse(state.data) { rows.append(row) }
                    if let number = state.number { state.last = number }
                    (state.data, state.number) = ([], nil)
                } else if let value = Self.value(of: "data", in: line) {
                    state.data += value
                } else if let value = Self.value(of: "id", in: line) {
                    state.number = Int64(value.text)
                }
                state.rest.removeFirst(end + 1)
            }
            return rows
        }
    }

    private static func value(of field: String, in line: Bytes) -> Bytes? {
        let prefix = Array((field + ":").utf8)
        guard line.starts(with: prefix) else { return nil }
        let value = line.dropFirst(prefix.count)
        return value.first == 0x20 ? value.dropFirst() : value
    }
}
