import WorkerProtocol

/// What is in force in a worker, by its own report before the plugin was loaded.
public struct SandboxReport: Sendable, Hashable {
    public let limits: Bool
    public let notDumpable: Bool
    public let noNewPrivileges: Bool
    public let noCapabilities: Bool
    public let systemCallFilter: Bool
    /// User, PID, network, IPC, UTS and mount namespaces of its own, and in the last of them an empty root.
    public let namespaces: Bool
    /// Another uid than the sidecar's.
    public let ownUser: Bool
    /// The version of its interface; 0 for none.
    public let landlock: Int

    /// Nothing is: the handler runs in the sidecar.
    public internal(set) var isInline = false

    init(bits: Int32, landlock: Int) {
        limits = bits & WP_SANDBOX_LIMITS != 0
        notDumpable = bits & WP_SANDBOX_NOT_DUMPABLE != 0
        noNewPrivileges = bits & WP_SANDBOX_NO_NEW_PRIVILEGES != 0
        noCapabilities = bits & WP_SANDBOX_NO_CAPABILITIES != 0
        systemCallFilter = bits & WP_SANDBOX_SECCOMP != 0
        namespaces = bits & WP_SANDBOX_NAMESPACES != 0
        ownUser = bits & WP_SANDBOX_OWN_USER != 0
        self.landlock = landlock
    }

    /// True if handlers of the same user are kept apart from the sidecar.
    public var isComplete: Bool {
        limits && notDumpable && noNewPrivileges && noCapabilities && systemCallFilter && landlock > 0
    }

    /// Each part by its name in logs and metrics, and whether it is in force.
    public var parts: [String: Bool] {
        [
            "limits": limits, "not-dumpable": notDumpable, "no-new-privileges": noNewPrivileges,
            "no-capabilities": noCapabilities, "seccomp": systemCallFilter, "landlock": landlock > 0,
            "namespaces": namespaces, "own-user": ownUser,
        ]
    }
}
