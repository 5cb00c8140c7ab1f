// The Amazon SQS API over the AWS JSON 1.0 protocol: requests to calls, results to answers.

import Events
import JSON

/// Source: Amazon SQS API reference.
struct SQSService: Sendable {
    let queues: QueueRegistry
    let faults: FaultInjector
    /// `http://127.0.0.1:4566/000000000000/`, to which a name is added.
    let urlPrefix: @Sendable () -> String

    func answer(_ operation: String, _ request: JSONNode, _ faults: Faults?) async throws(ServiceError) -> JSONText {
        switch operation {
        case "SendMessage": return try send(request)
        case "ReceiveMessage": return try await receive(request, faults)
        case "DeleteMessage": return try delete(request)
        case "ChangeMessageVisibility": return try changeVisibility(request)
        case "SendMessageBatch": return try sendBatch(request, faults)
        case "DeleteMessageBatch": return try deleteBatch(request, faults)
        case "ChangeMessageVisibilityBatch": return try changeVisibilityBatch(request, faults)
        case "CreateQueue": return try createQueue(request)
        case "GetQueueUrl": return try getQueueURL(request)
        case "ListQueues": return listQueues(request)
        case "GetQueueAttributes": return try getAttributes(request)
        case "SetQueueAttributes": return try setAttributes(request)
        case "PurgeQueue": return try purge(request)
        case "DeleteQueue": return try deleteQueue(request)
        case "ListDeadLetterSourceQueues": return try listSources(request)
        case "StartMessageMoveTask": return try startMove(request)
        case "ListMessageMoveTasks": return try listMoves(request)
        default:
            throw ServiceError(.unknownOperation, "The action \(operation.prefix(64)) is not valid for this endpoint.")
        }
    }

    // MARK: - what requests say

    /// The name in a queue's URL: what follows the last slash.
    static func queueName(_ request: JSONNode) -> String? {
        guard let url = request["QueueUrl"]?.string else { return nil }
        return url.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(url[url.utf8.index(after: $0)...]) } ?? url
    }

    func queue(_ request: JSONNode) throws(ServiceError) -> QueueHost {
        guard let name = SQSService.queueName(request) else { throw ServiceError.missing("QueueUrl") }
        return try queues.queue(named: name)
    }

    static func text(_ name: String, in request: JSONNode) throws(ServiceError) -> String {
        guard let text = request[name]?.string, !text.isEmpty else { throw ServiceError.missing(name) }
        return text
    }

    static func seconds(
        _ name: String, in request: JSONNode, _ range: ClosedRange<Int64>
    ) throws(ServiceError) -> Duration? {
        guard let node = request[name], !node.isNull else { return nil }
        guard let seconds = node.int, range.contains(seconds) else {
            throw ServiceError.invalid(
                node.raw.text.prefix(32).description, for: name,
                "Must be >= \(range.lowerBound) and <= \(range.upperBound), if provided.")
        }
        return .seconds(seconds)
    }

    private static func attributes(_ request: JSONNode) throws(ServiceError) -> [(name: String, value: String)] {
        var attributes: [(name: String, value: String)] = []
        for (key, value) in request["Attributes"]?.members ?? [] {
            guard let name = key.string, let text = value.string else {
                throw ServiceError(.malformed, "Attributes are strings.")
            }
            attributes.append((name, text))
        }
        return attributes
    }

    // MARK: - queues

    private func createQueue(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let name = try SQSService.text("QueueName", in: request)
        let queue = try queues.create(name, try SQSService.attributes(request))
        return url(of: queue)
    }

    private func getQueueURL(_ request: JSONNode) throws(ServiceError) -> JSONText {
        url(of: try queues.queue(named: try SQSService.text("QueueName", in: request)))
    }

    private func url(of queue: QueueHost) -> JSONText {
        var text = JSONText()
        text.object { $0.member("QueueUrl", urlPrefix() + queue.name) }
        return text
    }

    private func listQueues(_ request: JSONNode) -> JSONText {
        let prefix = request["QueueNamePrefix"]?.string ?? ""
        var text = JSONText()
        text.object { text in
            text.key("QueueUrls")
            text.array(queues.all.filter { $0.name.hasPrefix(prefix) }) { $0.string(urlPrefix() + $1.name) }
        }
        return text
    }

    private func getAttributes(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let queue = try queue(request)
        let names = Set(request["AttributeNames"]?.elements.compactMap(\.string) ?? [])
        let known = queue.read { model in
            model.settings.attributes + [
                ("QueueArn", model.arn),
                ("ApproximateNumberOfMessages", String(model.readyCount)),
                ("ApproximateNumberOfMessagesNotVisible", String(model.inFlightCount)),
                ("ApproximateNumberOfMessagesDelayed", String(model.delayedCount)),
                ("CreatedTimestamp", String(model.createdAt.unixMilliseconds / 1000)),
                ("LastModifiedTimestamp", String(model.changedAt.unixMilliseconds / 1000)),
            ]
        }
        var text = JSONText()
        text.object { text in
            text.key("Attributes")
            text.object { text in
                for (name, value) in known where names.contains("All") || names.contains(name) {
                    text.key(name)
                    text.string(value)
                }
            }
        }
        return text
    }

    private func setAttributes(_ request: JSONNode) throws(ServiceError) -> JSONText {
        try queues.set(try SQSService.attributes(request), of: try queue(request))
        return .emptyObject
    }

    private func purge(_ request: JSONNode) throws(ServiceError) -> JSONText {
        try queue(request).purge()
        return .emptyObject
    }

    private func deleteQueue(_ request: JSONNode) throws(ServiceError) -> JSONText {
        queues.delete(try queue(request))
        return .emptyObject
    }

    private func listSources(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let sources = queues.sources(of: try queue(request))
        var text = JSONText()
        text.object { text in
            text.key("queueUrls")
            text.array(sources) { $0.string(urlPrefix() + $1.name) }
        }
        return text
    }

    // MARK: - moving dead letters back

    private func startMove(_ request: JSONNode) throws(ServiceError) -> JSONText {
        if let rate = request["MaxNumberOfMessagesPerSecond"]?.int, !(1...500).contains(rate) {
            throw ServiceError.invalid("\(rate)", for: "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500.")
        }
        let task = try queues.move(
            from: try SQSService.text("SourceArn", in: request), to: request["DestinationArn"]?.string)
        var text = JSONText()
        text.object { $0.member("TaskHandle", task.handle) }
        return text
    }

    private func listMoves(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let most = max(1, min(request["MaxResults"]?.int ?? 1, 10))
        let tasks = try queues.moves(from: try SQSService.text("SourceArn", in: request)).prefix(Int(most))
        var text = JSONText()
        text.object { text in
            text.key("Results")
            text.array(tasks) { text, task in
                text.object { text in
                    text.member("Status", task.failure == nil ? "COMPLETED" : "FAILED")
                    text.member("SourceArn", task.source)
                    if let destination = task.destination { text.member("DestinationArn", destination) }
                    text.member("ApproximateNumberOfMessagesMoved", task.moved)
                    text.member("ApproximateNumberOfMessagesToMove", task.moved)
                    text.member("StartedTimestamp", Int(task.startedAt.unixMilliseconds))
                    if let failure = task.failure { text.member("FailureReason", failure) }
                }
            }
        }
        return text
    }
}

extension JSONText {
    static let emptyObject: JSONText = {
        var text = JSONText()
        text.object { _ in }
        return text
    }()
}
