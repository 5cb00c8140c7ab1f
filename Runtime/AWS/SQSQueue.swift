public import Events
import JSON
public import Pipeline
import Synchronization

/// A queue of SQS that messages come from.
public final class SQSQueue: EventQueue {
    let queue: SQS
    /// For a queue whose own visibility is next to nothing: its messages would be given again while they are in hand,
    /// and SQS prolongs nothing that is visible.
    private let visibility = Mutex<Duration?>(nil)

    /// - Parameter queue: its URL, its ARN or its name. It is looked up with the first call.
    public init(_ session: AWSSession, queue: String) { self.queue = SQS(session, queue: queue) }

    public func describe() async throws(Failure) -> QueueDescription {
        do throws(AWSError) {
            let description = try QueueDescription(try await queue.attributes())
            let isShort = description.visibilityTimeout < Limits.visibilityAtLeast
            visibility.withLock { $0 = isShort ? Limits.visibilityAtLeast : nil }
            return description
        } catch {
            throw error.whileReceiving(from: queue.address)
        }
    }

    public func depth() async throws(Failure) -> QueueDepth {
        do throws(AWSError) {
            let attributes = try await queue.attributes()
            func number(_ name: String) -> Int { attributes[name].flatMap { Int($0) } ?? 0 }
            return QueueDepth(
                available: number("ApproximateNumberOfMessages"),
                inFlight: number("ApproximateNumberOfMessagesNotVisible"),
                delayed: number("ApproximateNumberOfMessagesDelayed"))
        } catch {
            throw error.whileReceiving(from: queue.address)
        }
    }

    public func receive(atMost count: Int, wait: Duration) async throws(Failure) -> [Envelope] {
        do throws(AWSError) {
            let isFIFO = queue.address.isFIFO
            var envelopes: [Envelope] = []
            let visibility = visibility.withLock { $0 }
            for message in try await queue.receive(atMost: count, wait: wait, visibility: visibility) {
                envelopes.append(try Envelope(message, isFIFO: isFIFO))
            }
            return envelopes
        } catch {
            throw error.whileReceiving(from: queue.address)
        }
    }

    public func delete(_ receipts: [ReceiptHandle]) async -> [Failure?] {
        await queue.delete(receipts).map { error in
            error.map { Failure(.settleDeleteFailed, queue.address.name, $0.cause) }
        }
    }

    public func changeVisibility(_ changes: [VisibilityChange]) async -> [Failure?] {
        let entries = changes.map { change in
            [
                JSONMember("ReceiptHandle", .string(change.receipt.text)),
                JSONMember("VisibilityTimeout", .integer(Int64(max(0, change.timeout.wholeSeconds)))),
            ]
        }
        return await queue.batch("ChangeMessageVisibilityBatch", entries).map { error in
            error.map { Failure(.settleDelayFailed, queue.address.name, $0.cause) }
        }
    }

    /// At most ten; `nil` answers an entry that the queue has. For redrives: messages of the pipeline only come here.
    public func send(_ messages: [OutgoingMessage]) async -> [Failure?] {
        let entries = messages.map { $0.members(isFIFO: queue.address.isFIFO) }
        return await queue.batch("SendMessageBatch", entries).map { error in
            error.map { $0.whileSending(to: queue.address) }
        }
    }
}

extension Envelope {
    private static let names = MemberNames([
        "Body", "MessageId", "ReceiptHandle", "Attributes", "MessageAttributes",
    ])
    private static let systemNames = MemberNames([
        "SentTimestamp", "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "MessageGroupId",
        "MessageDeduplicationId", "SequenceNumber",
    ])

    /// What a message without these says cannot be judged: SQS sends them all.
    convenience init(_ message: JSONNode, isFIFO: Bool) throws(AWSError) {
        let members = message.members(Self.names)
        let system = members[3]?.members(Self.systemNames)
        func text(_ index: Int, _ name: StaticString) throws(AWSError) -> String {
            guard let text = members.string(index) else { throw AWSError(.badReply, "a message without \(name)") }
            return text
        }
        func number(_ index: Int, _ name: StaticString) throws(AWSError) -> Int64 {
            guard let number = system?.digits(index) else {
                throw AWSError(.badReply, "a message whose \(name) is no number")
            }
            return number
        }
        guard let body = members.stringBytes(0) else { throw AWSError(.badReply, "a message without Body") }
        self.init(
            messageID: MessageID(try text(1, "MessageId")),
            receipt: ReceiptHandle(try text(2, "ReceiptHandle")), body: body,
            attributes: (members[4]?.members ?? []).compactMap(Attribute.init(member:)),
            sentAt: Instant(unixMilliseconds: try number(0, "SentTimestamp")),
            firstReceivedAt: Instant(unixMilliseconds: try number(1, "ApproximateFirstReceiveTimestamp")),
            receiveCount: Int(try number(2, "ApproximateReceiveCount")),
            // On a standard queue the group means fairness, not order.
            group: isFIFO ? system?.string(3) : nil, deduplicationID: system?.string(4), sequence: system?.string(5))
    }
}

extension Attribute {
    /// Binary values stay in base64.
    fileprivate init?(member: (key: JSONNode, value: JSONNode)) {
        guard let name = member.key.string,
            let value = member.value["StringValue"]?.string ?? member.value["BinaryValue"]?.string
        else { return nil }
        self.init(name: name, value: value)
    }
}

extension AWSError {
    func whileReceiving(from address: QueueAddress) -> Failure {
        let code: FailureCode =
            switch kind {
            case .unreachable, .server: .receiveUnavailable
            case .throttled: .receiveThrottled
            case .denied: .receiveDenied
            case .notFound: .receiveNoQueue
            case .refused, .badReply: .receiveBadReply
            case .noCredentials: .receiveCredentials
            }
        return Failure(code, address.name, cause)
    }

    func whileSending(to address: QueueAddress) -> Failure {
        let code: FailureCode =
            switch kind {
            case .denied, .refused: .settleDeadLetterRefused
            default: .settleDeadLetterUnavailable
            }
        return Failure(code, address.name, cause)
    }
}
