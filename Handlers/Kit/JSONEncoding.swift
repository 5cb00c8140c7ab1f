/// JSON from Swift types: exact, and without Foundation.

extension JSON {
    /// Encodes a value. An ``Amount`` becomes a text, so that no reader rounds it; the absent is left out.
    ///
    /// - Throws: `EncodingError` for what JSON cannot say, such as an infinite number; and whatever the type's own
    ///   `encode(to:)` throws.
    public init(encoding value: some Encodable) throws {
        let slot = EncodedSlot()
        try ValueEncoder(slot: slot, codingPath: []).encode(value)
        self = slot.json
    }
}

/// The place of one value that is being encoded: containers fill theirs after they were handed out.
final class EncodedSlot {
    private var value: JSON?
    private var members: [(key: String, slot: EncodedSlot)] = []
    private var elements: [EncodedSlot]?

    /// A type that encoded nothing is an object without members.
    var json: JSON {
        if let value { return value }
        if let elements { return .array(elements.map(\.json)) }
        var object = JSON.Members()
        for member in members { object.set(member.key, member.slot.json) }
        return .object(object)
    }

    var count: Int { elements?.count ?? 0 }

    func set(_ json: JSON) { value = json }
    func becomeList() { elements = elements ?? [] }

    func member(_ key: String) -> EncodedSlot {
        let slot = EncodedSlot()
        members.append((key, slot))
        return slot
    }

    func element() -> EncodedSlot {
        let slot = EncodedSlot()
        becomeList()
        elements?.append(slot)
        return slot
    }
}

struct ValueEncoder: Encoder, SingleValueEncodingContainer {
    let slot: EncodedSlot
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func encodeNil() { slot.set(.null) }

    func encode<Value: Encodable>(_ value: Value) throws {
        guard let leaf = value as? any JSONLeaf else { return try value.encode(to: self) }
        guard let json = leaf.encoded() else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: codingPath, debugDescription: "JSON has no such number"))
        }
        slot.set(json)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(EncodedMembers<Key>(slot: slot, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        slot.becomeList()
        return EncodedElements(slot: slot, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

private struct EncodedMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let slot: EncodedSlot
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) { child(key).encodeNil() }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try child(key).encode(value) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        child(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { child(key).unkeyedContainer() }

    /// A superclass writes its members where the class has its own.
    func superEncoder() -> any Encoder { ValueEncoder(slot: slot, codingPath: codingPath) }
    func superEncoder(forKey key: Key) -> any Encoder { child(key) }

    private func child(_ key: Key) -> ValueEncoder {
        ValueEncoder(slot: slot.member(key.stringValue), codingPath: codingPath + [key])
    }
}

private struct EncodedElements: UnkeyedEncodingContainer {
    let slot: EncodedSlot
    let codingPath: [any CodingKey]
    var count: Int { slot.count }

    func encodeNil() { child.encodeNil() }
    func encode<Value: Encodable>(_ value: Value) throws { try child.encode(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        child.container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { child.unkeyedContainer() }
    func superEncoder() -> any Encoder { child }

    /// A place at the end of the list.
    private var child: ValueEncoder {
        ValueEncoder(slot: slot.element(), codingPath: codingPath + [ElementKey(index: count - 1)])
    }
}
