import Events
@testable import LocalCloud

/// A queue model with a clock that the test moves.
struct VirtualQueue {
    static let start = Instant(unixSeconds: 1_800_000_000)

    var model: QueueModel
    var now = VirtualQueue.start

    init(_ name: String = "orders", inFlightLimit: Int = QueueModel.inFlightLimit, _ attributes: [String: String] = [:])
        throws
    {
        var settings = QueueSettings(isFIFO: name.hasSuffix(".fifo"))
        for (name, value) in attributes { try settings.set(name, to: value) }
        model = QueueModel(
            name: name, arn: "arn:aws:sqs:eu-central-1:000000000000:\(name)", settings: settings, seed: 7,
            inFlightLimit: inFlightLimit, at: now)
    }

    mutating func pass(_ duration: Duration) { now = now + duration }

    @discardableResult
    mutating func send(
        _ body: String, group: String? = nil, id: String? = nil, delay: Duration? = nil
    ) throws -> QueueModel.Sent {
        try model.send(
            MessageDraft(try MessageBody(Bytes(body)), group: group, deduplicationID: id, delay: delay), at: now)
    }

    mutating func receive(_ count: Int = 10, visibility: Duration? = nil) throws -> [ReceivedMessage] {
        try model.receive(atMost: count, visibility: visibility, at: now).messages
    }

    /// The bodies of one receive.
    mutating func bodies(_ count: Int = 10) throws -> [String] { try receive(count).map { $0.message.body.text.text } }

    @discardableResult
    mutating func delete(_ message: ReceivedMessage) throws -> Bool { try model.delete(message.receipt, at: now) }
}

func failure(_ body: () throws -> Void) -> ServiceError? {
    do {
        try body()
        return nil
    } catch {
        return error as? ServiceError
    }
}
