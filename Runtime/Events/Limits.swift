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
    /// Queues of one sidecar: more belong to others.
    public static let queues = 64
    /// SQS: visibility ends 12 h after the receive, with an error; we stay far below.
    public static let heldAtMost = Duration.hours(2)
    /// SQS allows a queue a visibility of nothing: its messages would be received in a loop while they are in hand.
    public static let visibilityAtLeast = Duration.seconds(10)

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
    /// Classes of failure of one handler that have a budget of their own: each is counted in the ledger's row.
    public static let retryClasses = 16
    /// Lost state races in a row before an event waits its turn as a retry.
    public static let stateLosses = 10

    // MARK: call
    /// Services of one configuration: those of one pod.
    public static let services = 16
    /// Exchanges of one service at once, at most: each has a connection.
    public static let serviceConcurrency = 64
    /// Calls that wait for one of them; more are unavailable at once.
    public static let callsWaiting = 256
    public static let callsPerEvent = 32
    /// The body of one request, and of one answer: more is a file, and no part of an event's work.
    public static let callRequestBytes = 1_048_576
    public static let callAnswerBytes = 1_048_576
    /// Bodies of all requests and answers of one event together: a worker keeps them until its event is answered.
    public static let callBytesPerEvent = 4_194_304
    /// What the host keeps for a worker that does not read: a batch, and answers of a megabyte for each of its threads.
    public static let unreadByWorker = 67_108_864
    public static let callPathBytes = 4_096
    public static let callHeaders = 32
    public static let callHeaderBytes = 16_384
    /// sun_path of sockaddr_un (unix(7)), without its NUL.
    public static let unixPathBytes = 107
    /// The draft of the Idempotency-Key header sets no limit; services that keep them do, mostly at 255.
    public static let idempotencyKeyBytes = 255
    /// A service's answers to the events of one batch that a shadow is given, too.
    public static let callBytesPerShadow = 262_144

    // MARK: settle
    /// Waits shorter than this are spent in memory: each put-back costs an SQS receive.
    public static let hold = Duration.minutes(2)
    /// SQS: visibility within 12 h of the receive; before that up to two hours in waits, and two in a handler.
    public static let longestDelay = Duration.hours(8)
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

    // MARK: stop
    /// What is left of a stop when what runs is cut off, for what is on its way to the store, the queue and the bus.
    public static let hurriedStop = Duration.seconds(1)

    // MARK: dead letters
    /// Letters of one box that one call looks at: beyond it a narrower question, or a second one.
    public static let lettersLooked = 10_000
    /// How long a letter that is looked at is hidden from others, if nobody gives it back before.
    public static let letterVisibility = Duration.seconds(60)
    /// Why letters are moved or thrown away, in a person's words.
    public static let letterReasonBytes = 500
    /// Letters that go before all others to see whether they fail again.
    public static let letterCanary = 1_000
    /// How long one request over the socket works on letters; what is left is the next request's.
    public static let letterRequest = Duration.seconds(20)
    /// How long an operator's word lets an event run that dedup or age would refuse.
    public static let permit = Duration.hours(24)

    // MARK: replay
    /// Events of one request, and of one command: each is a run of its own.
    public static let replayPage = 100
    public static let replayEvents = 10_000
    /// A second, where nobody says otherwise: the workers have other work.
    public static let replayRate = 50
    /// What a claim of a replay has beyond its handler's deadline.
    public static let replayLease = Duration.minutes(1)
    /// SQS: messages are kept for 14 days at most; and the day that the bus tries for.
    public static let longestWindow = Duration.days(15)

    // MARK: local API
    /// A socket's path: sun_path of unix(7) has 108, less the final zero and the suffix it is made under.
    public static let socketPathBytes = 103
    /// What one kind of process may do, as the settings list it: a pod has a handful of containers.
    public static let grants = 64
    /// Supplementary groups that are looked at: NGROUPS_MAX of Linux.
    public static let peerGroups = 65_536
    /// Open at once on one socket. Others wait in the backlog.
    public static let apiConnections = 512
    /// Of one peer: the half, so that no peer keeps the others out.
    public static let apiConnectionsPerPeer = 256
    /// Of processes that are no peer: each is told so and cut off.
    public static let apiStrangers = 32
    /// listen(2); the kernel caps it at net.core.somaxconn.
    public static let apiBacklog = 1_024
    /// A request line with its headers: longer ones have no use here.
    public static let apiHeaderBytes = 16_384
    public static let apiHeaders = 64
    /// The largest that `api.body` may be: a batch of a hundred events has 100 x 256 kB at most.
    public static let apiBodyBytes = 26_214_400
    /// From the first byte of a request to its last.
    public static let apiRequestTime = Duration.seconds(10)
    /// A connection without a request, or a request without a byte.
    public static let apiIdle = Duration.seconds(60)
    /// What is left of a refused request is read for so long, so that the caller sees the answer.
    public static let apiLinger = Duration.seconds(2)

    // MARK: ledger
    /// Events of one claim, or of one commit.
    public static let storeBatch = 256
    /// Memory that tells which events are new without a look into the file: four bytes for each row, and fewer for each
    /// where there are more.
    public static let ledgerFilterBytes = 16_777_216

    // MARK: journal
    /// Kept payloads of one page together. Rows beyond have none: ask for fewer.
    public static let journalPageBytes = 16_777_216
    /// Rows that one search looks at: about a second. Beyond it asks for a narrower time.
    public static let journalScan = 2_000_000
    /// Those who follow the journal: streams of all peers, and what the sidecar itself follows.
    public static let journalReaders = 1_024
    /// Rows of one segment: what retention removes at once.
    public static let journalSegment = 100_000
    /// Names of requests that are remembered: some 200 bytes each.
    public static let idempotencyKeys = 5_000_000

    // MARK: publish, timeline, stream
    /// Events of one request: one transaction, and what ten calls of the bus take.
    public static let publishBatch = 100
    /// How long a request waits until its events are durable: at the bus, where the store may end with its pod.
    public static let publishPatience = Duration.seconds(30)
    /// Rows of one page: some hundred kilobytes of JSON.
    public static let journalPage = 1_000
    /// A quiet stream says that it lives: half of what proxies wait for as a rule.
    public static let streamHeartbeat = Duration.seconds(15)
    /// A stream whose reader takes nothing for so long is cut off; what was missed is read again from its last number.
    public static let streamPatience = Duration.seconds(30)
    /// Rows of one step of a stream: with their bodies far less than a socket's buffers hold together.
    public static let streamRows = 64
    /// Rows that an explanation looks at: an event has a few for each attempt.
    public static let explainedRows = 1_000
    /// How long an explanation waits for a pipeline's word on what it has in hand.
    public static let standingPatience = Duration.seconds(1)

    // MARK: telemetry
    /// Label sets of one metric, and of one handler's own metrics; beyond them, "other" and a count.
    public static let seriesPerMetric = 1_000
    public static let seriesPerHandler = 200
    public static let reasonCodesPerHandler = 64
    /// Log lines of one failure code per second; the rest are counted and said so.
    public static let logLinesPerCode = 10
}
