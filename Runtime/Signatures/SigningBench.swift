import Dispatch

/// Where signatures are made: about a millisecond each, which no caller waits for. On a thread of low priority, so that
/// those who are waited for go first.
struct SigningBench: Sendable {
    private let queue = DispatchQueue(label: "outrigger.signing", qos: .utility)

    func perform<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { answer in queue.async { answer.resume(returning: work()) } }
    }
}
