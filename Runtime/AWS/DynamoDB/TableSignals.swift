import Events
import Synchronization

/// Wakes whoever waits for work that a commit made: the relay of the outbox, the timers, those who follow the journal.
/// What other sidecars commit is heard of with the next beat.
final class TableSignals: Sendable {
    private struct Bells {
        var last: UInt64 = 0
        var readers: [UInt64: AsyncStream<Void>.Continuation] = [:]
        var isClosed = false
        /// Partitions of the outbox that this sidecar wrote to: no index need be asked for them.
        var partitions: [String] = []
    }

    let outboxWrites: AsyncStream<Void>
    let timerChanges: AsyncStream<Void>
    private let outbox: AsyncStream<Void>.Continuation
    private let timers: AsyncStream<Void>.Continuation
    private let bells = Mutex(Bells())
    private static let partitionsAtMost = 10_000

    init() {
        (outboxWrites, outbox) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (timerChanges, timers) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Rings when the journal may be read further. One too many gets a stream that has ended.
    func journalGrowth() -> AsyncStream<Void> {
        let (stream, bell) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number: UInt64? = bells.withLock { bells in
            guard !bells.isClosed, bells.readers.count < Limits.journalReaders else { return nil }
            bells.last += 1
            bells.readers[bells.last] = bell
            return bells.last
        }
        guard let number else {
            bell.finish()
            return stream
        }
        bell.onTermination = { [weak self] _ in self?.bells.withLock { $0.readers[number] = nil } }
        return stream
    }

    func wrote(_ units: [CommitUnit]) {
        let partitions = units.flatMap { $0.entries.map(\.partition) }
        if !partitions.isEmpty {
            bells.withLock { bells in
                bells.partitions += partitions
                if bells.partitions.count > Self.partitionsAtMost {
                    bells.partitions.removeFirst(bells.partitions.count - Self.partitionsAtMost)
                }
            }
            outbox.yield()
        }
        if units.contains(where: { !$0.lines.isEmpty }) { ringReaders() }
    }

    /// Partitions of the outbox that were written to since the last call.
    func takePartitions() -> [String] {
        bells.withLock { bells in
            defer { bells.partitions = [] }
            return bells.partitions
        }
    }

    func ringOutbox() { outbox.yield() }
    func ringTimers() { timers.yield() }
    func ringReaders() { for bell in bells.withLock({ Array($0.readers.values) }) { bell.yield() } }

    func finish() {
        outbox.finish()
        timers.finish()
        let left = bells.withLock { bells in
            defer { bells = Bells(last: bells.last, isClosed: true) }
            return Array(bells.readers.values)
        }
        for bell in left { bell.finish() }
    }
}

/// Asks for all at once, and answers in their order.
func together<Input: Sendable, Output: Sendable, Problem: Error>(
    _ inputs: [Input], _ body: @Sendable @escaping (Input) async throws(Problem) -> Output
) async -> [Result<Output, Problem>] {
    if inputs.count == 1 {
        do throws(Problem) { return [.success(try await body(inputs[0]))] } catch { return [.failure(error)] }
    }
    return await withTaskGroup(of: (Int, Result<Output, Problem>).self) { group in
        for (index, input) in inputs.enumerated() {
            group.addTask {
                do throws(Problem) { return (index, .success(try await body(input))) } catch {
                    return (index, .failure(error))
                }
            }
        }
        var results: [(Int, Result<Output, Problem>)] = []
        for await result in group { results.append(result) }
        return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
