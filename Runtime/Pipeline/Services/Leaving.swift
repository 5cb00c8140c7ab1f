/// The word that one piece of long work is to end before the others.
public struct Leaving: Sendable {
    private let words: AsyncStream<Never>
    private let word: AsyncStream<Never>.Continuation

    public init() { (words, word) = AsyncStream.makeStream() }

    public func now() { word.finish() }

    /// Works until it is done, or the word is given: then it is cancelled, and `nil` comes back.
    @discardableResult
    public func cancels<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask { await work() }
            group.addTask {
                for await _ in words {}
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}
