/// The name of a queue in the configuration. It scopes identities, so it outlives URLs and handlers.
public struct QueueName: Hashable, Sendable, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public var description: String { text }
}

/// The queue's own id of a message. A redrive mints a new one.
public struct MessageID: Hashable, Sendable, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public var description: String { text }
}

/// The right to delete or delay a message, valid for the receive that returned it.
public struct ReceiptHandle: Hashable, Sendable {
    public let text: String
    public init(_ text: String) { self.text = text }
}

/// A message attribute: a hint for people. No decision rests on one.
public struct Attribute: Hashable, Sendable {
    public let name: String
    public let value: String
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What a queue delivered, before anything about it is believed. It never changes, and is passed on and kept in many
/// places: a reference, so that this costs nothing.
///
/// There is one way from here to an ``Event``: `verify`.
public final class Envelope: Sendable {
    public let messageID: MessageID
    /// Valid until a later receive of the same message.
    public let receipt: ReceiptHandle
    public let body: Bytes
    public let attributes: [Attribute]
    /// When the queue had the message.
    public let sentAt: Instant
    public let firstReceivedAt: Instant
    /// How often the queue gave it to anybody, this time included. Not a count of attempts.
    public let receiveCount: Int
    /// FIFO queues: the message group, in which order is kept. Standard queues: fairness only, so `nil` here.
    public let group: String?
    public let deduplicationID: String?
    /// FIFO queues: its place in the order, as the queue numbers it.
    public let sequence: String?

    public init(
        messageID: MessageID, receipt: ReceiptHandle, body: Bytes, attributes: [Attribute] = [],
        sentAt: Instant, firstReceivedAt: Instant, receiveCount: Int = 1,
        group: String? = nil, deduplicationID: String? = nil, sequence: String? = nil
    ) {
        self.messageID = messageID
        self.receipt = receipt
        self.body = body
        self.attributes = attributes
        self.sentAt = sentAt
        self.firstReceivedAt = firstReceivedAt
        self.receiveCount = receiveCount
        self.group = group
        self.deduplicationID = deduplicationID
        self.sequence = sequence
    }
}

/// What a queue says of itself at start.
public struct QueueDescription: Sendable, Equatable {
    public var isFIFO: Bool
    public var visibilityTimeout: Duration
    public var retention: Duration
    /// Bytes that one message may have, attributes included.
    public var maximumMessageSize: Int
    /// The dead-letter queue's URL or ARN and the receive count that sends a message there, if the queue has one.
    public var redrive: Redrive?

    public struct Redrive: Sendable, Equatable {
        public var target: String
        public var maximumReceives: Int
        public init(target: String, maximumReceives: Int) {
            self.target = target
            self.maximumReceives = maximumReceives
        }
    }

    public init(
        isFIFO: Bool, visibilityTimeout: Duration, retention: Duration, maximumMessageSize: Int,
        redrive: Redrive? = nil
    ) {
        self.isFIFO = isFIFO
        self.visibilityTimeout = visibilityTimeout
        self.retention = retention
        self.maximumMessageSize = maximumMessageSize
        self.redrive = redrive
    }
}
