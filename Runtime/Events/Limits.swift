/// Every bound of the sidecar, each with its reason. Settings may lower some of them; nothing raises one.
public enum Limits {
    // MARK: receive
    /// SQS: MaxNumberOfMessages, and entries in any batch call.
    public static let batchEntries = 10
    /// SQS: one message, attributes included, may have 1 MiB since 2025.
    public static let messageBytes = 1_048_576
    /// SQS allows ten message attributes; dead letters need one of them.
    public static let messageAttributes = 10
    /// SQS: WaitTimeSeconds.
    public static let pollWait = Duration.seconds(20)
    /// Long polls at once per queue: more brings nothing, since each carries ten.
    public static let pollers = 16
    /// SQS: visibility ends 12 h after the receive, with an error; we stay far below.
    public static let heldAtMost = Duration.hours(2)

    // MARK: verify
    /// Deeper JSON has no use here and costs stack elsewhere. EventBridge itself refuses beyond 1000.
    public static let jsonDepth = 64
    /// Header of a compact token, decoded: ten short members.
    public static let tokenHeaderBytes = 4_096
    /// A key set document: 256 keys of 2 kB.
    public static let keySetBytes = 524_288
    public static let keysPerSet = 256
    /// 20 KiB each, so 10 MiB: no cache penalty was measured up to here.
    public static let preparedKeys = 512
    /// An unknown kid asks for the key set at most this often.
    public static let keySetRefetch = Duration.seconds(30)
    /// A key may still be on its way when its first event arrives.
    public static let unknownKeyPatience = Duration.hours(1)
    /// Characters of an id, source, detail type, resource or kid: AWS allows 128 to 2048; these name rows and labels.
    public static let identifierBytes = 512

    // MARK: handle
    public static let handlersPerPlugin = 64
    public static let routesPerHandler = 256
    public static let configSchemaBytes = 65_536
    public static let stateKeyBytes = 512
    public static let stateValueBytes = 262_144
    public static let stateWritesPerEvent = 32
    public static let stateReadsPerEvent = 256
    public static let publishesPerEvent = 16
    public static let timersPerEvent = 16
    /// All writes and drafts of one event together: one commit, one frame.
    public static let effectsBytes = 3_145_728
    /// A frame carries a batch of messages, or the effects of one event, never more.
    public static let frameBytes = 16_777_216
    /// Generations whose workers live: one that is built, one that serves, one that drains. Each has its own memory.
    public static let generations = 3
    /// Batches that wait for a shadow: some seconds of work; more are skipped, since nobody waits for a shadow.
    public static let shadowBatches = 64
    /// Events that failed in a canary, remembered until they have run again, which is at once.
    public static let trialFailures = 10_000
    /// Worker processes over all handlers and generations.
    public static let workers = 64
    /// Their limits of data together: more than any machine that runs a sidecar has.
    public static let workersMemory = 1 << 40
    /// Threads of one worker: its lanes, and what a runtime starts beside them. The kernel holds it where the worker
    /// has a user namespace of its own; elsewhere the host looks.
    public static let workerThreads = 256
    /// How often the host looks at what a worker uses.
    public static let workerLook = Duration.seconds(1)
    /// What a worker may have beyond its limit of data, which does not count the stack and what the loader writes.
    public static let workerMemorySlack = 67_108_864
    /// Between two tries to replace a worker that uses too much.
    public static let workerReplacement = Duration.seconds(30)
    /// Strikes: deaths of a worker while it ran an event alone.
    public static let strikes = 3
    /// Lost state races in a row before an event waits its turn as a retry.
    public static let stateLosses = 10

    // MARK: settle
    /// Waits shorter than this are spent in memory: each put-back costs an SQS receive.
    public static let hold = Duration.minutes(2)
    /// SQS: visibility within 12 h of the receive; an hour is left for the receive itself.
    public static let longestDelay = Duration.hours(11)
    public static let failureAttributeBytes = 2_048
    /// EventBridge: PutEvents entries, and bytes of one request.
    public static let putEventsEntries = 10
    public static let putEventsBytes = 1_048_576
    /// Messages in hand per queue, and their bytes: the 120 MB goal with ten thousand in flight.
    public static let inHand = 10_000
    public static let inHandBytes = 67_108_864
    /// Rows of the outbox that wait for the bus; beyond it intake pauses.
    public static let outboxRows = 100_000
    public static let outboxBytes = 268_435_456

    // MARK: telemetry
    /// Label sets of one metric, and of one handler's own metrics; beyond them, "other" and a count.
    public static let seriesPerMetric = 1_000
    public static let seriesPerHandler = 200
    public static let reasonCodesPerHandler = 64
    /// Log lines of one failure code per second; the rest are counted and said so.
    public static let logLinesPerCode = 10
}
