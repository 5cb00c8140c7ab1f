import Events

/// Bytes that may exceed what one item takes (400 kB): kept beside their item, in parts.
enum Parts {
    static let bytes = 350_000

    static func count(_ bytes: Bytes) -> Int { (bytes.count + Self.bytes - 1) / Self.bytes }

    static func items(_ bytes: Bytes, of owner: String, until end: Instant? = nil) -> [Item] {
        stride(from: 0, to: bytes.count, by: Self.bytes).enumerated().map { index, start in
            var item = Item(key(owner, index))
            item["bytes"] = .bytes(bytes.dropFirst(start).prefix(Self.bytes))
            item["ttl"] = end.map(AttributeValue.timeToLive)
            return item
        }
    }

    static func keys(of owner: String, count: Int) -> [ItemKey] { (0..<count).map { key(owner, $0) } }

    /// `nil` if one is missing.
    static func join(_ items: [ItemKey: Item], of owner: String, count: Int) -> Bytes? {
        var bytes = Bytes()
        for key in keys(of: owner, count: count) {
            guard let item = items[key] else { return nil }
            bytes += item.bytes("bytes")
        }
        return bytes
    }

    private static func key(_ owner: String, _ index: Int) -> ItemKey { ItemKey("parts#" + owner, String(index)) }
}
