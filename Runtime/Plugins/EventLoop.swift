import CProcess
import Events
import Glibc
import Synchronization

/// What the loop turns for: the owner of all sockets and timers.
protocol LoopClient: AnyObject, Sendable {
    /// A registered descriptor is readable (or hung up, which reading tells), or writable.
    func ready(_ token: UInt64, isReadable: Bool, isWritable: Bool)
    /// Called after each wake. Answers the milliseconds until it wants to be woken again, -1 for never.
    func turn() -> Int32
}

/// One thread, one epoll: all I/O with workers, and the executor of the actor that owns them, so that what it reads
/// and what it decides need no lock.
final class EventLoop: SerialExecutor, Sendable {
    private struct State {
        var jobs: [UnownedJob] = []
        /// Something has come that the loop has not seen.
        var hasNews = false
        /// It waits, or is about to.
        var isAsleep = false
        var isStopped = false
        var thread: pthread_t?
    }
    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    private let wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    private let state = Mutex(State())
    private static let wakeupToken = UInt64.max

    init() { register(wakeup, Self.wakeupToken, writing: false) }

    deinit {
        close(epoll)
        close(wakeup)
    }

    /// The loop keeps itself and its client until ``stop()``.
    func start(_ client: any LoopClient) {
        PermanentThread.start {
            self.state.withLock { $0.thread = pthread_self() }
            self.run(client)
        }
    }

    func stop() { wake { $0.isStopped = true } }

    /// What the caller has left for the loop is seen: in its next turn, or it is woken for it.
    func wake() { wake { _ in } }

    private func wake(_ change: (inout State) -> Void) {
        let wasAsleep = state.withLock { state in
            change(&state)
            state.hasNews = true
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        guard wasAsleep else { return }
        var one: UInt64 = 1
        write(wakeup, &one, 8)
    }

    // MARK: descriptors

    func register(_ descriptor: Int32, _ token: UInt64, writing: Bool) {
        control(EPOLL_CTL_ADD, descriptor, token, writing: writing)
    }
    func change(_ descriptor: Int32, _ token: UInt64, writing: Bool) {
        control(EPOLL_CTL_MOD, descriptor, token, writing: writing)
    }
    func unregister(_ descriptor: Int32) { epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil) }

    private func control(_ operation: Int32, _ descriptor: Int32, _ token: UInt64, writing: Bool) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (writing ? EPOLLOUT.rawValue : 0)
        event.data.u64 = token
        epoll_ctl(epoll, operation, descriptor, &event)
    }

    // MARK: the executor

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        wake { $0.jobs.append(job) }
    }

    func isIsolatingCurrentContext() -> Bool? {
        state.withLock { $0.thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }

    func checkIsolated() { precondition(isIsolatingCurrentContext() == true, "not on the event loop") }

    // MARK: the thread

    private func run(_ client: any LoopClient) {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        var timeout: Int32 = 0
        while true {
            let wait = state.withLock { state in
                state.isAsleep = !state.hasNews
                return state.hasNews ? 0 : timeout
            }
            let count = epoll_wait(epoll, &events, Int32(events.count), wait)
            let (jobs, isStopped) = state.withLock { state in
                defer { (state.jobs, state.hasNews, state.isAsleep) = ([], false, false) }
                return (state.jobs, state.isStopped)
            }
            for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            if isStopped { return }
            let writable = EPOLLOUT.rawValue
            for event in events.prefix(Int(max(count, 0))) {
                guard event.data.u64 != Self.wakeupToken else {
                    drainWakeup()
                    continue
                }
                client.ready(
                    event.data.u64, isReadable: event.events & ~writable != 0,
                    isWritable: event.events & writable != 0)
            }
            timeout = client.turn()
        }
    }

    private func drainWakeup() {
        var count: UInt64 = 0
        read(wakeup, &count, 8)
    }
}

/// Milliseconds of a clock that nobody sets.
func monotonicMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
}
