/// Long work that comes and goes with generations, all of it children of one task.
struct Crew: Sendable {
    private let joining: AsyncStream<@Sendable () async -> Void>
    private let join: AsyncStream<@Sendable () async -> Void>.Continuation

    init() { (joining, join) = AsyncStream.makeStream() }

    func add(_ work: @escaping @Sendable () async -> Void) { join.yield(work) }

    /// Nothing joins any more.
    func close() { join.finish() }

    /// Until closed, or cancelled, and all have ended.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await work in joining { group.addTask { await work() } }
        }
    }
}

/// The word that one piece of long work is to end before the others.
struct Leaving: Sendable {
    private let words: AsyncStream<Never>
    private let word: AsyncStream<Never>.Continuation

    init() { (words, word) = AsyncStream.makeStream() }

    func now() { word.finish() }

    /// Works until it is done, or the word is given: then it is cancelled.
    @discardableResult
    func cancels<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) async -> Value? {
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
