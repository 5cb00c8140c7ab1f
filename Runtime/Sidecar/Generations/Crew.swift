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
