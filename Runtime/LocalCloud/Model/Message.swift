// A message as a queue keeps it: its body, its attributes, and what never changes about it.

import Cryptography
public import Events
import JSON

/// The text of a message, kept as the JSON string that every answer carries, so that a receive copies and nothing more.
public struct MessageBody: Sendable, Hashable {
    /// With quotes and escapes.
    let json: Bytes
    private let isEscaped: Bool
    /// Without them.
    public let byteCount: Int
    /// MD5 of the text, in lower-case hexadecimal.
    let md5: String

    /// - Throws: `invalidMessageContents` for what is not UTF-8 or holds characters that XML 1.0 does not allow:
    ///   SQS refuses those (API reference, SendMessage, MessageBody).
    public init(_ text: Bytes) throws(ServiceError) {
        guard let valid = String(validating: text, as: UTF8.self) else { throw MessageBody.notAllowed }
        try self.init(json: JSONValue.string(valid).serialised()[...], text: text, isEscaped: true)
    }

    /// The string of a request, spelled as the client spelled it.
    init(_ node: JSONNode) throws(ServiceError) {
        // A copy: a slice would keep the whole request alive.
        try self.init(json: Array(node.raw)[...], text: node.stringBytes ?? [], isEscaped: node.isEscaped)
    }

    private init(json: Bytes, text: Bytes, isEscaped: Bool) throws(ServiceError) {
        guard !text.isEmpty else { throw ServiceError.missing("MessageBody") }
        guard MessageBody.isAllowed(text) else { throw MessageBody.notAllowed }
        self.json = json
        self.isEscaped = isEscaped
        byteCount = text.count
        md5 = Hexadecimal.text(of: Hash.md5(text))
    }

    public var text: Bytes {
        guard isEscaped else { return json.dropFirst().dropLast() }
        return (try? JSONDocument(json))?.root.stringBytes ?? []
    }

    /// #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF, of text that is UTF-8.
    static func isAllowed(_ text: Bytes) -> Bool {
        text.withUnsafeBufferPointer { bytes in
            for (index, byte) in bytes.enumerated() {
                if byte < 0x20 {
                    guard byte == 0x09 || byte == 0x0A || byte == 0x0D else { return false }
                } else if byte == 0xEF, index + 2 < bytes.count, bytes[index + 1] == 0xBF, bytes[index + 2] >= 0xBE {
                    return false
                }
            }
            return true
        }
    }

    private static let notAllowed = ServiceError(
        .invalidMessageContents, "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | "
            + "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
}

/// A message attribute of the sender's own (SQS developer guide, "Message attributes").
public struct MessageAttribute: Sendable, Hashable {
    public enum Value: Sendable, Hashable {
        case string(String)
        case binary([UInt8])
    }
    public let name: String
    /// `String`, `Number` or `Binary`, with a label of one's own after a dot.
    public let type: String
    public let value: Value

    /// - Throws: `invalidParameterValue` for a name or a type that SQS refuses.
    public init(name: String, type: String = "String", value: Value) throws(ServiceError) {
        guard Self.isName(name) else {
            throw ServiceError(
                .invalidParameterValue, "The message attribute name '\(name.prefix(256))' is invalid: 1 to 256 "
                    + "letters, digits, '_', '-' and '.', not starting with AWS. or Amazon.")
        }
        let kind = type.prefix { $0 != "." }
        let isBinary = if case .binary = value { true } else { false }
        guard type.utf8.count <= 256, isBinary ? kind == "Binary" : kind == "String" || kind == "Number" else {
            throw ServiceError(
                .invalidParameterValue, "The type of message (user) attribute '\(name)' is invalid. You must use "
                    + "only the following supported type prefixes: Binary, Number, String.")
        }
        if kind == "Number", case .string(let text) = value, Double(text)?.isFinite != true {
            throw ServiceError(
                .invalidParameterValue, "Can't cast the value of message attribute '\(name)' to a number.")
        }
        self.name = name
        self.type = type
        self.value = value
    }

    private static func isName(_ name: String) -> Bool {
        let lowered = name.lowercased()
        return (1...256).contains(name.utf8.count) && !lowered.hasPrefix("aws.") && !lowered.hasPrefix("amazon.")
            && !name.hasPrefix(".") && !name.hasSuffix(".") && !name.contains("..")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    /// What the attribute adds to the size of its message.
    var byteCount: Int {
        let value =
            switch value {
            case .string(let text): text.utf8.count
            case .binary(let bytes): bytes.count
            }
        return name.utf8.count + type.utf8.count + value
    }

    /// MD5OfMessageAttributes (SQS developer guide, "Calculating the MD5 message digest for message attributes").
    /// - Returns: `nil` without attributes.
    static func md5(_ attributes: some Collection<MessageAttribute>) -> String? {
        guard !attributes.isEmpty else { return nil }
        var text: [UInt8] = []
        func append(_ bytes: some Collection<UInt8>) {
            for shift in [24, 16, 8, 0] { text.append(UInt8(truncatingIfNeeded: bytes.count >> shift)) }
            text.append(contentsOf: bytes)
        }
        for attribute in attributes.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            append(attribute.name.utf8)
            append(attribute.type.utf8)
            switch attribute.value {
            case .string(let value):
                text.append(1)
                append(value.utf8)
            case .binary(let value):
                text.append(2)
                append(value)
            }
        }
        return Hexadecimal.text(of: Hash.md5(text))
    }
}

/// What a sender asks a queue to keep.
public struct MessageDraft: Sendable {
    public var body: MessageBody
    public var attributes: [MessageAttribute]
    /// The system attribute AWSTraceHeader.
    public var traceHeader: String?
    public var group: String?
    public var deduplicationID: String?
    /// `nil` for the queue's own.
    public var delay: Duration?

    public init(
        _ body: MessageBody, attributes: [MessageAttribute] = [], traceHeader: String? = nil, group: String? = nil,
        deduplicationID: String? = nil, delay: Duration? = nil
    ) {
        self.body = body
        self.attributes = attributes
        self.traceHeader = traceHeader
        self.group = group
        self.deduplicationID = deduplicationID
        self.delay = delay
    }

    var byteCount: Int { attributes.reduce(body.byteCount) { $0 + $1.byteCount } }
}

/// A message that a queue has. It never changes; what happens to it is the queue's to know.
public final class Message: Sendable {
    public let id: String
    public let body: MessageBody
    public let attributes: [MessageAttribute]
    let attributesMD5: String?
    public let traceHeader: String?
    public let group: String?
    public let deduplicationID: String?
    /// FIFO queues: twenty digits, growing.
    public let sequenceNumber: String?
    public let sentAt: Instant
    /// The ARN of the queue that it was dead-lettered from.
    public let deadLetterSource: String?

    init(id: String, _ draft: MessageDraft, sequenceNumber: String?, sentAt: Instant) {
        self.id = id
        body = draft.body
        attributes = draft.attributes
        attributesMD5 = MessageAttribute.md5(draft.attributes)
        traceHeader = draft.traceHeader
        group = draft.group
        deduplicationID = draft.deduplicationID
        self.sequenceNumber = sequenceNumber
        self.sentAt = sentAt
        deadLetterSource = nil
    }

    /// The same message in another queue.
    init(
        _ other: Message, id: String, deduplicationID: String?, sequenceNumber: String?, sentAt: Instant,
        deadLetterSource: String?
    ) {
        self.id = id
        body = other.body
        attributes = other.attributes
        attributesMD5 = other.attributesMD5
        traceHeader = other.traceHeader
        group = other.group
        self.deduplicationID = deduplicationID
        self.sequenceNumber = sequenceNumber
        self.sentAt = sentAt
        self.deadLetterSource = deadLetterSource
    }
}
