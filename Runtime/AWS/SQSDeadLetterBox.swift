public import Events
import JSON
public import Pipeline
import Synchronization

/// A queue of SQS as a box of dead letters, for one visit.
///
/// SQS shows a message only by giving it: what this has taken is hidden from others until it is deleted, given back, or
/// ``Limits/letterVisibility`` is over. Of one group of a FIFO queue SQS gives no more than one answer holds until
/// those are gone: so ten, as a rule.
public final class SQSDeadLetterBox: DeadLetterBox {
    /// A long poll asks all of SQS's servers: a shorter one may find nothing where there is something.
    private static let wait = Duration.seconds(1)
    /// Answers in a row that bring nothing new, beside those that what this visit has seen before may fill.
    private static let patience = 10

    private struct State {
        /// The newest handle of each letter in hand.
        var handles: [MessageID: ReceiptHandle] = [:]
        var seen: Set<MessageID> = []
    }

    private let queue: SQS
    private let state = Mutex(State())

    /// - Parameter queue: its URL, its ARN or its name.
    public init(_ session: AWSSession, queue: String) { self.queue = SQS(session, queue: queue) }

    public func take(atMost count: Int) async throws(Failure) -> [BoxedLetter] {
        // What comes again because its time was over is known, and hidden anew.
        let tries = Self.patience + state.withLock { $0.seen.count } / Limits.batchEntries
        for _ in 0..<tries {
            let letters = try await receive(atMost: count)
            if letters.isEmpty { return [] }
            let new = state.withLock { state in
                var new: [BoxedLetter] = []
                for (letter, receipt) in letters {
                    state.handles[letter.id] = receipt
                    if state.seen.insert(letter.id).inserted { new.append(letter) }
                }
                return new
            }
            if !new.isEmpty { return new }
        }
        return []
    }

    private func receive(atMost count: Int) async throws(Failure) -> [(BoxedLetter, ReceiptHandle)] {
        do throws(AWSError) {
            let nodes = try await queue.receive(
                atMost: count, wait: Self.wait, visibility: Limits.letterVisibility)
            var letters: [(BoxedLetter, ReceiptHandle)] = []
            for node in nodes {
                let envelope = try Envelope(node, isFIFO: queue.address.isFIFO)
                let origin = node["Attributes"]?["DeadLetterQueueSourceArn"]?.string ?? ""
                letters.append((BoxedLetter(envelope, origin: origin), envelope.receipt))
            }
            return letters
        } catch {
            throw error.whileReceiving(from: queue.address)
        }
    }

    public func delete(_ letters: [MessageID]) async -> [Failure?] {
        let handles = state.withLock { $0.handles }
        var failures: [MessageID: Failure] = [:]
        for id in letters where handles[id] == nil {
            failures[id] = Failure(.settleDeleteFailed, queue.address.name, "the letter is not in hand")
        }
        for ids in chunks(letters.filter { handles[$0] != nil }) {
            let entries = ids.map { [JSONMember("ReceiptHandle", .string(handles[$0]?.text ?? ""))] }
            for (id, error) in zip(ids, await queue.batch("DeleteMessageBatch", entries)) {
                if let error {
                    failures[id] = Failure(.settleDeleteFailed, queue.address.name, error.cause)
                } else {
                    state.withLock { _ = $0.handles.removeValue(forKey: id) }
                }
            }
        }
        return letters.map { failures[$0] }
    }

    /// What cannot be given back comes back by itself.
    public func release() async {
        let handles = state.withLock { state in
            defer { state = State() }
            return Array(state.handles.values)
        }
        for receipts in chunks(handles) {
            _ = await queue.batch(
                "ChangeMessageVisibilityBatch",
                receipts.map {
                    [JSONMember("ReceiptHandle", .string($0.text)), JSONMember("VisibilityTimeout", .integer(0))]
                })
        }
    }

    private func chunks<Element>(_ elements: [Element]) -> [ArraySlice<Element>] {
        stride(from: 0, to: elements.count, by: Limits.batchEntries).map {
            elements[$0..<min($0 + Limits.batchEntries, elements.count)]
        }
    }
}

extension BoxedLetter {
    fileprivate init(_ envelope: Envelope, origin: String) {
        let name = SQSDeadLetterQueue.failureAttribute
        self.init(
            id: envelope.messageID, body: envelope.body, attributes: envelope.attributes.filter { $0.name != name },
            failure: envelope.attributes.first { $0.name == name }?.value,
            origin: origin.split(separator: ":").last.map(String.init) ?? "", arrivedAt: envelope.sentAt,
            group: envelope.group)
    }
}

extension SQSQueue: RedriveTarget {
    /// A FIFO queue takes each letter once, in its group; a letter without one is a group of its own.
    public func send(_ letters: [RedrivenLetter]) async -> [Result<MessageID, Failure>] {
        let entries = letters.map { letter in
            OutgoingMessage(
                body: letter.body, attributes: Array(letter.attributes.prefix(Limits.messageAttributes)),
                group: letter.group ?? letter.id.text,
                deduplicationID: String("redrive.\(letter.id.text)".prefix(128))
            ).members(isFIFO: queue.address.isFIFO)
        }
        var results: [Result<MessageID, Failure>] = []
        for part in Self.parts(letters) {
            for answer in await queue.answers("SendMessageBatch", Array(entries[part])) {
                switch answer {
                case .success(let entry): results.append(.success(MessageID(entry["MessageId"]?.string ?? "")))
                case .failure(let error): results.append(.failure(error.whileRedriving(to: queue.address)))
                }
            }
        }
        return results
    }

    /// All messages of one call may together have what one message may have (SQS, SendMessageBatch).
    private static func parts(_ letters: [RedrivenLetter]) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var (start, size) = (0, 0)
        for (index, letter) in letters.enumerated() {
            let own = letter.attributes.reduce(letter.body.count) { $0 + $1.name.utf8.count + $1.value.utf8.count + 6 }
            if index > start, size + own > Limits.messageBytes || index - start == Limits.batchEntries {
                parts.append(start..<index)
                (start, size) = (index, 0)
            }
            size += own
        }
        if start < letters.count { parts.append(start..<letters.count) }
        return parts
    }
}

extension AWSError {
    fileprivate func whileRedriving(to address: QueueAddress) -> Failure {
        Failure(kind == .refused ? .redriveRefused : .redriveUnavailable, address.name, cause)
    }
}
