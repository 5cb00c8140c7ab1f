public import Events

// What the pipeline needs of the world. Adapters implement these; the simulation does, too.
//
// Every function may be called from any task, concurrently. A call that takes a batch answers in the order of the
// batch, entry by entry, whatever happened to its neighbours.

// MARK: - the queue

/// One queue that messages come from. The only caller of everything but `receive` is `settle`.
public protocol EventQueue: Sendable {
    /// What the queue says of itself now.
    func describe() async throws(Failure) -> QueueDescription
    /// How much it has, about.
    func depth() async throws(Failure) -> QueueDepth
    /// Waits up to `wait` for at most `count` (1...10) messages. Nothing there is an empty answer, not a failure.
    /// Never cancelled from outside: an aborted long poll strands messages.
    func receive(atMost count: Int, wait: Duration) async throws(Failure) -> [Envelope]
    /// At most ten; `nil` answers an entry that was deleted.
    func delete(_ receipts: [ReceiptHandle]) async -> [Failure?]
    /// At most ten; `nil` answers an entry whose visibility was changed.
    func changeVisibility(_ changes: [VisibilityChange]) async -> [Failure?]
}

/// How many messages a queue has (SQS API reference, GetQueueAttributes: approximate, and minutes behind at worst).
public struct QueueDepth: Sendable, Hashable {
    /// May be received, as far as the queue is concerned; in a FIFO queue some stand behind others of their group.
    public var available: Int
    /// Received by somebody, and neither deleted nor given back.
    public var inFlight: Int
    /// Not to be received yet.
    public var delayed: Int
    public init(available: Int, inFlight: Int, delayed: Int) {
        self.available = available
        self.inFlight = inFlight
        self.delayed = delayed
    }
}

/// The visibility of one message is to end `timeout` after the call; zero gives it back at once.
public struct VisibilityChange: Sendable, Hashable {
    public let receipt: ReceiptHandle
    public let timeout: Duration
    public init(receipt: ReceiptHandle, timeout: Duration) {
        self.receipt = receipt
        self.timeout = timeout
    }
}

/// A queue that dead letters are sent to.
public protocol DeadLetterQueue: Sendable {
    func describe() async throws(Failure) -> QueueDescription
    /// Returns when the queue has it. Throws `settle.dead-letter-unavailable`, or `settle.dead-letter-refused` when
    /// trying again cannot help.
    func send(_ letter: DeadLetter) async throws(Failure)
}

// MARK: - verify, route, dedup

/// Turns envelopes into events. The one place where bytes begin to be believed.
public protocol Verifier: Sendable {
    /// Costs CPU, does no I/O: unknown keys start a fetch on the side and answer `verify.unknown-key`.
    func verify(_ envelopes: [Envelope]) async -> [Result<Event, Failure>]
}

/// The handler's business key, read from the signed payload.
public protocol BusinessKeys: Sendable {
    /// The hash of detail type and the values at the handler's pointers; `nil` for a handler without a key;
    /// `dedup.key-missing` where a pointer finds nothing. Pure.
    func businessKey(of event: Event, for handler: HandlerID) -> Result<Digest?, Failure>
}

/// The right to run one event, until `until` or its renewal. The fence is the only authority at commit.
public struct Lease: Sendable, Hashable {
    public let fence: UInt64
    public init(fence: UInt64) { self.fence = fence }
}

/// What the store knows of an event's earlier runs.
public struct History: Sendable, Hashable {
    /// Runs that counted.
    public var attempts: Int
    /// How many of them each class of failure took that has a budget of its own; at most ``Limits/retryClasses``.
    public var spent: [String: Int]
    /// Deaths of a worker while it ran this event alone.
    public var strikes: Int
    public var firstSeen: Instant
    public init(attempts: Int = 0, spent: [String: Int] = [:], strikes: Int = 0, firstSeen: Instant) {
        self.attempts = attempts
        self.spent = spent
        self.strikes = strikes
        self.firstSeen = firstSeen
    }
}

/// A request to own an event. Identities are looked up in this order: event id, token digest, business key.
///
/// A reference: the store keeps it with the claim until the event has ended.
public final class ClaimRequest: Sendable {
    public let consumer: QueueName
    public let messageID: MessageID
    public let event: Event
    public let handler: HandlerID
    public let businessKey: Digest?
    /// The message group of a FIFO queue: it may be parked behind another event.
    public let group: String?
    /// When the queue had the message: the age rule measures from here.
    public let sentAt: Instant
    /// How often the queue had given it to anybody, for the journal.
    public let deliveries: Int
    public let rules: AgeRules
    /// How long the lease lasts unless renewed.
    public let lease: Duration
    public init(
        consumer: QueueName, messageID: MessageID, event: Event, handler: HandlerID, businessKey: Digest?,
        group: String? = nil, sentAt: Instant, deliveries: Int = 1, rules: AgeRules, lease: Duration
    ) {
        self.consumer = consumer
        self.messageID = messageID
        self.event = event
        self.handler = handler
        self.businessKey = businessKey
        self.group = group
        self.sentAt = sentAt
        self.deliveries = deliveries
        self.rules = rules
        self.lease = lease
    }
}

/// The answer to a claim; see ``Dedup/judge(_:for:at:)`` for the rules.
public enum Claim: Sendable {
    case granted(Lease, History)
    /// Done before: settle as duplicate, no handler call.
    case done
    /// Another copy, or another event of the same business key, is being run: wait in memory.
    case inFlight
    /// Its verdict was committed for this very message: finish the letter and the delete.
    case dead(Failure)
    /// `dedup.conflict`, `dedup.expired` or `dedup.parked`.
    case refused(Failure)
}

/// The ledger of what was done. Embedded in one SQLite file, or shared by many pods.
public protocol Ledger: Sendable {
    /// Takes claims one by one in array order, so that a copy in the same batch is "in flight".
    /// Throws `store.*`: nothing was claimed.
    func claim(_ requests: [ClaimRequest], at now: Instant) async throws(Failure) -> [Claim]
    /// False for a lease that was lost.
    func renew(_ leases: [Lease], until: Instant) async -> [Bool]
    /// Gives claims up without a verdict: nothing durable changes, no attempt is counted.
    func release(_ leases: [Lease]) async
    /// One transaction, one savepoint per commitment: who loses is rolled back alone. Throws `store.*` when nothing
    /// is known to be durable; committing the same lease again is then right, and harmless if it was.
    func commit(_ commitments: [Commitment], at now: Instant) async throws(Failure) -> [CommitResult]
    /// Records verdicts on messages that were never verified: opaque bytes under queue and message id.
    /// With a `shelved` letter the store keeps the letter, too. Recording one twice is harmless.
    func refuse(_ refusals: [Refusal], at now: Instant) async throws(Failure)
}

/// The end of one run: committed whole, or rolled back alone.
public struct Commitment: Sendable {
    public enum Verdict: Sendable {
        case done(Effects)
        /// The claim is released in the same commit. `failure` says why, for journal and dead letter.
        indirect case retry(Failure)
        /// `shelved`: the letter to keep in the store itself, where no dead-letter queue is configured.
        /// `parks`: the claim's group stands behind this event from now on. Until the event itself is done, or an
        /// operator frees the group, every other claim of the group is refused as `dedup.parked`.
        indirect case dead(Failure, shelved: DeadLetter?, parks: Bool = false)
    }
    public let lease: Lease
    public let verdict: Verdict
    /// Attempts and strikes as they are after this run.
    public let history: History
    /// The row lives until then: the window, with the dead-letter queue's retention on top for all but done.
    public let keepUntil: Instant
    public let generation: Int
    public let run: RunRecord
    public init(
        lease: Lease, verdict: Verdict, history: History, keepUntil: Instant, generation: Int,
        run: RunRecord = RunRecord()
    ) {
        self.lease = lease
        self.verdict = verdict
        self.history = history
        self.keepUntil = keepUntil
        self.generation = generation
        self.run = run
    }
}

/// What the journal says of a run beside its verdict. Nothing is decided by it.
public struct RunRecord: Sendable, Hashable {
    /// How often the queue had given the message to anybody.
    public var deliveries: Int
    /// From the receive to the handler.
    public var waited: Duration?
    /// From the handler to its answer.
    public var took: Duration?
    /// When it is tried again, where it is.
    public var retryAt: Instant?
    public init(deliveries: Int = 0, waited: Duration? = nil, took: Duration? = nil, retryAt: Instant? = nil) {
        self.deliveries = deliveries
        self.waited = waited
        self.took = took
        self.retryAt = retryAt
    }
}

public enum CommitResult: Sendable, Hashable {
    case committed
    /// The fence is no longer ours: nothing of this run counts.
    case lostClaim
    /// A key that the event read or wrote has moved: run it again at once, alone.
    case lostState
    /// The store's limits refuse these effects, now and always.
    case refused(Failure)
}

public struct Refusal: Sendable {
    public let consumer: QueueName
    public let messageID: MessageID
    public let failure: Failure
    public let shelved: DeadLetter?
    public let keepUntil: Instant
    /// When the queue had it, how often it had given it to anybody, and its bytes, which nobody believes.
    public let sentAt: Instant
    public let deliveries: Int
    public let body: Bytes
    /// What was refused after it had been verified: no route, a conflict, too old.
    public let verified: Verified?

    public struct Verified: Sendable {
        public let event: Event
        public let handler: HandlerID?
        public let generation: Int
        public let attempts: Int
        public init(event: Event, handler: HandlerID?, generation: Int, attempts: Int) {
            self.event = event
            self.handler = handler
            self.generation = generation
            self.attempts = attempts
        }
    }

    public init(
        consumer: QueueName, messageID: MessageID, failure: Failure, shelved: DeadLetter?, keepUntil: Instant,
        sentAt: Instant, deliveries: Int, body: Bytes, verified: Verified?
    ) {
        self.consumer = consumer
        self.messageID = messageID
        self.failure = failure
        self.shelved = shelved
        self.keepUntil = keepUntil
        self.sentAt = sentAt
        self.deliveries = deliveries
        self.body = body
        self.verified = verified
    }
}

/// Handler state as the next event of this handler sees it: what is committed, and over it what earlier events
/// wrote that were answered done and wait for their commit.
public protocol HandlerState: Sendable {
    /// In the order of `keys`; a missing key has version 0 and an empty value.
    func read(_ keys: [Bytes], of handler: HandlerID, at now: Instant) async throws(Failure) -> [StateValue]
}

/// The sidecar's own timers, set by handlers, committed with their events.
public protocol TimerStore: Sendable {
    /// Timers of these handlers that are due, oldest first, each as the event that it becomes: source
    /// `outrigger.timer`, the handler's id as detail type. A timer's row goes in the commit of its event.
    func due(of handlers: Set<HandlerID>, at now: Instant, atMost count: Int) async throws(Failure) -> [Event]
    /// When the next timer of these handlers is due, if there is one.
    func next(of handlers: Set<HandlerID>) async throws(Failure) -> Instant?
    /// How many of all others' timers are due: their handlers were removed, and they wait for them to come back.
    func strays(beside handlers: Set<HandlerID>, at now: Instant) async throws(Failure) -> Int
}

// MARK: - handle

/// One event as it goes to a worker.
public struct Assignment: Sendable {
    public let event: Event
    public let lease: Lease
    /// Runs that counted, this one included.
    public let attempt: Int
    public let deliveries: Int
    public let group: String?
    public let sentAt: Instant
    public init(event: Event, lease: Lease, attempt: Int, deliveries: Int, group: String?, sentAt: Instant) {
        self.event = event
        self.lease = lease
        self.attempt = attempt
        self.deliveries = deliveries
        self.group = group
        self.sentAt = sentAt
    }
}

/// What one worker gets as one frame: events of one route, never two of one FIFO group.
public struct Batch: Sendable {
    public let handler: HandlerID
    public let assignments: [Assignment]
    /// A suspect or a loser: it has a worker to itself, so that a death there is its own.
    public let isAlone: Bool
    /// Whose workers run it. If they have ended, nobody does: `handle.worker-unavailable`.
    public let generation: Int
    /// Goes before those that are not.
    public let isCritical: Bool
    /// Of the handler's lanes, so many are left free by those that are not critical, whatever queue they come from.
    public let spares: Int
    public init(
        handler: HandlerID, assignments: [Assignment], isAlone: Bool, generation: Int = 1, isCritical: Bool = false,
        spares: Int = 0
    ) {
        self.handler = handler
        self.assignments = assignments
        self.isAlone = isAlone
        self.generation = generation
        self.isCritical = isCritical
        self.spares = spares
    }
}

/// Runs handlers in worker processes (or, trusted, inline). Never blocks on a worker.
public protocol HandlerHost: Sendable {
    /// Returns when every event is answered, the deadline (the handler's, times the count) has passed, or the worker
    /// is gone and reaped. Throws `handle.worker-unavailable` if no worker could be had: nothing was run.
    func run(_ batch: Batch) async throws(Failure) -> [Outcome]
    /// The lease was lost: `remaining_ms` of that event is 0 from now on.
    func revoke(_ lease: Lease)
}

// MARK: - publish

/// Committed events that wait for the bus.
public protocol Outbox: Sendable {
    /// The oldest rows that are due, in order of commit, at most one per resource, none of `excluding` (in flight).
    func due(atMost count: Int, excluding: Set<Int64>, at now: Instant) async throws(Failure) -> [Publication]
    /// Sent rows go; others stay until `retryAt`; those given up go to the shelf or are marked, with their failure.
    func settle(_ results: [PublicationResult], at now: Instant) async throws(Failure)
    func depth() async throws(Failure) -> OutboxDepth
}

/// Tells when the bus has what an event published. Asked only where the store may end with its pod: there the message
/// is the only copy until then.
public protocol PublicationReceipts: Sendable {
    /// Returns when no publication of this event waits for the bus any more: `nil`, or why one of them was given up.
    /// A cancelled task gets `store.unavailable`.
    func sent(_ parent: EventID) async -> Failure?
}

public struct OutboxDepth: Sendable, Hashable {
    public var rows: Int
    public var bytes: Int
    public var oldest: Instant?
    public init(rows: Int, bytes: Int, oldest: Instant?) {
        self.rows = rows
        self.bytes = bytes
        self.oldest = oldest
    }
}

public struct PublicationResult: Sendable {
    public enum End: Sendable {
        case sent
        case retry(at: Instant, Failure)
        case gaveUp(Failure)
    }
    public let row: Int64
    public let end: End
    public init(row: Int64, end: End) {
        self.row = row
        self.end = end
    }
}

/// A publication as the bus gets it: the detail with its token inside, ready to send.
public struct SignedPublication: Sendable {
    public let publication: Publication
    /// The envelope's `detail`: version, trace, resource, detailCore, sig_compact.
    public let detail: Bytes
    public let signedAt: Instant
    public init(publication: Publication, detail: Bytes, signedAt: Instant) {
        self.publication = publication
        self.detail = detail
        self.signedAt = signedAt
    }
}

public protocol Signer: Sendable {
    /// Signs with the publication's id as `jti`. Throws `publish.signing`.
    func sign(_ publication: Publication, at now: Instant) async throws(Failure) -> SignedPublication
    /// Each as if it were alone, in fewer exchanges where the signer is far away.
    func sign(_ publications: [Publication], at now: Instant) async -> [Result<SignedPublication, Failure>]
}

extension Signer {
    public func sign(_ publications: [Publication], at now: Instant) async -> [Result<SignedPublication, Failure>] {
        var results: [Result<SignedPublication, Failure>] = []
        for publication in publications {
            do throws(Failure) { results.append(.success(try await sign(publication, at: now))) } catch {
                results.append(.failure(error))
            }
        }
        return results
    }
}

public protocol EventBus: Sendable {
    /// At most ten, at most 1 MiB; `nil` answers an entry that the bus has. `publish.refused` and
    /// `publish.too-large` are for good, all else may be tried again.
    func put(_ entries: [SignedPublication]) async -> [Failure?]
    /// The bytes that the bus counts for an entry.
    func size(of entry: SignedPublication) -> Int
}

// MARK: - time

/// The wall clock. Decisions get its value passed in.
public protocol WallClock: Sendable {
    var now: Instant { get }
}

/// How old an event without a row may be.
public struct AgeRules: Sendable, Hashable {
    /// How long before the queue had it an unseen event may have been signed.
    public var maximumAge: Duration
    /// How long rows of done events live: the queue's retention and a day.
    public var window: Duration
    public init(maximumAge: Duration, window: Duration) {
        self.maximumAge = maximumAge
        self.window = window
    }
}
