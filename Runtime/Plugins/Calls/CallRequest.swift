import Events
import Pipeline
import WorkerProtocol

// What a handler asks of a service, on its way from the worker to the exchange and back.

/// As the worker sent it: within the bounds of a frame, and no more is known of it.
struct CallRequest: Sendable {
    let service: String
    let method: String
    let path: String
    let idempotencyKey: String
    /// `nil`: as long as the event has.
    let timeout: Duration?
    let headers: [Attribute]
    let body: Bytes

    init(_ reader: inout FrameReader) throws(BadFrame) {
        service = try reader.text(atMost: Int(WP_CALL_SERVICE_BYTES))
        method = try reader.text(atMost: Int(WP_CALL_METHOD_BYTES))
        path = try reader.text(atMost: Limits.callPathBytes)
        idempotencyKey = try reader.text(atMost: Limits.idempotencyKeyBytes)
        let milliseconds = try reader.u64()
        let longest = UInt64(Duration.hours(24).milliseconds)
        timeout = milliseconds == 0 ? nil : .milliseconds(Int64(min(milliseconds, longest)))
        headers = try reader.list(atMost: Limits.callHeaders) { reader throws(BadFrame) in
            let name = try reader.text(atMost: Int(WP_CALL_HEADER_NAME_BYTES))
            return Attribute(name: name, value: try reader.text(atMost: Limits.callHeaderBytes))
        }
        body = try reader.bytes(atMost: Limits.callRequestBytes)
    }
}

/// What one event has called so far, in one run.
struct CallTally: Sendable {
    private struct Kind: Hashable {
        let service: String
        let method: String
        let path: String
    }
    private var kinds: [Kind: Int] = [:]
    private var count = 0
    private(set) var bytes = 0

    /// - Returns: the how-manieth of its kind it is.
    /// - Throws: for more calls, or more bytes, than the worker lets through.
    mutating func add(_ request: CallRequest) throws(BadFrame) -> Int {
        count += 1
        bytes += request.body.count
        guard count <= Limits.callsPerEvent, bytes <= Limits.callBytesPerEvent else { throw BadFrame("too many calls") }
        let kind = Kind(service: request.service, method: request.method, path: request.path)
        let ordinal = kinds[kind, default: 0] + 1
        kinds[kind] = ordinal
        return ordinal
    }

    mutating func add(answer bytes: Int) { self.bytes += bytes }
    var answerBytes: Int { min(Limits.callAnswerBytes, max(0, Limits.callBytesPerEvent - bytes)) }
}

/// A call that one event of one worker waits for. An event has one question at a time.
struct CallQuestion: Sendable {
    let worker: UInt64
    let number: UInt32
    let lease: Lease
    let call: ServiceCall
    /// Given when the event is over, or no longer ours.
    let leaving: Leaving
}

enum CallReply: Sendable {
    case answer(ServiceAnswer)
    case unavailable, denied, invalid, tooLarge, expired

    init(_ failure: Failure) {
        switch failure.code {
        case .callInvalid: self = .invalid
        case .callTooLarge: self = .tooLarge
        case .callDenied: self = .denied
        default: self = .unavailable
        }
    }
}

extension FrameWriter {
    mutating func callAnswer(_ number: UInt32, _ lease: Lease, _ reply: CallReply) {
        frame(WP_CALL_ANSWER, stream: number, fence: lease.fence) { frame in
            switch reply {
            case .answer(let answer):
                frame.u8(UInt8(WP_CALL_OK))
                frame.u32(UInt32(clamping: answer.status))
                frame.list(answer.headers) { frame, header in
                    frame.text(header.name)
                    frame.text(header.value)
                }
                frame.data(answer.body)
            case .unavailable: frame.u8(UInt8(WP_CALL_UNAVAILABLE))
            case .denied: frame.u8(UInt8(WP_CALL_DENIED))
            case .invalid: frame.u8(UInt8(WP_CALL_INVALID))
            case .tooLarge: frame.u8(UInt8(WP_CALL_TOO_LARGE))
            case .expired: frame.u8(UInt8(WP_CALL_EXPIRED))
            }
        }
    }
}
