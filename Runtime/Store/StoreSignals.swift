import StoreCommon
import Synchronization

/// Wakes whoever waits for work that a commit made: the relay of the outbox, the timers, and those who wait for the bus
/// to have what an event published.
final class StoreSignals: Sendable {
    /// One waiter's bell: rings, folded together, until it is taken down.
    struct Rings: Sendable {
        let stream: AsyncStream<Void>
        let end: @Sendable () -> Void
    }
    private struct Bells {
        var last: UInt64 = 0
        var byParent: [String: [UInt64: AsyncStream<Void>.Continuation]] = [:]
        var isClosed = false
    }

    let outboxWrites: AsyncStream<Void>
    let timerChanges: AsyncStream<Void>
    /// One element soon after a commit that made a segment of the journal full.
    let fullSegments: AsyncStream<Void>
    private let outbox: AsyncStream<Void>.Continuation
    private let timers: AsyncStream<Void>.Continuation
    private let segments: AsyncStream<Void>.Continuation
    private let segment: Int
    private let bells = Mutex(Bells())
    private let followers = Followers()

    /// - Parameter segment: rows of the journal that one segment has.
    init(segment: Int) {
        self.segment = segment
        (outboxWrites, outbox) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (timerChanges, timers) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (fullSegments, segments) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Rings when a publication of `parent` has left the outbox. Bounded by what pipelines have in hand.
    func publicationEnds(of parent: String) -> Rings {
        let (stream, bell) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number = bells.withLock { bells in
            bells.last += 1
            if bells.isClosed { bell.finish() } else { bells.byParent[parent, default: [:]][bells.last] = bell }
            return bells.last
        }
        return Rings(stream: stream) { [self] in
            bells.withLock { bells in
                bells.byParent[parent]?[number] = nil
                if bells.byParent[parent]?.isEmpty == true { bells.byParent[parent] = nil }
            }
        }
    }

    /// Rings when the journal has grown, until the listener lets it go. One too many gets a stream that has ended.
    func journalGrowth() -> AsyncStream<Void> { followers.follow() }

    func send(_ counters: Counters) {
        if !counters.journalKeys.isEmpty {
            followers.ring()
            if counters.journal.number - counters.segments.head.number >= segment { segments.yield() }
        }
        if counters.wroteOutbox { outbox.yield() }
        if counters.changedTimers { timers.yield() }
        if counters.publicationsEnded.isEmpty { return }
        let ringing = bells.withLock { bells in
            counters.publicationsEnded.flatMap { bells.byParent[$0].map { Array($0.values) } ?? [] }
        }
        for bell in ringing { bell.yield() }
    }

    /// What ended in a transaction whose answer was lost is found by asking.
    func ringAll() {
        for bell in bells.withLock({ $0.byParent.values.flatMap(\.values) }) { bell.yield() }
        followers.ring()
    }

    func finish() {
        outbox.finish()
        timers.finish()
        segments.finish()
        let left = bells.withLock { bells in
            defer { bells = Bells(last: bells.last, isClosed: true) }
            return bells.byParent.values.flatMap(\.values)
        }
        for bell in left { bell.finish() }
        followers.finish()
    }
}
