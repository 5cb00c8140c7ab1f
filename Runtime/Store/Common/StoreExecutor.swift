import Dispatch
import Events

/// The one thread of execution that touches the database: a write may wait long for the disk, and must not take a
/// thread of the shared pool with it.
///
/// Jobs run strictly in the order in which they arrived. Group commit rests on that: a transaction that is enqueued
/// behind the commitments that wait takes all of them.
public final class StoreExecutor: SerialExecutor {
    private let queue: DispatchQueue

    public init(_ label: String = "outrigger.store") { queue = DispatchQueue(label: label, qos: .userInitiated) }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    /// Runs `work` so much later.
    public func enqueue(after wait: Duration, _ work: @escaping @Sendable () -> Void) {
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(clamping: wait.milliseconds)), execute: work)
    }

    /// Runs `work` after everything that has been enqueued so far.
    public func enqueue(_ work: @escaping @Sendable () -> Void) { queue.async(execute: work) }

    public func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}
