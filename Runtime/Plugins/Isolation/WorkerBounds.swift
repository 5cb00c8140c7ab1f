public import Events

/// What all workers of all handlers and all generations together may have: while an old generation drains, both have
/// theirs.
public struct WorkerBounds: Sendable {
    /// Processes.
    public var processes: Int
    /// Bytes: the sum of their limits of data, whether used or not.
    public var memory: Int
    /// Users that handlers get under `strict`, one each; `nil`: the sidecar's own.
    public var users: ClosedRange<UInt32>?

    public init(
        processes: Int = Limits.workers, memory: Int = Limits.workersMemory, users: ClosedRange<UInt32>? = nil
    ) {
        self.processes = min(max(processes, 1), Limits.workers)
        self.memory = min(max(memory, 0), Limits.workersMemory)
        self.users = users
    }

    /// What workers may have, once they are all started and use all that they may.
    struct Claim {
        var processes = 0
        var memory = 0

        static func + (a: Claim, b: Claim) -> Claim {
            Claim(processes: a.processes + b.processes, memory: a.memory + b.memory)
        }
    }

    /// Why so many more may not start beside those that live; `nil` if they may.
    func refusal(of more: Claim, beside living: Claim) -> Failure? {
        let sum = living + more
        if sum.processes > processes {
            let cause = "\(living.processes) workers live, \(more.processes) more are over the limit of \(processes)"
            return Failure(.handleWorkerUnavailable, "workers.processes", cause)
        }
        guard sum.memory > memory else { return nil }
        let cause = "workers may use \(living.memory) bytes, \(more.memory) more are over the limit of \(memory)"
        return Failure(.handleWorkerUnavailable, "workers.memory", cause)
    }

    /// The uid of a handler: that of its living workers, or one that no other handler has; 0 for the sidecar's own.
    func user(of options: HandlerOptions, living: [HandlerID: UInt32]) throws(Failure) -> UInt32 {
        guard options.sandbox == .strict, !options.isInline, let users else { return 0 }
        if let user = living[options.id], user != 0 { return user }
        let taken = Set(living.values)
        if let free = users.first(where: { !taken.contains($0) }) { return free }
        throw Failure(.pluginSandbox, options.id.text, "each of the \(users.count) `users` has a handler already")
    }
}

extension HandlerOptions {
    /// Inline there is no process, and no limit of memory to add up.
    func claim(_ count: Int) -> WorkerBounds.Claim {
        isInline ? .init() : .init(processes: count, memory: count * memory)
    }
}
