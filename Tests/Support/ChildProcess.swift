import Dispatch
import Foundation
import Glibc
import Synchronization

/// A process that a test starts: with no file of the test's but those that it is given, in a process group of its own,
/// and for no longer than the test process itself.
///
/// A thread of its own starts it and waits for it, so its end is known whatever else holds its files. Who waits for it
/// says how long: nothing that a test starts keeps the run from ending.
public final class ChildProcess: Sendable {
    public enum Input: Sendable {
        case nothing
        /// What ``input`` writes. It hears its end when the test process ends, and has to end by itself then; any other
        /// is killed by the kernel.
        case pipe
    }

    public enum Output: Sendable {
        case nothing
        /// Appended to a file.
        case file(String)
        /// What ``output`` reads. Both outputs may be this one.
        case pipe
    }

    /// How it ended.
    public enum Ending: Sendable, Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    public struct NotStarted: Error, CustomStringConvertible {
        public let description: String
    }

    public let id: Int32
    /// Where its input is written to, if that is a pipe.
    public let input: OutputPipe?
    /// Where what it says is read from, if that is a pipe.
    public let output: InputPipe?
    private let life: Life

    /// - Parameters:
    ///   - command: a program, by its name on `PATH` or its path, and its arguments.
    ///   - environment: `nil` for that of the test process.
    ///   - leavesNothing: what it started in its group and did not end is killed some seconds after it, and
    ///     ``leftovers`` then.
    public init(
        _ command: [String], environment: [String: String]? = nil, input: Input = .nothing, output: Output = .nothing,
        errors: Output = .nothing, leavesNothing: Bool = false
    ) throws {
        var files = try ChildFiles()
        if case .pipe = input { self.input = OutputPipe(try files.readingPipe()) } else { self.input = nil }
        try files.write(output, as: 1)
        try files.write(errors, as: 2)
        self.output = files.reader.map { InputPipe($0) }
        let isKilled = if case .nothing = input { true } else { false }
        let launcher = isKilled ? ["setpriv", "--pdeathsig", "KILL", "--"] : []
        let life = Life()
        let plan = files
        Thread.detachNewThread { life.run(launcher + command, environment, plan, leavesNothing) }
        self.life = life
        id = try life.started(command)
    }

    public var isRunning: Bool { life.ending == nil }

    /// What it left behind and should not have, by name. Known when it has ended.
    public var leftovers: [String] { life.leftovers }

    /// To it alone; nothing, if it has ended.
    public func signal(_ number: Int32) { life.signal(id, number) }

    /// `SIGKILL` to it and to whatever it started in its group.
    public func kill() {
        life.signal(-id, SIGKILL)
        life.signal(id, SIGKILL)
    }

    /// Waits until it has ended.
    /// - Returns: `nil`, if it did not in this time. It goes on then.
    public func end(within limit: Duration = .seconds(60)) -> Ending? { life.wait(limit) }

    deinit {
        guard isRunning else { return }
        // One that hears the end of its input ends by itself.
        if input == nil { kill() }
    }
}

/// What the thread of a process and those who ask for it share.
private final class Life: Sendable {
    private struct State {
        var id: Int32 = 0
        var code: Int32 = 0
        var ending: ChildProcess.Ending?
        var leftovers: [String] = []
    }

    private let state = Mutex(State())
    private let start = DispatchSemaphore(value: 0)
    private let end = DispatchGroup()

    init() { end.enter() }

    var ending: ChildProcess.Ending? { state.withLock { $0.ending } }
    var leftovers: [String] { state.withLock { $0.leftovers } }

    func started(_ command: [String]) throws -> Int32 {
        start.wait()
        let (id, code) = state.withLock { ($0.id, $0.code) }
        guard code == 0 else {
            throw ChildProcess.NotStarted(description: "\(command.first ?? ""): \(String(cString: strerror(code)))")
        }
        return id
    }

    /// Its id is its own until it was waited for, which happens under the same lock.
    func signal(_ target: Int32, _ number: Int32) {
        state.withLock { state in
            if state.ending == nil { Glibc.kill(target, number) }
        }
    }

    func wait(_ limit: Duration) -> ChildProcess.Ending? {
        let (seconds, attoseconds) = limit.components
        let deadline = DispatchTime.now() + .seconds(Int(seconds)) + .nanoseconds(Int(attoseconds / 1_000_000_000))
        return end.wait(timeout: deadline) == .success ? ending : nil
    }

    func run(_ command: [String], _ environment: [String: String]?, _ files: ChildFiles, _ leavesNothing: Bool) {
        var id: Int32 = 0
        let code = files.spawn(&id, command, environment)
        files.close()
        state.withLock { ($0.id, $0.code) = (id, code) }
        start.signal()
        defer { end.leave() }
        guard code == 0 else { return }
        var information = siginfo_t()
        while waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        let leftovers = leavesNothing ? Life.leftovers(of: id) : []
        if !leftovers.isEmpty { Glibc.kill(-id, SIGKILL) }
        state.withLock { state in
            state.leftovers = leftovers
            var status: Int32 = 0
            while waitpid(id, &status, 0) < 0 && errno == EINTR {}
            state.ending = status & 0x7F == 0 ? .exit(status >> 8 & 0xFF) : .signal(status & 0x7F)
        }
    }
}

extension Life {
    /// The names of those who are in its group though it has ended, some seconds after: as yet it is waited for, so its
    /// group has its id still.
    fileprivate static func leftovers(of group: Int32) -> [String] {
        var names: [String] = []
        for _ in 0..<200 {
            names = members(of: group)
            if names.isEmpty { break }
            usleep(100_000)
        }
        return names
    }

    private static func members(of group: Int32) -> [String] {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.compactMap { process in
            guard Int32(process) != nil, Int32(process) != group,
                let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let name = line.firstIndex(of: "("), let end = line.lastIndex(of: ")")
            else { return nil }
            // State, parent, group.
            let words = line[line.index(after: end)...].split(separator: " ")
            guard words.count > 2, words[2] == String(group), words[0] != "Z" else { return nil }
            return String(line[line.index(after: name)..<end])
        }
    }
}

/// The three files of a process that is to be started.
private struct ChildFiles: Sendable {
    /// What it has as its files 0, 1 and 2.
    private var ends: [Int32]
    private let nothing: Int32
    /// The test's own end of what it writes.
    private(set) var reader: Int32?
    private var writer: Int32?

    init() throws {
        nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
        ends = [nothing, nothing, nothing]
        guard nothing >= 0 else { throw ChildFiles.failure() }
    }

    private static func failure() -> ChildProcess.NotStarted {
        ChildProcess.NotStarted(description: String(cString: strerror(errno)))
    }

    private static func pipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw failure() }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// - Returns: the test's own end.
    mutating func readingPipe() throws -> Int32 {
        let pipe = try ChildFiles.pipe()
        ends[0] = pipe.reading
        return pipe.writing
    }

    mutating func write(_ output: ChildProcess.Output, as number: Int) throws {
        switch output {
        case .nothing: break
        case .file(let path):
            let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard file >= 0 else { throw ChildFiles.failure() }
            ends[number] = file
        case .pipe:
            if writer == nil {
                let pipe = try ChildFiles.pipe()
                (reader, writer) = (pipe.reading, pipe.writing)
            }
            ends[number] = writer ?? ends[number]
        }
    }

    /// Those that only the process keeps.
    func close() { for end in Set(ends + [nothing]) { Glibc.close(end) } }

    /// - Returns: 0 or an error number.
    func spawn(_ id: inout Int32, _ command: [String], _ environment: [String: String]?) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (number, end) in ends.enumerated() { posix_spawn_file_actions_adddup2(&actions, end, Int32(number)) }
        // Most are closed by exec; some were opened by those who did not think of it. One that is not open is no error.
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        for file in 3...(open.compactMap { Int32($0) }.max() ?? 3) + 32 {
            posix_spawn_file_actions_addclose(&actions, file)
        }
        // What a thread of the tests blocks or the runtime ignores is none of its business.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))
        let words = (environment ?? ProcessInfo.processInfo.environment).map { "\($0.key)=\($0.value)" }
        var arguments = command.map { strdup($0) } + [nil]
        var variables = words.map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        return posix_spawnp(&id, command[0], &actions, &attributes, &arguments, &variables)
    }
}
