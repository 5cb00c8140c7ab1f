import Cryptography
import Events
import Foundation
import JSON

/// A value as DynamoDB keeps it: text, a whole number or bytes; nothing else is used here.
/// Source: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
enum AttributeValue: Hashable, Sendable {
    case text(String)
    case integer(Int64)
    case bytes(Bytes)

    static func number(_ value: Int) -> AttributeValue { .integer(Int64(value)) }
    static func instant(_ value: Instant) -> AttributeValue { .integer(value.unixMilliseconds) }
    static func digest(_ value: Digest) -> AttributeValue { .bytes(value.bytes[...]) }
    static func bits(_ value: UInt64) -> AttributeValue { .integer(Int64(bitPattern: value)) }

    var json: JSONValue {
        switch self {
        case .text(let text): ["S": .string(text)]
        case .integer(let number): ["N": .string(String(number))]
        case .bytes(let bytes): ["B": .string(Data(bytes).base64EncodedString())]
        }
    }

    /// `nil` for a type that is not used here, and for what cannot be read.
    init?(_ node: JSONNode) {
        if let text = node["S"]?.string {
            self = .text(text)
        } else if let number = node["N"]?.string.flatMap({ Int64($0) }) {
            self = .integer(number)
        } else if let data = node["B"]?.string.flatMap({ Data(base64Encoded: $0) }) {
            self = .bytes([UInt8](data)[...])
        } else {
            return nil
        }
    }

    /// As DynamoDB counts it, or a little more.
    var size: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .integer: 12
        case .bytes(let bytes): bytes.count
        }
    }
}

/// Where an item is.
struct ItemKey: Hashable, Sendable {
    let partition: String
    let sort: String

    init(_ partition: String, _ sort: String = "-") {
        self.partition = partition
        self.sort = sort
    }

    var json: JSONValue { ["pk": AttributeValue.text(partition).json, "sk": AttributeValue.text(sort).json] }
}

/// One item of the table. What is missing reads as nothing: empty text, no bytes, zero.
struct Item: Sendable {
    let key: ItemKey
    private(set) var attributes: [String: AttributeValue] = [:]

    init(_ key: ItemKey) { self.key = key }

    /// - Returns: `nil` without a key.
    init?(_ node: JSONNode) {
        for (name, value) in node.members {
            guard let name = name.string, let value = AttributeValue(value) else { continue }
            attributes[name] = value
        }
        guard case .text(let partition) = attributes.removeValue(forKey: "pk"),
            case .text(let sort) = attributes.removeValue(forKey: "sk")
        else { return nil }
        key = ItemKey(partition, sort)
    }

    subscript(name: String) -> AttributeValue? {
        get { attributes[name] }
        set { attributes[name] = newValue }
    }

    /// Leaves out what is empty.
    mutating func set(_ name: String, _ text: String) { attributes[name] = text.isEmpty ? nil : .text(text) }

    func text(_ name: String) -> String { if case .text(let text) = attributes[name] { text } else { "" } }
    func bytes(_ name: String) -> Bytes { if case .bytes(let bytes) = attributes[name] { bytes } else { [] } }
    func integer(_ name: String) -> Int64? {
        if case .integer(let number) = attributes[name] { number } else { nil }
    }
    func number(_ name: String) -> Int { Int(integer(name) ?? 0) }
    func bits(_ name: String) -> UInt64? { integer(name).map { UInt64(bitPattern: $0) } }
    func instant(_ name: String) -> Instant? { integer(name).map(Instant.init(unixMilliseconds:)) }
    func digest(_ name: String) -> Digest? { Digest(bytes(name)) }

    var json: JSONValue {
        var members = [
            JSONMember("pk", AttributeValue.text(key.partition).json),
            JSONMember("sk", AttributeValue.text(key.sort).json),
        ]
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) { members.append(JSONMember(name, value.json)) }
        return .object(members)
    }

    /// Bytes that count against the 400 kB of an item and the 4 MB of a transaction.
    var size: Int {
        attributes.reduce(4 + key.partition.utf8.count + key.sort.utf8.count) { $0 + $1.key.utf8.count + $1.value.size }
    }
}
