// What consumers do with a queue: receive, delete, change visibility.

public import Events

/// A message as one receive handed it out.
public struct ReceivedMessage: Sendable {
    public let message: Message
    public let receipt: String
    /// ApproximateReceiveCount, this time included. It never goes down.
    public let receiveCount: Int
    public let firstReceivedAt: Instant
}

/// What one receive brought about.
public struct Reception: Sendable {
    public var messages: [ReceivedMessage] = []
    /// Messages that were received too often: they left the queue now, on this receive, not when their visibility
    /// ended. The caller puts them where the redrive policy says.
    public var deadLettered: [DeadLetteredMessage] = []
    /// Nothing more is handed out while so many are in flight. A short poll is told, a long poll just stays empty.
    public var isOverLimit = false
}

extension QueueModel {
    /// - Parameters:
    ///   - count: 1 to 10.
    ///   - visibility: `nil` for the queue's own.
    ///   - canDeadLetter: false where the dead-letter queue is gone; messages are handed out then, however often.
    public mutating func receive(
        atMost count: Int, visibility: Duration? = nil, canDeadLetter: Bool = true, at now: Instant
    ) throws(ServiceError) -> Reception {
        guard (1...10).contains(count) else {
            throw ServiceError.invalid("\(count)", for: "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
        }
        let visibility = visibility ?? settings.visibilityTimeout
        try checkVisibility(visibility)
        advance(to: now)
        var reception = Reception()
        let room = inFlightLimit - inFlightCount
        guard room > 0 else {
            reception.isOverLimit = !settings.isFIFO
            return reception
        }
        let limit = canDeadLetter ? settings.redrive?.maximumReceives ?? .max : .max
        let request = Request(count: min(count, room), until: now + visibility, receiveLimit: limit, now: now)
        settings.isFIFO ? receiveGroups(request, &reception) : receiveReady(request, &reception)
        counters.received += reception.messages.count
        counters.deadLettered += reception.deadLettered.count
        return reception
    }

    struct Request {
        let count: Int
        let until: Instant
        let receiveLimit: Int
        let now: Instant
    }

    private mutating func receiveReady(_ request: Request, _ reception: inout Reception) {
        while reception.messages.count < request.count, let ticket = ready.popFirst() {
            guard slots[ticket.slot]?.stamp == ticket.stamp else { continue }
            hand(out: ticket.slot, request, &reception)
        }
    }

    /// To the consumer, or, if it was received too often, to the dead letters.
    mutating func hand(out index: Int, _ request: Request, _ reception: inout Reception) {
        guard let slot = slots[index] else { return }
        if slot.receiveCount >= request.receiveLimit {
            remove(index)
            reception.deadLettered.append(
                DeadLetteredMessage(
                    message: slot.message, receiveCount: slot.receiveCount, firstReceivedAt: slot.firstReceivedAt))
            return
        }
        let first = slot.firstReceivedAt ?? request.now
        let receipt = nextStamp()
        slots[index]?.receipt = receipt
        slots[index]?.receiveCount += 1
        slots[index]?.firstReceivedAt = first
        slots[index]?.receivedAt = request.now
        set(index, .inFlight, until: request.until)
        reception.messages.append(
            ReceivedMessage(
                message: slot.message,
                receipt: Receipt(nonce: nonce, slot: UInt64(index), serial: slot.serial, receive: receipt).text,
                receiveCount: slot.receiveCount + 1, firstReceivedAt: first))
    }

    /// Takes messages that can be received out of the queue, for a move task.
    public mutating func take(atMost count: Int, at now: Instant) -> [Message] {
        advance(to: now)
        let waiting = slots.indices.filter { slots[$0]?.state == .ready }
        let taken = waiting.sorted { (slots[$0]?.serial ?? 0) < (slots[$1]?.serial ?? 0) }.prefix(count)
        return taken.compactMap { index in
            let message = slots[index]?.message
            remove(index)
            return message
        }
    }

    // MARK: - delete

    /// On a standard queue an old receipt handle is answered as success, and deletes nothing. On a FIFO queue it fails
    /// once its visibility has ended.
    /// - Returns: whether the message was deleted by this call.
    @discardableResult
    public mutating func delete(_ receipt: String, at now: Instant) throws(ServiceError) -> Bool {
        advance(to: now)
        let receipt = try self.receipt(receipt)
        guard let slot = slot(of: receipt) else { return false }
        let isCurrent = slot.receipt == receipt.receive
        if settings.isFIFO && !(isCurrent && slot.state == .inFlight) {
            throw ServiceError.invalid(receipt.text, for: "ReceiptHandle", "The receipt handle has expired.")
        }
        guard isCurrent else { return false }
        remove(Int(receipt.slot))
        counters.deleted += 1
        return true
    }

    // MARK: - visibility

    /// Visibility ends `timeout` from now, for this receive alone.
    public mutating func changeVisibility(
        _ receipt: String, to timeout: Duration, at now: Instant
    ) throws(ServiceError) {
        try checkVisibility(timeout)
        advance(to: now)
        let receipt = try self.receipt(receipt)
        guard let slot = slot(of: receipt), slot.receipt == receipt.receive else {
            throw ServiceError.invalid(
                receipt.text, for: "ReceiptHandle",
                "Message does not exist or is not available for visibility timeout change.")
        }
        guard slot.state == .inFlight else {
            throw ServiceError(.messageNotInflight, "The specified message isn't in flight.")
        }
        guard now - slot.receivedAt + timeout <= QueueModel.longestVisibility else {
            throw ServiceError.invalid(
                "\(timeout.wholeSeconds)", for: "VisibilityTimeout",
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
        }
        set(Int(receipt.slot), timeout > .zero ? .inFlight : .ready, until: now + timeout)
    }

    private func checkVisibility(_ timeout: Duration) throws(ServiceError) {
        guard timeout >= .zero, timeout <= QueueModel.longestVisibility else {
            throw ServiceError.invalid(
                "\(timeout.wholeSeconds)", for: "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided.")
        }
    }

    /// What "at least once" means: a second copy of a received message, with the same id, to be received now and
    /// unmoved by what happens to the first. FIFO queues do not do that: nothing happens.
    public mutating func duplicate(_ receipt: String, at now: Instant) throws(ServiceError) {
        advance(to: now)
        guard !settings.isFIFO, let slot = slot(of: try self.receipt(receipt)) else { return }
        let letter = DeadLetteredMessage(
            message: slot.message, receiveCount: slot.receiveCount, firstReceivedAt: slot.firstReceivedAt)
        keepCopy(of: letter, at: now)
    }

    // MARK: - receipt handles

    private func receipt(_ text: String) throws(ServiceError) -> Receipt {
        guard let receipt = Receipt(text), receipt.nonce == nonce else {
            throw ServiceError(.receiptHandleIsInvalid, "The input receipt handle is invalid.")
        }
        return receipt
    }

    /// `nil` for a message that is gone.
    private func slot(of receipt: Receipt) -> Slot? {
        guard receipt.slot < UInt64(slots.count), let slot = slots[Int(receipt.slot)], slot.serial == receipt.serial
        else { return nil }
        return slot
    }
}

/// A receipt handle: which message of which queue, and by which receive.
private struct Receipt {
    let nonce: UInt64
    let slot: UInt64
    let serial: UInt64
    let receive: UInt64

    init(nonce: UInt64, slot: UInt64, serial: UInt64, receive: UInt64) {
        self.nonce = nonce
        self.slot = slot
        self.serial = serial
        self.receive = receive
    }

    init?(_ text: String) {
        guard text.utf8.count == 64 else { return nil }
        var rest = Array(text.utf8)[...]
        func word() -> UInt64? {
            defer { rest = rest.dropFirst(16) }
            return Hexadecimal.word(rest.prefix(16))
        }
        guard let nonce = word(), let slot = word(), let serial = word(), let receive = word() else { return nil }
        self.init(nonce: nonce, slot: slot, serial: serial, receive: receive)
    }

    var text: String {
        let words = [nonce, slot, serial, receive]
        return String(decoding: words.flatMap { Hexadecimal.text(of: $0) }, as: UTF8.self)
    }
}
