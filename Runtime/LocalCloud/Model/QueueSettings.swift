import Events
import JSON

/// The attributes of a queue that its owner sets (SQS API reference, CreateQueue and SetQueueAttributes).
public struct QueueSettings: Sendable, Hashable {
    public struct Redrive: Sendable, Hashable {
        /// The ARN of the dead-letter queue.
        public var target: String
        /// 1 to 1000: the next receive after that many moves the message.
        public var maximumReceives: Int
        public init(target: String, maximumReceives: Int) {
            self.target = target
            self.maximumReceives = maximumReceives
        }
    }
    public enum DeduplicationScope: String, Sendable { case queue, messageGroup }

    public let isFIFO: Bool
    public var visibilityTimeout = Duration.seconds(30)
    public var retention = Duration.days(4)
    public var delay = Duration.zero
    public var maximumMessageSize = Limits.messageBytes
    public var receiveWait = Duration.zero
    public var redrive: Redrive?
    public var contentBasedDeduplication = false
    public var deduplicationScope = DeduplicationScope.queue
    /// Attributes that are kept and told, and mean nothing on one machine: policies and encryption.
    private(set) var others: [String: String] = [:]

    public init(isFIFO: Bool = false) { self.isFIFO = isFIFO }

    private static let toldOnly: Set = [
        "Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled", "RedriveAllowPolicy",
        "FifoThroughputLimit",
    ]

    /// Sets one attribute from its text.
    public mutating func set(_ name: String, to value: String) throws(ServiceError) {
        switch name {
        case "VisibilityTimeout": visibilityTimeout = .seconds(try Self.number(value, for: name, in: 0...43_200))
        case "MessageRetentionPeriod": retention = .seconds(try Self.number(value, for: name, in: 60...1_209_600))
        case "DelaySeconds": delay = .seconds(try Self.number(value, for: name, in: 0...900))
        case "MaximumMessageSize":
            maximumMessageSize = try Self.number(value, for: name, in: 1024...Limits.messageBytes)
        case "ReceiveMessageWaitTimeSeconds": receiveWait = .seconds(try Self.number(value, for: name, in: 0...20))
        case "RedrivePolicy": redrive = try Self.redrive(value)
        case "FifoQueue":
            guard isFIFO == (value == "true") else { throw Self.refusal(value, for: name) }
        case "ContentBasedDeduplication" where isFIFO: contentBasedDeduplication = value == "true"
        case "DeduplicationScope" where isFIFO:
            guard let scope = DeduplicationScope(rawValue: value) else { throw Self.refusal(value, for: name) }
            deduplicationScope = scope
        case _ where Self.toldOnly.contains(name): others[name] = value.isEmpty ? nil : value
        default: throw ServiceError(.invalidAttributeName, "Unknown Attribute \(name.prefix(64)).")
        }
    }

    /// All attributes, in their texts.
    public var attributes: [(name: String, value: String)] {
        var all = [
            ("VisibilityTimeout", String(visibilityTimeout.wholeSeconds)),
            ("MessageRetentionPeriod", String(retention.wholeSeconds)),
            ("DelaySeconds", String(delay.wholeSeconds)),
            ("MaximumMessageSize", String(maximumMessageSize)),
            ("ReceiveMessageWaitTimeSeconds", String(receiveWait.wholeSeconds)),
        ]
        if let redrive {
            let policy: JSONValue = [
                "deadLetterTargetArn": .string(redrive.target),
                "maxReceiveCount": .integer(Int64(redrive.maximumReceives)),
            ]
            all.append(("RedrivePolicy", String(decoding: policy.serialised(), as: UTF8.self)))
        }
        if isFIFO {
            all.append(("FifoQueue", "true"))
            all.append(("ContentBasedDeduplication", contentBasedDeduplication ? "true" : "false"))
            all.append(("DeduplicationScope", deduplicationScope.rawValue))
        }
        return all + others.sorted { $0.key < $1.key }
    }

    private static func number(
        _ text: String, for name: String, in range: ClosedRange<Int>
    ) throws(ServiceError) -> Int {
        guard let number = Int(text), range.contains(number) else { throw refusal(text, for: name) }
        return number
    }

    private static func refusal(_ value: String, for name: String) -> ServiceError {
        ServiceError(.invalidAttributeValue, "Invalid value for the parameter \(name).")
    }

    private static func redrive(_ text: String) throws(ServiceError) -> Redrive? {
        guard !text.isEmpty else { return nil }
        let policy = try? JSONDocument(Array(text.utf8)).root
        let count = policy?["maxReceiveCount"]
        guard let target = policy?["deadLetterTargetArn"]?.string, target.hasPrefix("arn:aws:sqs:"),
            let receives = count?.int.map({ Int($0) }) ?? count?.string.flatMap({ Int($0) }),
            (1...1000).contains(receives)
        else {
            throw ServiceError.invalid(
                text, for: "RedrivePolicy", "It needs deadLetterTargetArn and a maxReceiveCount of 1 to 1000.")
        }
        return Redrive(target: target, maximumReceives: receives)
    }
}
