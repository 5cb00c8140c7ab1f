import Cryptography
import Events
import JSON
import Pipeline
import Synchronization

/// One queue and the calls to it, in the JSON 1.0 protocol.
/// Source: docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference
final class SQS: Sendable {
    /// Ten messages of a megabyte, escaped twice over at worst.
    private static let replyBytes = 33_554_432
    /// Ten ids, with headers.
    private static let deletionReplyBytes = 1_024
    /// How much longer than its wait a long poll may take.
    private static let pollGrace = Duration.seconds(5)

    struct Place: Sendable {
        let url: String
        let endpoint: AWSEndpoint
    }

    /// A call that was made before, and mostly is again.
    private struct Poll: Sendable {
        let count: Int
        let wait: Duration
        let visibility: Duration?
        let body: [UInt8]
        let digest: Digest
    }

    private static let receiving = AWSOperation.sqs("ReceiveMessage")
    private static let deleting = AWSOperation.sqs("DeleteMessageBatch")

    let address: QueueAddress
    private let session: AWSSession
    private let place = Mutex<Place?>(nil)
    private let lastPoll = Mutex<Poll?>(nil)

    init(_ session: AWSSession, queue: String) {
        self.session = session
        address = QueueAddress(queue)
    }

    // MARK: operations

    func attributes() async throws(AWSError) -> [String: String] {
        let reply = try await call("GetQueueAttributes", [JSONMember("AttributeNames", ["All"])])
        var attributes: [String: String] = [:]
        for member in reply.root["Attributes"]?.members ?? [] {
            guard let name = member.key.string, let value = member.value.string else { continue }
            attributes[name] = value
        }
        return attributes
    }

    /// - Parameter visibility: for how long others do not get them; the queue's own by default.
    func receive(
        atMost count: Int, wait: Duration, visibility: Duration? = nil
    ) async throws(AWSError) -> [JSONNode] {
        let wait = min(max(wait, .zero), Limits.pollWait)
        let count = min(max(count, 1), Limits.batchEntries)
        let place = try await currentPlace()
        let poll = poll(atMost: count, wait: wait, visibility: visibility, at: place)
        let reply = try await session.call(
            SQS.receiving, at: place.endpoint, body: poll.body, digest: poll.digest, timeout: wait + SQS.pollGrace,
            maximumBodyBytes: SQS.replyBytes, isPoll: true)
        return reply.root["Messages"]?.elements ?? []
    }

    private func poll(atMost count: Int, wait: Duration, visibility: Duration?, at place: Place) -> Poll {
        let last = lastPoll.withLock { $0 }
        if let last, last.count == count, last.wait == wait, last.visibility == visibility { return last }
        var members = [
            JSONMember("QueueUrl", .string(place.url)),
            JSONMember("MaxNumberOfMessages", .integer(Int64(count))),
            JSONMember("WaitTimeSeconds", .integer(Int64(wait.wholeSeconds))),
            JSONMember("MessageSystemAttributeNames", ["All"]),
            JSONMember("MessageAttributeNames", ["All"]),
        ]
        if let visibility {
            members.append(JSONMember("VisibilityTimeout", .integer(Int64(visibility.wholeSeconds))))
        }
        let body = JSONValue.object(members).serialised()
        let poll = Poll(count: count, wait: wait, visibility: visibility, body: body, digest: Hash.sha256(body))
        lastPoll.withLock { $0 = poll }
        return poll
    }

    /// - Returns: for each receipt in order, `nil` or why it failed.
    func delete(_ receipts: [ReceiptHandle]) async -> [AWSError?] {
        if receipts.isEmpty { return [] }
        do throws(AWSError) {
            let place = try await currentPlace()
            let body = SQS.deletion(of: receipts, at: place)
            let reply = try await session.call(
                SQS.deleting, at: place.endpoint, body: body, usualAnswerBytes: SQS.deletionReplyBytes)
            return SQS.results(of: reply, count: receipts.count).map { SQS.error(in: $0) }
        } catch {
            return Array(repeating: error, count: receipts.count)
        }
    }

    private static func deletion(of receipts: [ReceiptHandle], at place: Place) -> [UInt8] {
        let size = receipts.reduce(place.url.utf8.count + 64) { $0 + $1.text.utf8.count + 64 }
        var text = JSONWriter(reserving: size)
        text.write("{\"QueueUrl\":")
        text.write(string: place.url)
        text.write(",\"Entries\":[")
        for (index, receipt) in receipts.enumerated() {
            text.write(index == 0 ? "{\"Id\":\"" : ",{\"Id\":\"")
            text.write(number: index)
            text.write("\",\"ReceiptHandle\":")
            text.write(string: receipt.text)
            text.write("}")
        }
        text.write("]}")
        return text.bytes
    }

    func send(_ message: OutgoingMessage) async throws(AWSError) {
        let reply = try await call("SendMessage", message.members(isFIFO: address.isFIFO))
        guard reply.root["MessageId"]?.string != nil else {
            throw AWSError(.badReply, "SendMessage without MessageId")
        }
    }

    /// One of ChangeMessageVisibilityBatch, DeleteMessageBatch, SendMessageBatch.
    /// - Returns: for each entry in order, `nil` or why it failed.
    func batch(_ operation: String, _ entries: [[JSONMember]]) async -> [AWSError?] {
        await answers(operation, entries).map { SQS.error(in: $0) }
    }

    private static func error(in answer: Result<JSONNode, AWSError>) -> AWSError? {
        if case .failure(let error) = answer { error } else { nil }
    }

    /// - Returns: for each entry in order, what the service says of it, or why it failed.
    func answers(_ operation: String, _ entries: [[JSONMember]]) async -> [Result<JSONNode, AWSError>] {
        if entries.isEmpty { return [] }
        let numbered = entries.enumerated().map { index, entry in
            JSONValue.object([JSONMember("Id", .string(String(index)))] + entry)
        }
        do throws(AWSError) {
            let reply = try await call(operation, [JSONMember("Entries", .array(numbered))])
            return SQS.results(of: reply, count: entries.count)
        } catch {
            return Array(repeating: .failure(error), count: entries.count)
        }
    }

    /// An entry that is named neither as successful nor as failed did not succeed.
    static func results(of reply: JSONDocument, count: Int) -> [Result<JSONNode, AWSError>] {
        let silence = Result<JSONNode, AWSError>.failure(AWSError(.badReply, "no word about this entry"))
        var results = Array(repeating: silence, count: count)
        func index(of entry: JSONNode) -> Int? {
            entry.member("Id")?.digits.flatMap { $0 < Int64(count) ? Int($0) : nil }
        }
        for entry in reply.root["Successful"]?.elements ?? [] {
            if let index = index(of: entry) { results[index] = .success(entry) }
        }
        for entry in reply.root["Failed"]?.elements ?? [] {
            if let index = index(of: entry) {
                results[index] = .failure(AWSError(entryCode: entry["Code"]?.string ?? ""))
            }
        }
        return results
    }

    // MARK: where the queue is

    private func call(_ name: String, _ members: [JSONMember]) async throws(AWSError) -> JSONDocument {
        let place = try await currentPlace()
        let body = JSONValue.object([JSONMember("QueueUrl", .string(place.url))] + members).serialised()
        return try await session.call(.sqs(name), at: place.endpoint, body: body)
    }

    private func currentPlace() async throws(AWSError) -> Place {
        if let known = place.withLock({ $0 }) { return known }
        let endpoint: AWSEndpoint
        do throws(Failure) {
            let region = if let own = address.region { own } else { try session.region() }
            endpoint = try session.endpoint(of: .sqs, in: region, origin: address.origin)
        } catch { throw AWSError(error) }
        let found = Place(url: try await findURL(at: endpoint), endpoint: endpoint)
        place.withLock { $0 = found }
        return found
    }

    private func findURL(at endpoint: AWSEndpoint) async throws(AWSError) -> String {
        if let url = address.url { return url }
        var members = [JSONMember("QueueName", .string(address.name))]
        if let account = address.account { members.append(JSONMember("QueueOwnerAWSAccountId", .string(account))) }
        let body = JSONValue.object(members).serialised()
        let reply = try await session.call(.sqs("GetQueueUrl"), at: endpoint, body: body)
        guard let url = reply.root["QueueUrl"]?.string else {
            throw AWSError(.badReply, "GetQueueUrl without QueueUrl")
        }
        return url
    }
}

extension QueueDescription {
    init(_ attributes: [String: String]) throws(AWSError) {
        func number(_ name: String, _ range: ClosedRange<Int>) throws(AWSError) -> Int {
            guard let number = attributes[name].flatMap({ Int($0) }), range.contains(number) else {
                throw AWSError(.badReply, "no \(name) that a queue can have")
            }
            return number
        }
        // What SetQueueAttributes takes: schedules and windows are made of these.
        self.init(
            isFIFO: attributes["FifoQueue"] == "true",
            visibilityTimeout: .seconds(try number("VisibilityTimeout", 0...43_200)),
            retention: .seconds(try number("MessageRetentionPeriod", 60...1_209_600)),
            maximumMessageSize: try number("MaximumMessageSize", 0...Int(Int32.max)),
            redrive: attributes["RedrivePolicy"].flatMap(Redrive.init(policy:)))
    }
}

extension QueueDescription.Redrive {
    /// `{"deadLetterTargetArn": "...", "maxReceiveCount": 5}`; the count is seen as a string, too.
    fileprivate init?(policy: String) {
        guard let policy = try? JSONValue.parse(policy), let target = policy["deadLetterTargetArn"]?.string,
            let count = policy["maxReceiveCount"]?.int ?? policy["maxReceiveCount"]?.string.flatMap({ Int64($0) }),
            count > 0
        else { return nil }
        self.init(target: target, maximumReceives: Int(count))
    }
}
