import StoreCommon
import Synchronization

/// Wakes whoever waits for work that a commit made: the relay of the outbox, the timers, those who follow the journal.
/// What other sidecars commit is heard of with the next beat.
final class TableSignals: Sendable {
    let outboxWrites: AsyncStream<Void>
    let timerChanges: AsyncStream<Void>
    /// One element soon after this sidecar's chain has a full segment.
    let fullSegments: AsyncStream<Void>
    private let outbox: AsyncStream<Void>.Continuation
    private let timers: AsyncStream<Void>.Continuation
    private let segments: AsyncStream<Void>.Continuation
    private let followers = Followers()
    private let segment: Int
    /// Rows of this sidecar since the last head, and whether any came since they were asked for.
    private let written = Mutex((rows: 0, isNew: false))
    /// Partitions of the outbox that this sidecar wrote to: no index need be asked for them.
    private let partitions = Mutex<[String]>([])
    private static let partitionsAtMost = 10_000

    /// - Parameter segment: rows that one segment has.
    init(segment: Int) {
        self.segment = segment
        (fullSegments, segments) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (outboxWrites, outbox) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (timerChanges, timers) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Rings when the journal may be read further. One too many gets a stream that has ended.
    func journalGrowth() -> AsyncStream<Void> { followers.follow() }

    func wrote(_ units: [CommitUnit]) {
        let written = units.flatMap { $0.entries.map(\.partition) }
        if !written.isEmpty {
            partitions.withLock { partitions in
                partitions += written
                if partitions.count > Self.partitionsAtMost {
                    partitions.removeFirst(partitions.count - Self.partitionsAtMost)
                }
            }
            outbox.yield()
        }
        let rows = units.reduce(0) { $0 + $1.lines.count }
        guard rows > 0 else { return }
        let count = self.written.withLock { written in
            written = (written.rows + rows, true)
            return written.rows
        }
        if count >= segment { segments.yield() }
        ringReaders()
    }

    func sealed() { written.withLock { $0.rows = 0 } }

    /// Whether this sidecar wrote rows since the last call.
    func takeNews() -> Bool {
        written.withLock { written in
            defer { written.isNew = false }
            return written.isNew
        }
    }

    var hasFollowers: Bool { followers.count > 0 }

    /// Partitions of the outbox that were written to since the last call.
    func takePartitions() -> [String] {
        partitions.withLock { partitions in
            defer { partitions = [] }
            return partitions
        }
    }

    func ringOutbox() { outbox.yield() }
    func ringTimers() { timers.yield() }
    func ringReaders() { followers.ring() }

    func finish() {
        outbox.finish()
        timers.finish()
        segments.finish()
        followers.finish()
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
