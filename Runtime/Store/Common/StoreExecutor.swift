import Events
import Glibc
import Synchronization

/// The one thread of execution that touches the database: a write may wait long for the disk, and must not take a
/// thread of the shared pool with it.
///
/// Jobs run strictly in the order in which they arrived. Group commit rests on that: a transaction that is enqueued
/// behind the commitments that wait takes all of them. The thread is woken only while it sleeps; whoever comes
/// meanwhile is taken with the rest.
public final class StoreExecutor: SerialExecutor {
    private let line = Line()

    /// - Parameter label: the thread's name, of which Linux keeps fifteen bytes.
    public init(_ label: String = "outrigger.store") {
        let line = line
        line.start(label)
    }

    deinit { line.end() }

    public func enqueue(_ job: consuming ExecutorJob) {
        line.add(.job(UnownedJob(job), asUnownedSerialExecutor()))
    }

    /// Runs `work` after everything that has been enqueued so far.
    public func enqueue(_ work: @escaping @Sendable () -> Void) { line.add(.work(work)) }

    /// Runs `work` so much later.
    public func enqueue(after wait: Duration, _ work: @escaping @Sendable () -> Void) { line.add(work, after: wait) }

    public func isIsolatingCurrentContext() -> Bool? { line.isCurrent }
    public func checkIsolated() { precondition(line.isCurrent, "not on the store's thread") }
}

/// What waits for the thread. The thread keeps it until the executor has gone and all has run.
private final class Line: Sendable {
    enum Item: Sendable {
        case job(UnownedJob, UnownedSerialExecutor)
        case work(@Sendable () -> Void)
    }
    private struct State {
        var items: [Item] = []
        /// In the order of their times.
        var later: [(at: ContinuousClock.Instant, work: @Sendable () -> Void)] = []
        var isAsleep = false
        var isEnding = false
        var thread: pthread_t?
    }
    private let state = Mutex(State())
    private let bell = Bell()

    func start(_ label: String) { PermanentThread.start { self.run(label) } }

    var isCurrent: Bool {
        state.withLock { $0.thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }

    func add(_ item: Item) { change { $0.items.append(item) } }

    func add(_ work: @escaping @Sendable () -> Void, after wait: Duration) {
        let at = ContinuousClock.now + wait
        change { state in
            state.later.insert((at, work), at: state.later.firstIndex { $0.at > at } ?? state.later.endIndex)
        }
    }

    func end() { change { $0.isEnding = true } }

    private func change(_ body: (inout State) -> Void) {
        let wakes = state.withLock { state in
            body(&state)
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if wakes { bell.ring() }
    }

    // MARK: the thread

    private func run(_ name: String) {
        // No handler of the process should run here.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        takeName(name)
        state.withLock { $0.thread = pthread_self() }
        var items: [Item] = []
        while true {
            switch take(&items) {
            case .run:
                for item in items {
                    switch item {
                    case .job(let job, let executor): job.runSynchronously(on: executor)
                    case .work(let work): work()
                    }
                }
                items.removeAll(keepingCapacity: items.capacity <= 1_024)
            case .sleep(let until): bell.wait(atMost: until.map { max(.zero, $0 - ContinuousClock.now) })
            case .end: return
            }
        }
    }

    private enum Next {
        case run
        case sleep(until: ContinuousClock.Instant?)
        case end
    }

    /// - Parameter items: empty; those that are to run take its place.
    private func take(_ items: inout [Item]) -> Next {
        state.withLock { state in
            state.isAsleep = false
            if !state.later.isEmpty {
                let now = ContinuousClock.now
                let due = state.later.prefix { $0.at <= now }
                state.items += due.map { .work($0.work) }
                state.later.removeFirst(due.count)
            }
            if !state.items.isEmpty {
                swap(&items, &state.items)
                return .run
            }
            if state.isEnding, state.later.isEmpty { return .end }
            state.isAsleep = true
            return .sleep(until: state.later.first?.at)
        }
    }

    /// The calling thread's, for whoever looks at the process (proc(5), comm).
    private func takeName(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = Array(name.utf8).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        close(file)
    }
}

/// One thread waits for it, others ring. Mutex and condition lie at one address as long as it lives.
private final class Bell: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Behind the mutex.
    private var isRinging = false

    init() {
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func ring() {
        pthread_mutex_lock(mutex)
        isRinging = true
        pthread_mutex_unlock(mutex)
        // Not before: who is woken would wait for the mutex.
        pthread_cond_signal(condition)
    }

    /// Until it has rung, or for so long.
    func wait(atMost time: Duration?) {
        var end = timespec()
        if let time {
            clock_gettime(CLOCK_MONOTONIC, &end)
            let nanoseconds = end.tv_nsec + Int(time.components.attoseconds / 1_000_000_000)
            end.tv_sec += Int(time.components.seconds) + nanoseconds / 1_000_000_000
            end.tv_nsec = nanoseconds % 1_000_000_000
        }
        pthread_mutex_lock(mutex)
        var error: Int32 = 0
        while !isRinging, error != ETIMEDOUT {
            error = time == nil
                ? pthread_cond_wait(condition, mutex) : pthread_cond_timedwait(condition, mutex, &end)
        }
        isRinging = false
        pthread_mutex_unlock(mutex)
    }
}
