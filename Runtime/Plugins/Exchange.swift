import Events
import Pipeline
import Synchronization

/// What the engine tells the task that runs a batch: questions about state, calls of services, then the end.
///
/// A mailbox for one reader, who waits whatever becomes of its task: the claims of a batch may be released only when
/// its worker has answered or is reaped.
final class Exchange: Sendable {
    enum Message: Sendable {
        /// Nothing was run.
        case refused(Failure)
        case stateGet(StateQuestion)
        case call(CallQuestion)
        case ended([RunResult])
    }
    private struct State {
        var messages: [Message] = []
        var reader: CheckedContinuation<Message, Never>?
    }
    private let state = Mutex(State())

    func send(_ message: Message) {
        let reader = state.withLock { state in
            defer { state.reader = nil }
            if state.reader == nil { state.messages.append(message) }
            return state.reader
        }
        reader?.resume(returning: message)
    }

    func next() async -> Message {
        await withCheckedContinuation { continuation in
            let message: Message? = state.withLock { state in
                if state.messages.isEmpty {
                    state.reader = continuation
                    return nil
                }
                return state.messages.removeFirst()
            }
            if let message { continuation.resume(returning: message) }
        }
    }
}

/// Keys that one event of one worker asks for. An event has one question at a time, so there are few.
struct StateQuestion: Sendable {
    let worker: UInt64
    let number: UInt32
    let lease: Lease
    let keys: [Bytes]
}

/// What became of one event in its worker.
enum RunResult: Sendable {
    case answered(Answer)
    case unanswered
    case suspect
    indirect case struck(Failure)
}
