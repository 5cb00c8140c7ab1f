import Events
import JSON

/// One block of an event stream (WHATWG HTML, section 9.2, "Server-sent events").
enum ServerSentEvent {
    static let mediaType = "text/event-stream"
    /// A comment: readers pass over it, and whoever stands between learns that the stream lives.
    static let heartbeat = Array(": alive\n\n".utf8)
    /// The stream's first block: how long a reader waits before it comes again, in milliseconds.
    static let opening = Array("retry: 2000\n\n".utf8)

    /// `id` is the row's number, `event` its outcome, `data` the row as JSON on one line.
    static func block(_ row: JournalRow) -> [UInt8] {
        var bytes = Array("id: \(row.number)\nevent: \(row.entry.outcome.rawValue)\ndata: ".utf8)
        bytes += row.json.serialised()
        bytes += "\n\n".utf8
        return bytes
    }

    /// The number of the last row that a reader has: the header `Last-Event-ID`, or the parameter for readers that
    /// cannot set one.
    /// - Returns: `nil` to begin with what comes.
    /// - Throws: `api.malformed`.
    static func lastNumber(header: String?, parameter: String?) throws(Failure) -> Int64? {
        guard let text = header ?? parameter, !text.isEmpty else { return nil }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) else {
            throw Failure(.apiMalformed, header == nil ? "lastEventId" : "Last-Event-ID", "the number of a row")
        }
        return number
    }
}
