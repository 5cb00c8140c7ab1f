public import Events
public import Pipeline
import Synchronization

/// A queue of SQS that dead letters are sent to.
public final class SQSDeadLetterQueue: DeadLetterQueue {
    static let failureAttribute = "outrigger-failure"

    private let queue: SQS
    /// The target's MaximumMessageSize, once it is known.
    private let maximumSize = Mutex<Int?>(nil)

    /// - Parameter queue: its URL, its ARN (as a redrive policy has it) or its name.
    public init(_ session: AWSSession, queue: String) { self.queue = SQS(session, queue: queue) }

    public func describe() async throws(Failure) -> QueueDescription {
        do throws(AWSError) {
            return try await describeQueue()
        } catch {
            throw error.whileReceiving(from: queue.address)
        }
    }

    public func send(_ letter: DeadLetter) async throws(Failure) {
        do throws(AWSError) {
            let known = maximumSize.withLock { $0 }
            let maximum = if let known { known } else { try await describeQueue().maximumMessageSize }
            guard let message = message(letter, within: maximum) else {
                throw AWSError(.refused, "body and failure have more than \(maximum) bytes")
            }
            try await queue.send(message)
        } catch {
            throw error.whileSending(to: queue.address)
        }
    }

    private func describeQueue() async throws(AWSError) -> QueueDescription {
        let description = try QueueDescription(try await queue.attributes())
        maximumSize.withLock { $0 = description.maximumMessageSize }
        return description
    }

    /// The whole letter, or the body and the short failure alone; `nil` if not even that fits.
    private func message(_ letter: DeadLetter, within maximum: Int) -> OutgoingMessage? {
        let name = SQSDeadLetterQueue.failureAttribute
        let short = Attribute(name: name, value: letter.shortFailure)
        // A message without group is a group of its own.
        var message = OutgoingMessage(
            body: letter.body,
            attributes: letter.attributes.filter { $0.name != name } + [Attribute(name: name, value: letter.failure)],
            group: letter.group ?? letter.deduplicationID, deduplicationID: letter.deduplicationID)
        if message.size > maximum { message.attributes = [short] }
        return message.size > maximum ? nil : message
    }
}
