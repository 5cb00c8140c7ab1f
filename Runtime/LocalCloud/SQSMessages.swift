// The calls that carry messages: one by one, and in batches.

import Events
import JSON

extension SQSService {
    // MARK: - send

    func send(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let queue = try queue(request)
        let draft = try SQSService.draft(request)
        let sent = try queue.send(draft)
        var text = JSONText()
        text.object { SQSService.write(sent, of: draft, to: &$0) }
        return text
    }

    private static func draft(_ request: JSONNode) throws(ServiceError) -> MessageDraft {
        guard let body = request["MessageBody"], body.kind == .string else {
            throw ServiceError.missing("MessageBody")
        }
        var attributes: [MessageAttribute] = []
        for (key, value) in request["MessageAttributes"]?.members ?? [] {
            attributes.append(try attribute(key.string ?? "", value))
        }
        return MessageDraft(
            try MessageBody(body), attributes: attributes,
            traceHeader: request["MessageSystemAttributes"]?["AWSTraceHeader"]?["StringValue"]?.string,
            group: request["MessageGroupId"]?.string, deduplicationID: request["MessageDeduplicationId"]?.string,
            delay: try seconds("DelaySeconds", in: request, 0...900))
    }

    private static func attribute(_ name: String, _ node: JSONNode) throws(ServiceError) -> MessageAttribute {
        let type = node["DataType"]?.string ?? ""
        if let text = node["StringValue"]?.string, !text.isEmpty {
            guard MessageBody.isAllowed(Bytes(text)) else {
                throw ServiceError(
                    .invalidMessageContents, "Invalid characters found in attribute \(name.prefix(256)).")
            }
            return try MessageAttribute(name: name, type: type, value: .string(text))
        }
        if let text = node["BinaryValue"]?.string, let bytes = Base64.decode(text), !bytes.isEmpty {
            return try MessageAttribute(name: name, type: type, value: .binary(bytes))
        }
        throw ServiceError(
            .invalidParameterValue,
            "The message attribute '\(name.prefix(256))' must contain a non-empty message attribute value.")
    }

    private static func write(_ sent: QueueModel.Sent, of draft: MessageDraft, to text: inout JSONText) {
        text.member("MessageId", sent.messageID)
        text.member("MD5OfMessageBody", draft.body.md5)
        if let md5 = MessageAttribute.md5(draft.attributes) { text.member("MD5OfMessageAttributes", md5) }
        if let md5 = draft.traceHeader.flatMap(SQSService.traceMD5) { text.member("MD5OfMessageSystemAttributes", md5) }
        if let number = sent.sequenceNumber { text.member("SequenceNumber", number) }
    }

    private static func traceMD5(_ trace: String) -> String? {
        let attribute = try? MessageAttribute(name: "AWSTraceHeader", value: .string(trace))
        return attribute.flatMap { MessageAttribute.md5([$0]) }
    }

    func sendBatch(_ request: JSONNode, _ faults: Faults?) throws(ServiceError) -> JSONText {
        let queue = try queue(request)
        let entries = try batch(request, "SendMessageBatchRequestEntry").map { entry in
            Entry(id: entry.id, content: Result { () throws(ServiceError) in try SQSService.draft(entry.content) })
        }
        let size = entries.reduce(0) { $0 + ((try? $1.content.get().byteCount) ?? 0) }
        guard size <= Limits.messageBytes else {
            throw ServiceError(
                .batchTooLong, "Batch requests cannot be longer than \(Limits.messageBytes) bytes. "
                    + "You have sent \(size) bytes.")
        }
        return answer(entries, faults) { content, text throws(ServiceError) in
            let draft = try content.get()
            SQSService.write(try queue.send(draft), of: draft, to: &text)
        }
    }

    // MARK: - receive

    func receive(_ request: JSONNode, _ faults: Faults?) async throws(ServiceError) -> JSONText {
        let queue = try queue(request)
        let count = request["MaxNumberOfMessages"]?.int ?? 1
        let visibility = try SQSService.seconds("VisibilityTimeout", in: request, 0...43_200)
        let wait = try SQSService.seconds("WaitTimeSeconds", in: request, 0...20) ?? queue.settings.receiveWait
        let messages = try await queue.receive(
            atMost: Int(clamping: count), visibility: visibility, wait: wait,
            deadLetters: queues.deadLetterQueue(of: queue))
        if let faults, faults.duplicate > 0 {
            for message in messages where self.faults.happens(faults.duplicate) { queue.duplicate(message.receipt) }
        }
        let rendering = Rendering(request, isFIFO: queue.settings.isFIFO)
        let size = messages.reduce(64) { $0 + $1.message.body.json.count + 512 }
        var text = JSONText(reserving: size)
        text.object { text in
            guard !messages.isEmpty else { return }
            text.key("Messages")
            text.array(messages) { rendering.write($1, to: &$0) }
        }
        return text
    }

    /// What of a message the request wants to see.
    private struct Rendering {
        private let systemNames: Set<String>
        private let attributeNames: [String]

        init(_ request: JSONNode, isFIFO: Bool) {
            var system = Set<String>()
            for list in ["AttributeNames", "MessageSystemAttributeNames"] {
                system.formUnion(request[list]?.elements.compactMap(\.string) ?? [])
            }
            systemNames = system
            attributeNames = request["MessageAttributeNames"]?.elements.compactMap(\.string) ?? []
        }

        func write(_ received: ReceivedMessage, to text: inout JSONText) {
            let message = received.message
            text.object { text in
                text.member("MessageId", message.id)
                text.member("ReceiptHandle", received.receipt)
                text.member("MD5OfBody", message.body.md5)
                text.key("Body")
                text.raw(message.body.json)
                if !systemNames.isEmpty { writeSystemAttributes(received, to: &text) }
                writeAttributes(message, to: &text)
            }
        }

        private func writeSystemAttributes(_ received: ReceivedMessage, to text: inout JSONText) {
            let message = received.message
            let all = systemNames.contains("All")
            text.key("Attributes")
            text.object { text in
                func write(_ name: StaticString, _ value: @autoclosure () -> String?) {
                    guard all || systemNames.contains(name.description), let value = value() else { return }
                    text.member(name, value)
                }
                write("SenderId", SQSService.senderID)
                write("ApproximateFirstReceiveTimestamp", String(received.firstReceivedAt.unixMilliseconds))
                write("ApproximateReceiveCount", String(received.receiveCount))
                write("SentTimestamp", String(message.sentAt.unixMilliseconds))
                write("SequenceNumber", message.sequenceNumber)
                write("MessageDeduplicationId", message.deduplicationID)
                write("MessageGroupId", message.group)
                write("AWSTraceHeader", message.traceHeader)
                write("DeadLetterQueueSourceArn", message.deadLetterSource)
            }
        }

        private func writeAttributes(_ message: Message, to text: inout JSONText) {
            guard !attributeNames.isEmpty, !message.attributes.isEmpty else { return }
            let wanted = message.attributes.filter { isWanted($0.name) }
            guard !wanted.isEmpty else { return }
            let md5 = wanted.count == message.attributes.count ? message.attributesMD5 : MessageAttribute.md5(wanted)
            text.member("MD5OfMessageAttributes", md5 ?? "")
            text.key("MessageAttributes")
            text.object { text in
                for attribute in wanted {
                    text.key(attribute.name)
                    text.object { text in
                        switch attribute.value {
                        case .string(let value): text.member("StringValue", value)
                        case .binary(let value): text.member("BinaryValue", Base64.encode(value))
                        }
                        text.member("DataType", attribute.type)
                    }
                }
            }
        }

        /// `All`, `.*`, a name, or `prefix.*`.
        private func isWanted(_ name: String) -> Bool {
            attributeNames.contains { wanted in
                wanted == "All" || wanted == ".*" || wanted == name
                    || (wanted.hasSuffix(".*") && name.hasPrefix(wanted.dropLast(1)))
            }
        }
    }

    private static let senderID = "AIDALOCALCLOUD0000000"

    // MARK: - delete, visibility

    func delete(_ request: JSONNode) throws(ServiceError) -> JSONText {
        try queue(request).delete(try SQSService.text("ReceiptHandle", in: request))
        return .emptyObject
    }

    func deleteBatch(_ request: JSONNode, _ faults: Faults?) throws(ServiceError) -> JSONText {
        let queue = try queue(request)
        return answer(try batch(request, "DeleteMessageBatchRequestEntry"), faults) {
            node, _ throws(ServiceError) in try queue.delete(try SQSService.text("ReceiptHandle", in: node))
        }
    }

    func changeVisibility(_ request: JSONNode) throws(ServiceError) -> JSONText {
        try SQSService.changeVisibility(try queue(request), request)
        return .emptyObject
    }

    func changeVisibilityBatch(_ request: JSONNode, _ faults: Faults?) throws(ServiceError) -> JSONText {
        let queue = try queue(request)
        return answer(try batch(request, "ChangeMessageVisibilityBatchRequestEntry"), faults) {
            node, _ throws(ServiceError) in try SQSService.changeVisibility(queue, node)
        }
    }

    private static func changeVisibility(_ queue: QueueHost, _ node: JSONNode) throws(ServiceError) {
        guard let timeout = try seconds("VisibilityTimeout", in: node, 0...43_200) else {
            throw ServiceError.missing("VisibilityTimeout")
        }
        try queue.changeVisibility(try text("ReceiptHandle", in: node), to: timeout)
    }

    // MARK: - batches

    private struct Entry<Content> {
        let id: String
        let content: Content
    }

    /// What refuses the whole batch.
    private func batch(_ request: JSONNode, _ name: String) throws(ServiceError) -> [Entry<JSONNode>] {
        let nodes = request["Entries"]?.elements ?? []
        guard !nodes.isEmpty else {
            throw ServiceError(.emptyBatchRequest, "There should be at least one \(name) in the request.")
        }
        guard nodes.count <= Limits.batchEntries else {
            throw ServiceError(
                .tooManyEntries, "Maximum number of entries per request are \(Limits.batchEntries). "
                    + "You have sent \(nodes.count).")
        }
        var ids = Set<String>()
        var entries: [Entry<JSONNode>] = []
        for node in nodes {
            let id = node["Id"]?.string ?? ""
            guard (1...80).contains(id.utf8.count), id.utf8.allSatisfy(SQSService.isIDByte) else {
                throw ServiceError(
                    .invalidEntryId, "A batch entry id can only contain alphanumeric characters, hyphens and "
                        + "underscores. It can be at most 80 letters long.")
            }
            guard ids.insert(id).inserted else { throw ServiceError(.entryIdsNotDistinct, "Id \(id) repeated.") }
            entries.append(Entry(id: id, content: node))
        }
        return entries
    }

    private static func isIDByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// Entry by entry, whatever happens to the others.
    private func answer<Content>(
        _ entries: [Entry<Content>], _ faults: Faults?,
        _ perform: (Content, inout JSONText) throws(ServiceError) -> Void
    ) -> JSONText {
        var failures: [(id: String, error: ServiceError)] = []
        var successes: [Bytes] = []
        for entry in entries {
            do throws(ServiceError) {
                if let faults, self.faults.happens(faults.partialFailure) {
                    throw ServiceError(.internalFailure, "A fault on demand.")
                }
                var problem: ServiceError?
                var text = JSONText()
                text.object { text in
                    text.member("Id", entry.id)
                    do throws(ServiceError) { try perform(entry.content, &text) } catch { problem = error }
                }
                if let problem { throw problem }
                successes.append(text.bytes[...])
            } catch {
                failures.append((entry.id, error))
            }
        }
        var text = JSONText()
        text.object { text in
            text.key("Successful")
            text.array(successes) { $0.raw($1) }
            guard !failures.isEmpty else { return }
            text.key("Failed")
            text.array(failures) { text, failure in
                text.object { text in
                    text.member("Id", failure.id)
                    text.member("Code", failure.error.queryCode)
                    text.member("Message", failure.error.message)
                    text.key("SenderFault")
                    text.flag(failure.error.isFaultOfSender)
                }
            }
        }
        return text
    }
}
