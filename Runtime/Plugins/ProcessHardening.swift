import CProcess
public import Events
import Glibc

/// What the sidecar does to itself before anything else.
public enum ProcessHardening {
    /// The first statement of `main`: from here on no process of the same user may read this one's memory,
    /// environment or descriptors, and a peer that hangs up is an error of the write, not the end of the process.
    /// - Throws: `plugin.sandbox` if the kernel refuses; workers would then not be kept out.
    public static func apply() throws(Failure) {
        signal(SIGPIPE, SIG_IGN)
        let error = cp_not_dumpable()
        if error < 0 { throw Failure(.pluginSandbox, "PR_SET_DUMPABLE", SystemError.text(-error)) }
    }
}

enum SystemError {
    static func text(_ number: Int32) -> String { String(cString: strerror(number)) }
}
