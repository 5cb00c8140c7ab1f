public import Events

/// Names one item in hand, for as long as it is in hand.
public struct ItemID: Hashable, Comparable, Sendable {
    let number: UInt64
    /// Where it stands in what has an element for each item in hand.
    let place: Int
    public static func < (a: ItemID, b: ItemID) -> Bool { a.number < b.number }
    public static func == (a: ItemID, b: ItemID) -> Bool { a.number == b.number }
    public func hash(into hasher: inout Hasher) { hasher.combine(number) }
}

/// What the world tells the pipeline: each answers an ``Action``, but for the first seven.
public enum Input: Sendable {
    case start
    /// A time that was asked for by ``Action/wake(at:)`` has come.
    case tick
    /// Timers that are due, as events.
    case timers([Event])
    /// Intake stops until the same area says `nil`: no space, a full outbox.
    case pressure(area: String, Failure?)
    /// Nothing begins until the store is said to be back, by `nil`. Said again and again while it is away.
    case storeAway(Failure?)
    /// Finish what runs, give back the rest, and end at the latest at `deadline`.
    case stop(deadline: Instant)
    /// Work by this generation from here on.
    indirect case adopt(PipelineGeneration)

    case received(Result<[Envelope], Failure>, asked: Int)
    case measured(Result<QueueDepth, Failure>)
    case verified([ItemID], [Result<Event, Failure>])
    case claimed([ItemID], Result<[Claim], Failure>)
    case answered(HandlerID, [ItemID], Result<[Outcome], Failure>)
    case committed([ItemID], Result<[CommitResult], Failure>)
    case refused([ItemID], Failure?)
    /// The bus has what the event published, or never will.
    case sent(ItemID, Failure?)
    case letterSent(ItemID, Failure?)
    /// `receipts` are those that the calls used: a newer one may have come meanwhile.
    case deleted([ItemID], receipts: [ReceiptHandle], [Failure?])
    case returned([ItemID], receipts: [ReceiptHandle], [Failure?])
    /// `held[i]` is false if the lease of item i was lost.
    case extended([ItemID], [Failure?], held: [Bool])
}

/// What the pipeline wants done. The runner performs it and answers with an ``Input``.
public enum Action: Sendable {
    case receive(atMost: Int)
    case measure
    case verify([ItemID], [Envelope])
    case claim([ItemID], [ClaimRequest])
    case run([ItemID], Batch)
    case commit([ItemID], [Commitment])
    case refuse([ItemID], [Refusal])
    /// Where the store is ephemeral: the message may go once the bus has what the event published.
    case awaitSent(ItemID, EventID)
    /// A quarantined letter was never verified, and may have a queue of its own.
    indirect case sendLetter(ItemID, DeadLetter, quarantine: Bool)
    case delete([ItemID], [ReceiptHandle])
    case giveBack([ItemID], [VisibilityChange])
    case extend([ItemID], [Extension])
    case release([Lease])
    case revoke(Lease)
    case wake(at: Instant)
    case note(PipelineEvent)
    /// The last action: nothing runs any more, `left` items are as they were in the queue.
    case stopped(left: Int)
}

/// One beat: visibility and lease are renewed together.
public struct Extension: Sendable {
    /// `nil` for a timer, which is in no queue.
    public let visibility: VisibilityChange?
    public let lease: Lease?
    public let leaseUntil: Instant
}
