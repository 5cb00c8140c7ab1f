public import Events
import JSON

/// A message to be sent to a queue.
public struct OutgoingMessage: Sendable {
    public var body: Bytes
    public var attributes: [Attribute]
    /// For FIFO targets; others are sent neither group nor deduplication id.
    public var group: String
    public var deduplicationID: String

    public init(body: Bytes, attributes: [Attribute] = [], group: String = "", deduplicationID: String = "") {
        self.body = body
        // SQS takes no empty value.
        self.attributes = attributes.filter { !$0.value.isEmpty }
        self.group = group
        self.deduplicationID = deduplicationID
    }

    private static let dataType = "String"

    /// What SQS counts: the body, and name, type and value of each attribute.
    /// Source: docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    public var size: Int {
        attributes.reduce(body.count) { size, attribute in
            size + attribute.name.utf8.count + OutgoingMessage.dataType.utf8.count + attribute.value.utf8.count
        }
    }

    func members(isFIFO: Bool) -> [JSONMember] {
        var members = [JSONMember("MessageBody", .string(body.text))]
        if !attributes.isEmpty {
            let values = attributes.map { attribute in
                JSONMember(
                    attribute.name,
                    ["DataType": .string(OutgoingMessage.dataType), "StringValue": .string(attribute.value)])
            }
            members.append(JSONMember("MessageAttributes", .object(values)))
        }
        if isFIFO {
            members.append(JSONMember("MessageGroupId", .string(group)))
            members.append(JSONMember("MessageDeduplicationId", .string(deduplicationID)))
        }
        return members
    }
}
