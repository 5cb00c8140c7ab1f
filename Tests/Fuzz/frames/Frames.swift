// What a worker sends. The first byte says in what pieces it arrives, and whether headers are as they were given or
// made to fit their payloads, so that what is in them is tried, too.

import Events
import Pipeline
import WorkerProtocol

@testable import Plugins

extension Target {
    static let frames = Target(name: "frames") { input in
        guard let first = input.first else { return "empty" }
        let bytes = first & 1 == 0 ? Array(input.dropFirst()) : framed(Array(input.dropFirst()))
        let whole = Reception(bytes, pieces: bytes.count)
        try demand(Reception(bytes, pieces: 1 + Int(first >> 1)) == whole, "another reading in pieces")
        return whole.failure == nil ? "read \(whole.messages.isEmpty ? "nothing" : "all")" : "refused"
    }

    /// Type, two bytes of length, payload: as frames. What is left over goes as it is.
    static func framed(_ bytes: [UInt8]) -> [UInt8] {
        var writer = FrameWriter()
        var rest = bytes[...]
        while rest.count >= 3 {
            let (type, low, high) = (rest.removeFirst(), rest.removeFirst(), rest.removeFirst())
            let payload = rest.prefix(Int(low) | Int(high) << 8)
            rest = rest.dropFirst(payload.count)
            writer.frame(Int32(type), stream: 7, fence: 9) { frame in for byte in payload { frame.u8(byte) } }
        }
        return writer.bytes + rest
    }
}

/// All that a host makes of a stream of bytes.
struct Reception: Equatable {
    private(set) var messages: [String] = []
    private(set) var failure: String?

    init(_ bytes: [UInt8], pieces: Int) {
        do {
            try read(bytes, pieces: max(1, pieces))
        } catch {
            failure = "\(error)"
        }
    }

    private mutating func read(_ bytes: [UInt8], pieces: Int) throws {
        var assembler = FrameAssembler()
        var rest = bytes[...]
        while !rest.isEmpty {
            Array(rest.prefix(pieces)).withUnsafeBytes { assembler.append($0) }
            rest = rest.dropFirst(pieces)
            while let frame = try assembler.next() {
                let message = try WorkerMessage(frame)
                try message.check()
                var text = "\(frame.stream) \(frame.fence) "
                dump(message, to: &text)
                messages.append(text)
            }
        }
    }
}

extension WorkerMessage {
    /// The bounds that all behind the decoder count on.
    func check() throws {
        switch self {
        case .answer(.done(let effects)): try effects.check()
        case .answer(.retry(let after, let reason)), .answer(.wait(let after, let reason)):
            try demand(reason.code.utf8.count <= 64 && after ?? .zero <= .days(14), "a large answer")
        case .answer(.reject(let reason)): try demand(reason.code.utf8.count <= 64, "a large answer")
        case .call(let call):
            try demand(call.body.count <= Limits.callRequestBytes, "a large body")
            try demand(call.headers.count <= Limits.callHeaders, "many headers")
            for text in [call.service, call.method, call.path] + call.headers.flatMap({ [$0.name, $0.value] }) {
                try demand(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character in a call")
            }
        case .hello(_, let plugin):
            for handler in plugin.handlers {
                try demand((1...Int(WP_LANES)).contains(handler.threads), "many threads")
                try demand((1...Int(WP_BATCH_EVENTS)).contains(handler.maximumBatch), "a large batch")
                try demand(!handler.id.text.isEmpty, "a handler without a name")
            }
        case .samples(let samples, _, _):
            try demand(samples.count <= Limits.seriesPerHandler, "many samples")
        case .stateGet(let keys):
            try demand(keys.count <= Limits.stateReadsPerEvent && keys.allSatisfy { !$0.isEmpty }, "an empty key")
        case .line(_, let message, let fields):
            try demand(message.utf8.count <= 4096 && fields.count <= 32, "a long line")
        case .refused(let failure): try demand(failure.code.area == "plugin", "refused as \(failure)")
        case .created, .denied: break
        }
    }
}

extension Effects {
    fileprivate func check() throws {
        try demand(reads.count <= Limits.stateReadsPerEvent && writes.count <= Limits.stateWritesPerEvent, "many keys")
        try demand(drafts.count <= Limits.publishesPerEvent && timers.count <= Limits.timersPerEvent, "many effects")
        for write in writes { try demand(write.value?.count ?? 0 <= Limits.stateValueBytes, "a large value") }
        for draft in drafts {
            try demand(draft.detail.count <= Int(WP_DRAFT_BYTES), "a large draft")
            for text in [draft.source, draft.detailType, draft.resource, draft.correlationID] {
                try demand(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character in a draft")
            }
        }
        for timer in timers { try demand(timer.at >= .distantPast, "a timer before all time") }
    }
}
