// The queues that events come from.
public import Events

public struct QueueSettings: SettingsGroup, Hashable {
    public enum Unroutable: String, CaseIterable, Sendable {
        case deadLetter = "dead-letter"
        case ignore, leave
    }
    public enum PoisonousHead: String, CaseIterable, Sendable {
        case block
        case deadLetter = "dead-letter"
        case parkGroup = "park-group"
    }

    public var name = QueueName("")
    public var url = ""
    public var handlers: [HandlerID] = []
    /// `nil`: letters are kept in the store, which must then be durable.
    public var deadLetter: String?
    /// `nil`: refused messages go where dead letters go.
    public var quarantine: String?
    public var unroutable = Unroutable.deadLetter
    public var poisonousHead = PoisonousHead.block
    /// `nil`: the queue's own.
    public var visibility: Duration?
    public var maxAge = Duration.hours(25)
    public var hold = Limits.hold
    public var pollers = 4
    public var pollWait = Limits.pollWait
    public var inHand = InHandSettings()

    public init() {}

    /// The URL of the queue that never verified messages go to.
    public var quarantineURL: String? { quarantine ?? deadLetter }

    static let section = Section<Self>(
        Setting(
            "name", \.name, .wrapped(.name("orders"), { QueueName($0) }, { $0.text }), required: true,
            example: "orders",
            "Names the queue in metrics and logs, and scopes what is known of its events: keep it when the URL changes."
        ),
        Setting(
            "url", \.url, .url("https://sqs.eu-central-1.amazonaws.com/123456789012/orders"), required: true,
            example: "https://sqs.eu-central-1.amazonaws.com/123456789012/orders", change: .restart,
            "The queue's URL. It is never created."),
        Setting(
            "handlers", \.handlers, .list(of: .handlerID, atMost: Limits.workers, atLeast: 1), required: true,
            example: "[hello]", "The handlers that take this queue's events, by id. One per queue is best."),
        Setting(
            "dead-letter", \.deadLetter,
            .or("none", .url("https://sqs.eu-central-1.amazonaws.com/123456789012/orders-dead")),
            example: "https://sqs.eu-central-1.amazonaws.com/123456789012/orders-dead", change: .restart,
            "The URL of the queue for events that failed for good. Without one they are kept in the store."),
        Setting(
            "quarantine", \.quarantine,
            .or("dead-letter", .url("https://sqs.eu-central-1.amazonaws.com/123456789012/orders-refused")),
            change: .restart,
            "The URL of the queue for messages that were not verified, apart from those that failed."),
        Setting(
            "unroutable", \.unroutable, .choice,
            "What becomes of an event that no handler takes: dead-letter, ignore (deleted), or leave in the queue."
        ),
        Setting(
            "poisonous-head", \.poisonousHead, .choice,
            "FIFO queues: when a group's head fails for good. block: it is tried on, and its group waits, until the "
                + "queue would drop it. dead-letter: the next goes on. park-group: all that follow it become letters, "
                + "too, until it was redriven."),
        Setting(
            "visibility", \.visibility, .or("queue", .duration(Limits.visibilityAtLeast...Limits.heldAtMost)),
            "How long a received message stays invisible to others between two beats. By default the queue's own."),
        Setting(
            "max-age", \.maxAge, .duration(.minutes(1)...(.days(14))),
            "How long before the queue had it an event that was never seen may have been signed."),
        Setting(
            "hold", \.hold, .duration(.zero...Limits.hold),
            "Waits up to this are spent in memory; longer ones give the message back, which costs a receive."),
        Setting("pollers", \.pollers, .count(1...Limits.pollers), "Long polls at once, at most."),
        Setting(
            "poll-wait", \.pollWait, .duration(.seconds(1)...Limits.pollWait), change: .restart,
            "How long a poll waits for a first message. A stop waits for it, too; a shorter one costs more requests."),
        Setting("in-hand", \.inHand, .section(), "What may be received and not settled at one time."))
}

public struct InHandSettings: SettingsGroup, Hashable {
    public var messages = 1_000
    public var bytes = Limits.inHandBytes

    public init() {}

    static let section = Section<Self>(
        Setting("messages", \.messages, .count(10...Limits.inHand), "Messages, at most."),
        Setting("bytes", \.bytes, .size(Limits.messageBytes...Limits.inHandBytes), "Bytes of their bodies, at most."))
}

extension Form where Value == HandlerID {
    static var handlerID: Form { .wrapped(.name("hello"), { HandlerID($0) }, { $0.text }) }
}
