import Events
import Hummingbird
import NIOCore
import Pipeline
import ServiceLifecycle

/// A stream of journal rows to one reader: first what it missed, then each as it is committed.
///
/// What a slow reader has not taken stays in the journal, not in memory: one step's rows and the socket's own buffers
/// are all that waits for it, and for so long only.
struct EventStream: Sendable {
    struct Timing: Sendable {
        var heartbeat = Limits.streamHeartbeat
        var patience = Limits.streamPatience
    }

    let journal: any JournalReader
    let query: JournalQuery
    /// Looked for here and not by the journal: with a source alone it would look through all of what a reader missed
    /// before it answers.
    let source: String?
    let grant: Grant
    /// The number of the last row that the reader has; `nil` to begin with what comes.
    let last: Int64?
    let channel: any Channel
    let timing: Timing

    /// Until the reader goes, is cut off, or the sidecar stops; the journal's end is a stream's end as well.
    func write(to writer: inout any ResponseBodyWriter, _ request: Request) async throws {
        // Woken before anything is read: no row falls between the two.
        let growth = journal.growth()
        let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let beats = channel.eventLoop.scheduleRepeatedTask(
            initialDelay: TimeAmount(timing.heartbeat), delay: TimeAmount(timing.heartbeat)
        ) { _ in wake.yield() }
        defer { beats.cancel() }
        try await request.body.consumeWithInboundCloseHandler { _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                group.addTask {
                    await cancelWhenGracefulShutdown { for await _ in growth { wake.yield() } }
                    wake.finish()
                }
                try await write(to: &writer, whenever: wakes)
            }
        } onInboundClosed: {
            wake.finish()
        }
        try await writer.finish(nil)
    }

    private func write(to writer: inout any ResponseBodyWriter, whenever wakes: AsyncStream<Void>) async throws {
        try await put(ServerSentEvent.opening, to: &writer)
        var query = query
        query.atMost = Limits.streamRows
        do throws(Failure) {
            let newest = try await journal.newest()
            // A number from another store's journal says nothing of this one.
            query.after = min(last ?? newest, newest)
        } catch { return }
        var quietSince = ContinuousClock.now
        if try await writeRows(of: &query, to: &writer) { quietSince = .now }
        for await _ in wakes {
            if try await writeRows(of: &query, to: &writer) {
                quietSince = .now
            } else if ContinuousClock.now - quietSince >= timing.heartbeat * 0.9 {
                try await put(ServerSentEvent.heartbeat, to: &writer)
                quietSince = .now
            }
        }
    }

    /// A journal that cannot be read now can be at the next wake.
    /// - Returns: false if there was nothing for this reader.
    private func writeRows(of query: inout JournalQuery, to writer: inout any ResponseBodyWriter) async throws -> Bool {
        var hasWritten = false
        while let rows = try? await journal.rows(query), let number = rows.last?.number {
            query.after = number
            let wanted = rows.filter { (source == nil || $0.entry.source == source) && grant.sees($0.entry) }
            let bytes = wanted.flatMap(ServerSentEvent.block)
            if !bytes.isEmpty {
                try await put(bytes, to: &writer)
                hasWritten = true
            }
            if rows.count < query.atMost { break }
        }
        return hasWritten
    }

    /// Returns when there is room for more; a reader that makes none in time loses its connection.
    private func put(_ bytes: [UInt8], to writer: inout any ResponseBodyWriter) async throws {
        let cutOff = channel.eventLoop.scheduleTask(in: TimeAmount(timing.patience)) { [channel] in
            channel.close(promise: nil)
        }
        defer { cutOff.cancel() }
        try await writer.write(ByteBuffer(bytes: bytes))
    }
}
