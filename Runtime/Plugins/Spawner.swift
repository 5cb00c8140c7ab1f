import CProcess
import Events
import Glibc
import Synchronization
import WorkerInstance

/// How a process ended.
enum Ending: Sendable, Equatable {
    case exited(Int32)
    case signalled(Int32)

    var text: String {
        switch self {
        case .exited(64): "exited with status 64: not started as it must be"
        case .exited(70): "exited with status 70: it was sent what it does not understand"
        case .exited(71): "exited with status 71: its handler wrote outside of an eh_result"
        case .exited(72): "exited with status 72: its handler wrote over an eh_event"
        case .exited(74): "exited with status 74: its socket was gone"
        case .exited(134): "exited with status 134: it aborted"
        case .exited(let status): "exited with status \(status)"
        case .signalled(let number):
            "killed by signal \(number)" + (Self.names[number].map { " (\($0))" } ?? "")
        }
    }

    private static let names: [Int32: String] = [
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGILL: "SIGILL", SIGKILL: "SIGKILL",
        SIGSEGV: "SIGSEGV", SIGSYS: "SIGSYS", SIGTERM: "SIGTERM", SIGTRAP: "SIGTRAP",
    ]
}

/// The one permanent thread that spawns and reaps all workers: their kernel-side parent is a thread, and their death
/// signal would fire when it ended.
final class Spawner: Sendable {
    struct Order: Sendable {
        let token: UInt64
        let path: String
        let arguments: [String]
        let environment: [String: String]
        /// Where it starts.
        let directory: String
        /// It enters its namespaces by starting another process in its place.
        let hasHeir: Bool
        /// Owned by the order: closed once the child has its copies, all but `plugin`.
        let birth: cp_birth
        /// Keeps the plugin's descriptor open.
        let plugin: PluginFile
        /// Inline: by which name the library is loaded.
        let library: String?
    }
    enum Report: Sendable {
        case started(UInt64, process: Int32)
        case failed(UInt64, String)
        case ended(UInt64, Ending)
    }
    private struct Inbox {
        var orders: [Order] = []
        var kills: [UInt64] = []
        var isStopped = false
    }
    private struct Child {
        let token: UInt64
        let process: Int32
        let pidfd: Int32
    }

    private let inbox = Mutex(Inbox())
    /// Children that are not reaped.
    private let processes = Mutex<Set<Int32>>([])
    private let wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))

    /// - Parameter report: called on the spawner's thread; it must not block.
    func start(report: @escaping @Sendable (Report) -> Void) {
        PermanentThread.start { self.run(report) }
    }

    deinit { close(wakeup) }

    func spawn(_ order: Order) { change { $0.orders.append(order) } }
    func isChild(_ process: Int32) -> Bool { processes.withLock { $0.contains(process) } }
    func kill(_ token: UInt64) { change { $0.kills.append(token) } }
    /// Kills and reaps what is left, and ends the thread.
    func stop() { change { $0.isStopped = true } }

    private func change(_ body: (inout Inbox) -> Void) {
        inbox.withLock { body(&$0) }
        var one: UInt64 = 1
        write(wakeup, &one, 8)
    }

    private func run(_ report: @escaping @Sendable (Report) -> Void) {
        var children: [Child] = []
        var isStopped = false
        while !isStopped || !children.isEmpty {
            var polled = [pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0)]
            polled += children.map { pollfd(fd: $0.pidfd, events: Int16(POLLIN), revents: 0) }
            poll(&polled, nfds_t(polled.count), -1)
            if polled[0].revents != 0 {
                var count: UInt64 = 0
                read(wakeup, &count, 8)
            }
            let ended = Set(polled.dropFirst().filter { $0.revents != 0 }.map(\.fd))
            for child in children where ended.contains(child.pidfd) { report(.ended(child.token, reap(child))) }
            children.removeAll { ended.contains($0.pidfd) }
            let work = inbox.withLock { inbox in
                defer { inbox = Inbox(isStopped: inbox.isStopped) }
                return inbox
            }
            isStopped = work.isStopped
            for order in work.orders {
                if let library = order.library { startInline(order, library, report) } else {
                    if let child = spawn(order, report) { children.append(child) }
                }
            }
            let kills = Set(work.kills)
            for child in children where isStopped || kills.contains(child.token) { _ = cp_pidfd_kill(child.pidfd) }
        }
    }

    /// Threads in place of a process. Nobody can kill them: they have ended when they say so.
    private func startInline(_ order: Order, _ library: String, _ report: @escaping @Sendable (Report) -> Void) {
        report(.started(order.token, process: 0))
        PermanentThread.start {
            let status = worker_run_inline(order.birth.channel, order.birth.blame, library)
            report(.ended(order.token, .exited(status)))
        }
    }

    private func spawn(_ order: Order, _ report: (Report) -> Void) -> Child? {
        let arguments = ([order.path] + order.arguments).map { strdup($0) } + [nil]
        let environment = order.environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        var process: pid_t = 0
        let error = arguments.withUnsafeBufferPointer { arguments in
            environment.withUnsafeBufferPointer { environment in
                order.directory.withCString { directory in
                    var command = cp_order(
                        path: arguments[0]!, arguments: arguments.baseAddress!,
                        environment: environment.baseAddress!, directory: directory, birth: order.birth,
                        has_heir: order.hasHeir ? 1 : 0)
                    return cp_spawn(&command, &process)
                }
            }
        }
        for text in arguments + environment { free(text) }
        for descriptor in [order.birth.output, order.birth.channel, order.birth.blame] { close(descriptor) }
        guard error == 0 else {
            report(.failed(order.token, "\(order.path): \(SystemError.text(-error))"))
            return nil
        }
        processes.withLock { _ = $0.insert(process) }
        report(.started(order.token, process: process))
        let pidfd = cp_pidfd_open(process)
        if pidfd >= 0 { return Child(token: order.token, process: process, pidfd: pidfd) }
        var status: Int32 = 0
        Glibc.kill(process, SIGKILL)
        waitpid(process, &status, 0)
        processes.withLock { _ = $0.remove(process) }
        report(.ended(order.token, .signalled(SIGKILL)))
        return nil
    }

    private func reap(_ child: Child) -> Ending {
        var status: Int32 = 0
        var isSignal: Int32 = 0
        let error = cp_reap(child.pidfd, &status, &isSignal)
        processes.withLock { _ = $0.remove(child.process) }
        close(child.pidfd)
        if error < 0 { return .exited(-1) }
        return isSignal != 0 ? .signalled(status) : .exited(status)
    }
}
