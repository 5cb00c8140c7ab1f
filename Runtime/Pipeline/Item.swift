import Events

/// A message (or a timer) in hand, and how far it has come. It belongs to one pipeline, which alone sees it.
final class Item {
    /// Where it stands. Every state but the last three may be given back when the host stops.
    enum State: Equatable {
        case verifying
        /// Verified, behind the head of its FIFO group.
        case blocked
        /// Waits in memory, then goes on with the step.
        case parked(Step)
        case claiming
        case ready
        case running
        case committing
        /// Committed in a store that may end with its pod: the message is kept until the bus has what it published.
        case publishing
        case refusing
        case sendingLetter
        case deleting
        case returning
    }
    enum Step: Equatable { case verify, claim, letter, delete }

    /// What follows the commit or the refusal that is under way.
    enum Sequel {
        case settle(PipelineEvent.SettledAs)
        case delay(Duration, Failure)
        case letter(Failure)
        /// Deleted without a letter: `unroutable: ignore`.
        case ignore
    }

    let id: ItemID
    /// As it came first.
    let envelope: Envelope
    /// Of the message's id.
    let hash: Int
    /// The newest handle, and how often the queue had given it to anybody: a later receive swaps them in.
    var receipt: ReceiptHandle
    var deliveries: Int
    /// A timer is in no queue: it has no visibility, and nothing of it is deleted or given back.
    let isTimer: Bool
    var state = State.verifying
    var event: Event?
    var handler: HandlerID?
    /// The generation that routed it, and so the one whose worker runs it; 0 before route.
    var generation = 0
    /// The index of its route: events of one batch share it.
    var route = 0
    /// Its route overtakes others.
    var isCritical = false
    var businessKey: Digest?
    var lease: Lease?
    var history = History(firstSeen: .distantPast)
    /// What the commit that comes next carries.
    var verdict: Commitment.Verdict?
    var sequel = Sequel.ignore
    /// For how long its give-back hides it.
    var absence = Duration.zero
    /// Since when it has been ours without a break: bounded by ``Limits/heldAtMost``.
    let heldSince: Instant
    /// A visibility call is under way: delete and give-back wait for its answer.
    var isExtending = false
    /// It has a place in the order of its FIFO group.
    var isInGroup = false
    /// When it was last handed to a worker, and answered.
    var ranAt = Instant.distantPast
    var answeredAt = Instant.distantPast
    /// A suspect, struck, or a loser of a state race.
    var isAlone = false
    var stateLosses = 0
    var waits = 0
    var tries = 0
    var lastFailure: Failure?

    init(id: ItemID, envelope: Envelope, hash: Int, isTimer: Bool, at now: Instant) {
        self.id = id
        self.envelope = envelope
        self.hash = hash
        receipt = envelope.receipt
        deliveries = envelope.receiveCount
        self.isTimer = isTimer
        heldSince = now
    }

    /// Those of one name take turns with those of others for a worker.
    var party: String { envelope.group ?? event?.trace.tenantID ?? "" }
}
