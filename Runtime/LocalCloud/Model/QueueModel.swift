// One SQS queue as a state machine: no clock, no I/O, no randomness but from its seed.

public import Events

/// A queue with the rules of Amazon SQS, the awkward ones included. Time is what the caller says it is; it should not
/// go back. Sources: the Amazon SQS developer guide and API reference.
///
/// Every call takes O(log n) with n messages in the queue.
public struct QueueModel: Sendable {
    public struct Counters: Sendable, Hashable {
        public var sent = 0
        /// Receives: one message received twice counts two.
        public var received = 0
        public var deleted = 0
        /// Moved away by the redrive policy.
        public var deadLettered = 0
        /// Dropped at the end of their retention.
        public var expired = 0
    }

    /// Visibility ends so long after a receive, whatever was asked for later.
    public static let longestVisibility = Duration.hours(12)
    public static let inFlightLimit = 120_000
    /// SQS has no such limit; the memory of one machine has.
    public static let mostMessages = 1_000_000

    public let name: String
    public let arn: String
    public let createdAt: Instant
    /// When its settings were last changed.
    public private(set) var changedAt: Instant
    public private(set) var settings: QueueSettings
    public internal(set) var counters = Counters()
    public private(set) var readyCount = 0
    public private(set) var inFlightCount = 0
    public private(set) var delayedCount = 0
    /// Messages in flight beyond which nothing is received.
    let inFlightLimit: Int

    var slots: [Slot?] = []
    private var free: [Int] = []
    /// Standard queues: what can be received, in order.
    var ready = Line<Ticket>()
    /// FIFO queues: what can be received, by group.
    var groups = MessageGroups()
    /// Ends of delays and visibilities.
    private var timers = MinimumHeap<Timer>()
    /// Every message by the time it was sent.
    private var ages = MinimumHeap<Timer>()
    private var deduplication = DeduplicationWindow()
    private var generator: SeededGenerator
    private var lastStamp: UInt64 = 0
    /// Tells this queue's receipt handles from another's.
    let nonce: UInt64

    /// - Parameter seed: where message ids and receipt handles come from; another one for each queue.
    public init(
        name: String, arn: String, settings: QueueSettings = QueueSettings(), seed: UInt64,
        inFlightLimit: Int = QueueModel.inFlightLimit, at now: Instant
    ) {
        self.name = name
        self.arn = arn
        self.settings = settings
        self.inFlightLimit = inFlightLimit
        createdAt = now
        changedAt = now
        generator = SeededGenerator(seed: seed)
        nonce = generator.next()
    }

    /// New settings count from now on; a message that is in flight or delayed keeps its time.
    public mutating func change(_ settings: QueueSettings, at now: Instant) {
        self.settings = settings
        changedAt = now
    }

    // MARK: - sending

    public struct Sent: Sendable, Hashable {
        public let messageID: String
        public let sequenceNumber: String?
        /// A FIFO queue had it within five minutes: answered as the first was, and not kept again.
        public let isDuplicate: Bool
    }

    public mutating func send(_ draft: MessageDraft, at now: Instant) throws(ServiceError) -> Sent {
        advance(to: now)
        try check(draft)
        let deduplicationID = deduplicationID(of: draft)
        if let deduplicationID {
            let key = deduplicationKey(deduplicationID, draft.group)
            if let known = deduplication.entry(for: key, at: now) {
                return Sent(messageID: known.messageID, sequenceNumber: known.sequenceNumber, isDuplicate: true)
            }
        }
        let stamp = nextStamp()
        var kept = draft
        kept.deduplicationID = deduplicationID
        let message = Message(id: generator.uuid(), kept, sequenceNumber: sequenceNumber(stamp), sentAt: now)
        keep(message, serial: stamp, delay: draft.delay ?? settings.delay, at: now)
        if let deduplicationID {
            deduplication.add(
                deduplicationKey(deduplicationID, draft.group), messageID: message.id,
                sequenceNumber: message.sequenceNumber, at: now)
        }
        counters.sent += 1
        return Sent(messageID: message.id, sequenceNumber: message.sequenceNumber, isDuplicate: false)
    }

    private func check(_ draft: MessageDraft) throws(ServiceError) {
        guard readyCount + inFlightCount + delayedCount < QueueModel.mostMessages else {
            throw ServiceError(.overLimit, "The queue has \(QueueModel.mostMessages) messages.")
        }
        guard draft.byteCount <= settings.maximumMessageSize else {
            throw ServiceError(
                .invalidParameterValue, "One or more parameters are invalid. Reason: Message must be shorter than "
                    + "\(settings.maximumMessageSize) bytes.")
        }
        guard draft.attributes.count <= Limits.messageAttributes else {
            throw ServiceError(
                .invalidParameterValue, "Number of message attributes [\(draft.attributes.count)] exceeds the allowed "
                    + "maximum [\(Limits.messageAttributes)].")
        }
        try checkDelay(draft)
        try QueueModel.check(draft.group, "MessageGroupId")
        try QueueModel.check(draft.deduplicationID, "MessageDeduplicationId")
        if settings.isFIFO { try checkOrder(draft) } else if let id = draft.deduplicationID {
            throw ServiceError.invalid(id, for: "MessageDeduplicationId", QueueModel.wrongType)
        }
    }

    private func checkDelay(_ draft: MessageDraft) throws(ServiceError) {
        guard let delay = draft.delay else { return }
        guard delay >= .zero, delay <= .seconds(900) else {
            throw ServiceError.invalid("\(delay.wholeSeconds)", for: "DelaySeconds", "Must be >= 0 and <= 900.")
        }
        guard !settings.isFIFO || delay == .zero else {
            throw ServiceError.invalid("\(delay.wholeSeconds)", for: "DelaySeconds", QueueModel.wrongType)
        }
    }

    private func checkOrder(_ draft: MessageDraft) throws(ServiceError) {
        guard draft.group != nil else { throw ServiceError.missing("MessageGroupId") }
        guard draft.deduplicationID != nil || settings.contentBasedDeduplication else {
            throw ServiceError(
                .invalidParameterValue, "The queue should either have ContentBasedDeduplication enabled or "
                    + "MessageDeduplicationId provided explicitly")
        }
    }

    /// Printable ASCII without the space.
    private static func check(_ id: String?, _ name: String) throws(ServiceError) {
        guard let id else { return }
        guard (1...128).contains(id.utf8.count), id.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ServiceError.invalid(
                String(id.prefix(128)), for: name, "It can only include alphanumeric and punctuation characters. "
                    + "1 to 128 in length.")
        }
    }

    private static let wrongType = "The request include parameter that is not valid for this queue type."

    private func deduplicationID(of draft: MessageDraft) -> String? {
        guard settings.isFIFO else { return nil }
        return draft.deduplicationID ?? DeduplicationWindow.id(of: draft.body.text)
    }

    private func deduplicationKey(_ id: String, _ group: String?) -> String {
        settings.deduplicationScope == .queue ? id : "\(group ?? "") \(id)"
    }

    private func sequenceNumber(_ stamp: UInt64) -> String? {
        guard settings.isFIFO else { return nil }
        let digits = String(stamp)
        return String(repeating: "0", count: 20 - digits.utf8.count) + digits
    }

    /// Takes a message that another queue's redrive policy moved here. It keeps its id and its count of receives; on a
    /// standard queue also its age, so that it expires as if it had never moved.
    public mutating func adopt(_ letter: DeadLetteredMessage, from source: String, at now: Instant) {
        advance(to: now)
        let stamp = nextStamp()
        let message = Message(
            letter.message, id: letter.message.id, deduplicationID: letter.message.deduplicationID,
            sequenceNumber: sequenceNumber(stamp), sentAt: settings.isFIFO ? now : letter.message.sentAt,
            deadLetterSource: source)
        keep(message, of: letter, serial: stamp, delay: .zero, at: now)
    }

    /// A second copy of a message that is here, with the same id.
    mutating func keepCopy(of letter: DeadLetteredMessage, at now: Instant) {
        keep(letter.message, of: letter, serial: nextStamp(), delay: .zero, at: now)
    }

    /// Takes a message that a move task brings: a new message, with a new id and no receives.
    public mutating func adoptAnew(_ old: Message, at now: Instant) {
        advance(to: now)
        let stamp = nextStamp()
        let message = Message(
            old, id: generator.uuid(), deduplicationID: settings.isFIFO ? old.id : nil,
            sequenceNumber: sequenceNumber(stamp), sentAt: now, deadLetterSource: nil)
        keep(message, serial: stamp, delay: .zero, at: now)
    }

    // MARK: - what is there

    /// All messages, oldest first, whatever their state.
    public func peek() -> [PeekedMessage] {
        slots.compactMap { $0 }.sorted { $0.serial < $1.serial }.map {
            PeekedMessage(message: $0.message, state: $0.state, receiveCount: $0.receiveCount)
        }
    }

    /// The earliest moment at which a message can become receivable without anybody's call.
    public func nextChange() -> Instant? { timers.first.map { Instant(unixMilliseconds: $0.at) } }

    /// Deletes all messages, those in flight too.
    public mutating func purge() {
        slots = []
        free = []
        ready = Line()
        groups = MessageGroups()
        timers = MinimumHeap()
        ages = MinimumHeap()
        (readyCount, inFlightCount, delayedCount) = (0, 0, 0)
    }
}

// MARK: - the life of a message

extension QueueModel {
    public enum State: Sendable { case delayed, ready, inFlight }

    struct Slot: Sendable {
        let message: Message
        /// Its place in the order of sending; also tells it from earlier owners of the slot.
        let serial: UInt64
        /// FIFO queues: its group.
        let group: Int
        var state = State.delayed
        /// Changes with the state, so that a ticket or a timer of an earlier one is told to be stale.
        var stamp: UInt64 = 0
        /// Names the newest receive, 0 before the first.
        var receipt: UInt64 = 0
        var receiveCount = 0
        var firstReceivedAt: Instant?
        var receivedAt = Instant.distantPast
    }

    struct Ticket: Sendable {
        let slot: Int
        let stamp: UInt64
    }

    private struct Timer: Comparable, Sendable {
        let at: Int64
        let stamp: UInt64
        let slot: Int
        static func < (a: Timer, b: Timer) -> Bool { (a.at, a.stamp) < (b.at, b.stamp) }
    }

    mutating func nextStamp() -> UInt64 {
        lastStamp += 1
        return lastStamp
    }

    /// Ends delays, visibilities and retentions that are over.
    public mutating func advance(to now: Instant) {
        while let timer = timers.first, timer.at <= now.unixMilliseconds {
            _ = timers.popFirst()
            if slots[timer.slot]?.stamp == timer.stamp { set(timer.slot, .ready, until: now) }
        }
        let oldest = (now - settings.retention).unixMilliseconds
        while let age = ages.first, age.at <= oldest {
            _ = ages.popFirst()
            if slots[age.slot]?.serial == age.stamp {
                remove(age.slot)
                counters.expired += 1
            }
        }
    }

    private mutating func keep(
        _ message: Message, of letter: DeadLetteredMessage? = nil, serial: UInt64, delay: Duration, at now: Instant
    ) {
        let index = free.popLast() ?? slots.count
        if index == slots.count { slots.append(nil) }
        let group = settings.isFIFO ? groups.join(message.group ?? "", slot: index, serial: serial) : -1
        slots[index] = Slot(
            message: message, serial: serial, group: group, receiveCount: letter?.receiveCount ?? 0,
            firstReceivedAt: letter?.firstReceivedAt)
        delayedCount += 1
        ages.insert(Timer(at: message.sentAt.unixMilliseconds, stamp: serial, slot: index))
        set(index, delay > .zero ? .delayed : .ready, until: now + delay)
        let alive = readyCount + inFlightCount + delayedCount
        if ages.count > 2 * alive + 64 { ages.keep { [slots] in slots[$0.slot]?.serial == $0.stamp } }
    }

    /// The one place where a message changes its state.
    mutating func set(_ index: Int, _ state: State, until: Instant) {
        guard let old = slots[index]?.state, let group = slots[index]?.group else { return }
        let stamp = nextStamp()
        count(old, -1)
        count(state, 1)
        slots[index]?.state = state
        slots[index]?.stamp = stamp
        if settings.isFIFO { groups.count(group, inFlight: (state == .inFlight ? 1 : 0) - (old == .inFlight ? 1 : 0)) }
        switch state {
        case .ready where settings.isFIFO: offer(group)
        case .ready: ready.append(Ticket(slot: index, stamp: stamp))
        case .delayed, .inFlight: timers.insert(Timer(at: until.unixMilliseconds, stamp: stamp, slot: index))
        }
        compact()
    }

    mutating func remove(_ index: Int) {
        guard let slot = slots[index] else { return }
        count(slot.state, -1)
        slots[index] = nil
        free.append(index)
        guard settings.isFIFO else { return }
        if slot.state == .inFlight { groups.count(slot.group, inFlight: -1) }
        offer(slot.group)
    }

    private mutating func count(_ state: State, _ change: Int) {
        switch state {
        case .delayed: delayedCount += change
        case .ready: readyCount += change
        case .inFlight: inFlightCount += change
        }
    }

    /// Stale tickets and timers may outnumber the live ones by two to one, no more.
    private mutating func compact() {
        if timers.count > 2 * (delayedCount + inFlightCount) + 64 {
            timers.keep { [slots] in slots[$0.slot]?.stamp == $0.stamp }
        }
        if ready.count > 2 * readyCount + 64 { ready.keep { [slots] in slots[$0.slot]?.stamp == $0.stamp } }
    }
}

/// A message that is over its queue's count of receives, on its way to the dead-letter queue.
public struct DeadLetteredMessage: Sendable {
    public let message: Message
    let receiveCount: Int
    let firstReceivedAt: Instant?
}

public struct PeekedMessage: Sendable {
    public let message: Message
    public let state: QueueModel.State
    public let receiveCount: Int
}
