public import Events

// What dead letters are kept in, and what they go back to. The tools of operators work with these; no stage does.

/// A letter as its box has it.
public struct BoxedLetter: Sendable {
    /// The box's own name for it.
    public let id: MessageID
    public let body: Bytes
    /// Those that the message came with: without `outrigger-failure`.
    public let attributes: [Attribute]
    /// The text of `outrigger-failure`; `nil` for a letter that a queue's own redrive policy put here.
    public let failure: String?
    /// The queue that such a policy says it comes from, by its own name there.
    public let origin: String
    public let arrivedAt: Instant
    /// In which order is to be kept, where the box and its queue do.
    public let group: String?

    public init(
        id: MessageID, body: Bytes, attributes: [Attribute], failure: String?, origin: String = "",
        arrivedAt: Instant, group: String?
    ) {
        self.id = id
        self.body = body
        self.attributes = attributes
        self.failure = failure
        self.origin = origin
        self.arrivedAt = arrivedAt
        self.group = group
    }
}

/// One visit to a box of dead letters. Nothing is consumed by looking: what is in hand is hidden from others until it
/// is deleted or ``release()`` gives it back; if nobody does, it comes back by itself after
/// ``Limits/letterVisibility``.
public protocol DeadLetterBox: Sendable {
    /// At most `count` (1...10) letters that this visit has not seen yet; none when there is nothing more to see.
    func take(atMost count: Int) async throws(Failure) -> [BoxedLetter]
    /// Letters in hand, in any number; `nil` answers one that is gone.
    func delete(_ letters: [MessageID]) async -> [Failure?]
    /// Gives back all that is in hand. Then the visit begins anew: every letter is seen again.
    func release() async
}

/// Where letters go when they are tried again: the queue that they came from.
public protocol RedriveTarget: Sendable {
    /// At most ten, each under the name of its message in the target, or why not: `redrive.*`.
    func send(_ letters: [RedrivenLetter]) async -> [Result<MessageID, Failure>]
}

/// A target that asks for the permit of each letter before it is sent. What is not permitted stays.
public struct PermittedTarget: RedriveTarget {
    private let target: any RedriveTarget
    private let permit: @Sendable ([RedrivenLetter]) async -> [Failure?]

    /// - Parameter permit: durable when it answers `nil` for a letter.
    public init(_ target: any RedriveTarget, _ permit: @escaping @Sendable ([RedrivenLetter]) async -> [Failure?]) {
        self.target = target
        self.permit = permit
    }

    public func send(_ letters: [RedrivenLetter]) async -> [Result<MessageID, Failure>] {
        let failures = await permit(letters)
        let permitted = zip(letters, failures).filter { $0.1 == nil }.map(\.0)
        var sent = permitted.isEmpty ? [] : await target.send(permitted)[...]
        return failures.map { failure in
            if let failure { return .failure(failure) }
            return sent.popFirst() ?? .failure(Failure(.redriveUnavailable, "queue", "it answered for fewer letters"))
        }
    }
}

/// A letter on its way back.
public struct RedrivenLetter: Sendable {
    /// Its name in the box: a FIFO queue takes a repeated send of one letter once.
    public let id: MessageID
    public let body: Bytes
    public let attributes: [Attribute]
    public let group: String?

    public init(id: MessageID, body: Bytes, attributes: [Attribute], group: String?) {
        self.id = id
        self.body = body
        self.attributes = attributes
        self.group = group
    }
}

/// Knows what became of messages that were sent back.
public protocol RedriveJudge: Sendable {
    /// Messages of which nothing is said are under way.
    func verdicts(on messages: Set<MessageID>) async throws(Failure) -> [MessageID: RedriveVerdict]
}

public enum RedriveVerdict: Sendable, Hashable {
    /// Done, or known as done before.
    case passed
    /// A dead letter again.
    case failed
}

/// Which of a queue's boxes.
public struct LetterPlace: Sendable, Hashable {
    public enum Box: String, Sendable, CaseIterable {
        case deadLetters = "dead-letters"
        /// Of messages that were never verified, where that is another box.
        case quarantine
        /// Events that we published and that the bus did not take.
        case publications
    }
    public let queue: QueueName
    public let box: Box
    public init(queue: QueueName, box: Box = .deadLetters) {
        self.queue = queue
        self.box = box
    }
}
