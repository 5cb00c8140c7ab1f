import CPostgreSQL
import Events
import Glibc
import Pipeline
import StoreCommon
import Synchronization

/// Wakes whoever waits for work that a commit made, here or in another sidecar.
final class Signals: Sendable {
    let outboxWrites: AsyncStream<Void>
    let timerChanges: AsyncStream<Void>
    /// One element soon after this sidecar's chain has a full segment.
    let fullSegments: AsyncStream<Void>
    private let outbox: AsyncStream<Void>.Continuation
    private let timers: AsyncStream<Void>.Continuation
    private let segments: AsyncStream<Void>.Continuation
    private let segment: Int
    private let unsealed = Mutex(0)
    private let followers = Followers()

    /// - Parameter segment: rows that one segment has.
    init(segment: Int) {
        self.segment = segment
        (fullSegments, segments) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (outboxWrites, outbox) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (timerChanges, timers) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The channel of LISTEN and NOTIFY: each schema has its own.
    static func channel(_ schema: String) -> String { "outrigger_" + schema }

    func ring(_ rings: Rings) {
        if rings.contains(.outbox) { outbox.yield() }
        if rings.contains(.timers) { timers.yield() }
        if rings.contains(.journal) { followers.ring() }
    }

    /// Rows were added to this sidecar's chain.
    func wrote(rows: Int) {
        let count = unsealed.withLock { unsealed in
            unsealed += rows
            return unsealed
        }
        if count >= segment { segments.yield() }
    }

    func sealed() { unsealed.withLock { $0 = 0 } }

    /// Rings when the journal has grown, until the listener lets it go. One too many gets a stream that has ended.
    func journalGrowth() -> AsyncStream<Void> { followers.follow() }

    func finish() {
        outbox.finish()
        timers.finish()
        segments.finish()
        followers.finish()
    }
}

/// Hears what other sidecars committed (LISTEN). What is missed while the connection is away, or lost with whoever
/// should have said it, is found by looking every few seconds.
final class Listener: Sendable {
    private static let look = Duration.seconds(5)
    private static let pause = Duration.seconds(1)

    private let options: PostgreSQLOptions
    private let boot: Int64
    private let signals: Signals
    private let executor = StoreExecutor("outrigger.postgresql.listener")
    private let wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    private let isStopped = Atomic(false)

    init(_ options: PostgreSQLOptions, boot: Int64, signals: Signals) {
        self.options = options
        self.boot = boot
        self.signals = signals
    }

    deinit { close(wakeup) }

    func start() { executor.enqueue { self.run() } }

    /// Returns at once; the connection ends soon.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        var one: UInt64 = 1
        write(wakeup, &one, 8)
    }

    private func run() {
        while !isStopped.load(ordering: .acquiring) {
            if let session = try? Session(options) {
                do throws(Failure) {
                    try session.script("LISTEN \(Signals.channel(options.schema))")
                    signals.ring(.all)
                    listen(session)
                } catch { options.observer?(.failed(error)) }
            }
            rest()
        }
    }

    private func listen(_ session: Session) {
        while !isStopped.load(ordering: .acquiring) {
            guard let heard = try? session.notifications(within: Self.look, wakeup) else { return }
            if heard.isEmpty { signals.ring(.all) }
            for word in heard { hear(word) }
        }
    }

    /// Whose commit it was, and whom it wakes; one's own have woken everybody here already.
    private func hear(_ word: String) {
        let parts = word.split(separator: " ").compactMap { Int64($0) }
        guard parts.count == 2, parts[0] != boot else { return }
        signals.ring(Rings(rawValue: Int(parts[1])))
    }

    private func rest() {
        var waiting = pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0)
        poll(&waiting, 1, Int32(clamping: Self.pause.milliseconds))
        signals.ring(.all)
    }
}
