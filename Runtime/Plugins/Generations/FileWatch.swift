import CProcess
import Events
import Glibc
import Synchronization

/// Tells when one of some files may have another content: by inotify on their directories, and, since inotify does not
/// see everything (network and some virtual file systems), every so often without a cause. What has changed, if
/// anything has, is for the listener to find out.
///
/// One thread, which sleeps in `poll`. Bursts are one wake: it waits until nothing happens for a while, but not for
/// ever.
public final class FileWatch: Sendable {
    public enum Wake: Sendable, Hashable {
        case change
        /// The time is up.
        case round
    }

    /// One at a time: what happens before a wake is taken is part of it.
    public let wakes: AsyncStream<Wake>
    private let wake: AsyncStream<Wake>.Continuation
    private let round: Int64
    private let quiet: Int64
    private let longest: Int64
    /// Less than zero where the kernel gives none: then there are rounds alone.
    private let notifications: Int32
    private let stopping = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    /// The names that count, by watched directory.
    private let watched = Mutex<[Int32: Set<String>]>([:])

    /// The end of a write, not each write: a database beside the configuration would wake us with every commit.
    private static let mask = UInt32(
        IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB | IN_DELETE_SELF
            | IN_MOVE_SELF | IN_ONLYDIR)

    /// - Parameters:
    ///   - round: between two wakes without a cause.
    ///   - quiet: how long nothing must happen before a change is told.
    ///   - longest: how long a change is held back at most.
    public convenience init(
        round: Duration = .seconds(30), quiet: Duration = .milliseconds(200), longest: Duration = .seconds(2)
    ) {
        let notifications = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        self.init(notifications: notifications, round: round, quiet: quiet, longest: longest)
    }

    /// - Parameter notifications: of inotify; owned from here on.
    init(notifications: Int32, round: Duration, quiet: Duration, longest: Duration) {
        self.notifications = notifications
        self.round = round.milliseconds
        self.quiet = quiet.milliseconds
        self.longest = longest.milliseconds
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    deinit {
        close(notifications)
        close(stopping)
    }

    /// The thread keeps the watch until ``stop()``.
    public func start() { PermanentThread.start { self.run() } }

    public func stop() {
        var one: UInt64 = 1
        write(stopping, &one, 8)
    }

    /// Watches these files, which need not be there, and no others. To be called again whenever their links may have
    /// changed.
    public func watch(_ paths: [String]) {
        let places = Dictionary(grouping: Set(paths.flatMap(WatchedPath.places)), by: \.directory)
        watched.withLock { watched in
            var next: [Int32: Set<String>] = [:]
            for (directory, places) in places {
                let watch = inotify_add_watch(notifications, directory, Self.mask)
                if watch >= 0 { next[watch, default: []].formUnion(places.map(\.name)) }
            }
            for watch in watched.keys where next[watch] == nil { inotify_rm_watch(notifications, watch) }
            watched = next
        }
    }

    // MARK: - the thread

    private func run() {
        var roundAt = monotonicMilliseconds() + round
        while true {
            switch happens(until: roundAt) {
            case .stopped:
                wake.finish()
                return
            case .changed:
                let latest = monotonicMilliseconds() + longest
                var quietAt = min(monotonicMilliseconds() + quiet, latest)
                while case .changed = happens(until: quietAt) {
                    quietAt = min(monotonicMilliseconds() + quiet, latest)
                }
                wake.yield(.change)
            case .nothing:
                wake.yield(.round)
                roundAt = monotonicMilliseconds() + round
            }
        }
    }

    private enum Happening { case changed, nothing, stopped }

    private func happens(until end: Int64) -> Happening {
        while true {
            let left = end - monotonicMilliseconds()
            guard left > 0 else { return .nothing }
            var polled = [
                pollfd(fd: notifications, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stopping, events: Int16(POLLIN), revents: 0),
            ]
            poll(&polled, nfds_t(polled.count), Int32(clamping: left))
            if polled[1].revents != 0 { return .stopped }
            if polled[0].revents != 0, hasNews() { return .changed }
        }
    }

    /// Reads what happened. True if any of it is about a watched name.
    private func hasNews() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        var isNews = false
        while true {
            let count = buffer.withUnsafeMutableBytes { read(notifications, $0.baseAddress, $0.count) }
            guard count > 0 else { return isNews }
            let names = watched.withLock { $0 }
            buffer.withUnsafeBytes { bytes in
                var at = 0
                while at + MemoryLayout<inotify_event>.size <= count {
                    let event = bytes.loadUnaligned(fromByteOffset: at, as: inotify_event.self)
                    let start = at + MemoryLayout<inotify_event>.size
                    at = start + Int(event.len)
                    let name = String(decoding: bytes[start..<min(at, count)].prefix { $0 != 0 }, as: UTF8.self)
                    if Self.isNews(event, name, names) { isNews = true }
                }
            }
        }
    }

    private static func isNews(_ event: inotify_event, _ name: String, _ names: [Int32: Set<String>]) -> Bool {
        let whole = UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_Q_OVERFLOW)
        return event.mask & whole != 0 || names[event.wd]?.contains(name) == true
    }
}
