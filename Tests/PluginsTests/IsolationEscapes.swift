import Foundation
import Glibc

/// What comes of an attack.
enum Attempt: Equatable, Sendable {
    case works
    case fails(Int32)
    /// Root may have the capability, or not.
    case varies
    /// An ordinary user's sidecar, and root's.
    indirect case differs(user: Attempt, root: Attempt)

    init(_ error: Int32) { self = error == 0 ? .works : .fails(error) }

    var mine: Attempt { if case .differs(let user, let root) = self { getuid() == 0 ? root : user } else { self } }

    var text: String {
        switch self {
        case .works: "**works**"
        case .varies: "by its capabilities"
        case .fails(ENODATA): "its own"
        case .fails(let error): Self.names[error] ?? "errno \(error)"
        case .differs(let user, let root): "\(user.text); as root \(root.text)"
        }
    }
    private static let names: [Int32: String] = [
        EPERM: "EPERM", EACCES: "EACCES", ENOENT: "ENOENT", ENOSYS: "ENOSYS", EROFS: "EROFS", EEXIST: "EEXIST",
    ]
}

/// One way out of a worker, and what comes of it under each mode. `available` is `required` where the kernel has all.
struct Escape: Sendable {
    let name: String
    /// What a handler would do.
    let what: String
    let off: Attempt
    let required: Attempt
    let strict: Attempt

    init(_ name: String, _ what: String, off: Attempt, required: Attempt, strict: Attempt) {
        self.name = name
        self.what = what
        self.off = off
        self.required = required
        self.strict = strict
    }
}

extension Escape {
    struct Chapter: Sendable {
        let title: String
        let escapes: [Escape]
    }

    private static let files = Chapter(
        title: "Files",
        escapes: [
            Escape(
                "read-token", "open a secret of the sidecar's for reading",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "write-token", "open it for writing",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "stat-token", "learn that it is there, how large and how old",
                off: .works, required: .works,
                strict: .fails(ENOENT)),
            Escape(
                "truncate-token", "truncate it",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "chmod-token", "change its mode",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "fchmodat2-token", "the same by a younger call",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "chown-token", "change its owner",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "touch-token", "change its times",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "setxattr-token", "give it an attribute",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "setxattrat-token", "the same by a younger call",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "link-token", "give it a second name",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "rename-token", "rename it",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "inotify-token", "watch who reads it",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "file-handle", "name it by a handle that opens anywhere",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "unlink-token", "delete it",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "list-root", "list / (under strict its own, and empty)",
                off: .works, required: .fails(EACCES),
                strict: .fails(EACCES)),
            Escape(
                "stat-passwd", "learn about /etc/passwd",
                off: .works, required: .works,
                strict: .fails(ENOENT)),
            Escape(
                "read-passwd", "read /etc/passwd",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "list-proc", "list /proc",
                off: .works, required: .fails(EACCES),
                strict: .fails(EACCES)),
            Escape(
                "make-own-file", "write in its own working directory",
                off: .works, required: .fails(EACCES),
                strict: .fails(EROFS)),
            Escape(
                "chdir", "go to the sidecar's folder",
                off: .works, required: .works,
                strict: .fails(ENOENT)),
            Escape(
                "statfs", "learn how full that disk is",
                off: .works, required: .works,
                strict: .fails(ENOENT)),
            Escape(
                "make-file", "make a file in /tmp",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "make-folder", "make a folder",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "make-symlink", "make a symbolic link",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "make-fifo", "make a pipe with a name",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "make-dev-shm", "make a file in /dev/shm",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "file-flags", "ask a file for its flags by ioctl",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "dnotify", "be told of changes in a folder that it may read",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "fanotify", "watch whole file systems",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
        ])

    private static let processes = Chapter(
        title: "The sidecar and other processes",
        escapes: [
            Escape(
                "stat-sidecar", "learn that /proc/SIDECAR is there",
                off: .works, required: .works,
                strict: .fails(ENOENT)),
            Escape(
                "read-cmdline", "read the sidecar's command line",
                off: .works, required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "read-environ", "read the sidecar's environment",
                off: .differs(user: .fails(EACCES), root: .works), required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "open-memory", "open the sidecar's memory",
                off: .differs(user: .fails(EACCES), root: .works), required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "read-maps", "read where its memory lies",
                off: .differs(user: .fails(EACCES), root: .works), required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "list-descriptors", "list its descriptors",
                off: .differs(user: .fails(EACCES), root: .works), required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "proc-root", "read files by way of /proc/SIDECAR/root",
                off: .differs(user: .fails(EACCES), root: .works), required: .fails(EACCES),
                strict: .fails(ENOENT)),
            Escape(
                "process-vm-readv", "read the sidecar's memory",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "process-vm-writev", "write it",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "ptrace", "trace another process",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "pidfd-getfd", "take a descriptor out of the sidecar",
                off: .differs(user: .fails(EPERM), root: .works), required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "kcmp", "compare the sidecar's kernel objects with its own",
                off: .differs(user: .fails(EPERM), root: .works), required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "kill", "signal the sidecar",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "kill-neighbour", "signal another process",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "tkill", "signal a thread of the sidecar",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "tgkill", "the same, in the usual way",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "sigqueue", "signal it with a value",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "pidfd-signal", "signal it by a pidfd",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "fcntl-setown", "have the kernel signal it for a descriptor",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "kill-all", "signal every process there is",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "setpriority", "lower another process's priority",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "sched-setscheduler", "change its scheduling policy",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "ioprio-set", "lower its I/O priority",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "sched-setaffinity", "pin it to one processor",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "prlimit", "lower its limits",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
        ])

    private static let itself = Chapter(
        title: "New processes, and what it is itself",
        escapes: [
            Escape(
                "fork", "make a process",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "clone", "the same by clone",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "clone3", "the same by clone3",
                off: .works, required: .fails(ENOSYS),
                strict: .fails(ENOSYS)),
            Escape(
                "exec", "run a program",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "dumpable", "let others read its memory again",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "outlive", "stay when the sidecar is gone",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "raise-limits", "raise its own limits",
                off: .differs(user: .fails(EPERM), root: .varies), required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "setuid-root", "become root",
                off: .differs(user: .fails(EPERM), root: .works), required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "same-user", "be of the sidecar's user",
                off: .works, required: .works,
                strict: .differs(user: .works, root: .fails(ENODATA))),
            Escape(
                "see-parent", "learn the sidecar's process id",
                off: .works, required: .works,
                strict: .fails(ENODATA)),
            Escape(
                "host-name", "learn the pod's name",
                off: .works, required: .works,
                strict: .fails(ENODATA)),
            Escape(
                "unshare-user", "make a user namespace, with all capabilities in it",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "setns", "join a namespace",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "personality", "change how the kernel treats it",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
        ])

    private static let sockets = Chapter(
        title: "Sockets",
        escapes: [
            Escape(
                "connect-unix", "connect to a Unix socket, such as the sidecar's own",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "connect-abstract", "connect to an abstract one",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "tcp", "a TCP socket: credentials of the instance, the network",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "udp", "a UDP socket",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "raw", "a raw socket",
                off: .differs(user: .fails(EPERM), root: .works), required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "packet", "a packet socket",
                off: .differs(user: .fails(EPERM), root: .works), required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "netlink", "a netlink socket",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "vsock", "a socket to the hypervisor",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "socketpair", "a pair of sockets",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "send-descriptor", "send the sidecar a descriptor",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "peer-credentials", "ask the channel who is at its other end",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "peer-pidfd", "get a handle on who is there",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
        ])

    private static let shared = Chapter(
        title: "What processes share, and memory that no limit counts",
        escapes: [
            Escape(
                "sysv-shm", "System V shared memory",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "sysv-sem", "System V semaphores",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "sysv-msg", "a System V message queue",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "steal-message", "take another's message by its queue's number",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "posix-mq", "a POSIX message queue",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "shared-anonymous", "shared memory, which RLIMIT_DATA does not count",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "memfd", "a file in memory, likewise",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "mlock", "memory that is never swapped",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
        ])

    private static let kernel = Chapter(
        title: "The kernel's own surface",
        escapes: [
            Escape(
                "io-uring", "io_uring",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "bpf", "bpf",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "userfaultfd", "userfaultfd",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "perf", "perf_event_open",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "mount", "mount something",
                off: .differs(user: .fails(EPERM), root: .works), required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "fsopen", "the same by younger calls",
                off: .differs(user: .fails(EPERM), root: .works), required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "chroot", "chroot",
                off: .differs(user: .fails(EPERM), root: .works), required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "listmount", "list the mounts",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "keyctl", "use the kernel's keyring",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "add-key", "add a key to it",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "sethostname", "rename the host",
                off: .differs(user: .fails(EPERM), root: .works), required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "adjtimex", "the clock's discipline",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
            Escape(
                "tiocsti", "type into a terminal",
                off: .works, required: .fails(EPERM),
                strict: .fails(EPERM)),
        ])

    static let chapters = [files, processes, itself, sockets, shared, kernel]
}
