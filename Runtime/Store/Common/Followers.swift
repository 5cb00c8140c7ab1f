import Events
import Synchronization

/// Those who follow the journal of one store, each by a stream that rings, several times folded into one.
public final class Followers: Sendable {
    private struct Bells {
        var last: UInt64 = 0
        var byNumber: [UInt64: AsyncStream<Void>.Continuation] = [:]
        var isClosed = false
    }
    private let bells = Mutex(Bells())

    public init() {}

    /// Rings until the listener lets it go. One too many gets a stream that has ended: ``Limits/journalReaders``.
    public func follow() -> AsyncStream<Void> {
        let (stream, bell) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number: UInt64? = bells.withLock { bells in
            guard !bells.isClosed, bells.byNumber.count < Limits.journalReaders else { return nil }
            bells.last += 1
            bells.byNumber[bells.last] = bell
            return bells.last
        }
        guard let number else {
            bell.finish()
            return stream
        }
        bell.onTermination = { [weak self] _ in self?.bells.withLock { $0.byNumber[number] = nil } }
        return stream
    }

    public var count: Int { bells.withLock { $0.byNumber.count } }

    public func ring() { for bell in bells.withLock({ Array($0.byNumber.values) }) { bell.yield() } }

    /// Ends all streams, and every one that is asked for later.
    public func finish() {
        let left = bells.withLock { bells in
            defer { bells = Bells(last: bells.last, isClosed: true) }
            return Array(bells.byNumber.values)
        }
        for bell in left { bell.finish() }
    }
}
