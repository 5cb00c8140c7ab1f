public import Events

/// A list of texts as one value of a column: each as its length in four bytes, big-endian, and its UTF-8.
public enum TextList {
    public static func encode(_ texts: [String]) -> Bytes {
        var bytes: [UInt8] = []
        for var text in texts {
            text.withUTF8 { utf8 in
                withUnsafeBytes(of: UInt32(clamping: utf8.count).bigEndian) { bytes.append(contentsOf: $0) }
                bytes.append(contentsOf: utf8)
            }
        }
        return bytes[...]
    }

    /// What is not well formed ends the list.
    public static func decode(_ bytes: Bytes) -> [String] {
        var rest = bytes
        var texts: [String] = []
        while rest.count >= 4 {
            let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard count <= rest.count else { break }
            texts.append(String(decoding: rest.prefix(count), as: UTF8.self))
            rest = rest.dropFirst(count)
        }
        return texts
    }
}

extension Event.Trace {
    public var encoded: Bytes { TextList.encode([correlationID, userID, tenantID, deviceID, parent]) }

    public init(encoded: Bytes) {
        let texts = TextList.decode(encoded)
        func text(_ index: Int) -> String { index < texts.count ? texts[index] : "" }
        self.init(correlationID: text(0), userID: text(1), tenantID: text(2), deviceID: text(3), parent: text(4))
    }
}

extension [Attribute] {
    public var encoded: Bytes { TextList.encode(flatMap { [$0.name, $0.value] }) }

    public init(encoded: Bytes) {
        let texts = TextList.decode(encoded)
        self = stride(from: 0, to: texts.count - 1, by: 2).map { Attribute(name: texts[$0], value: texts[$0 + 1]) }
    }
}

extension [String: Int] {
    /// `class=count`, with semicolons between them; empty as a rule.
    public var counts: String { isEmpty ? "" : sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ";") }

    public init(counts: String) {
        self = [:]
        for pair in counts.split(separator: ";").prefix(Limits.retryClasses) {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2, let count = Int(parts[1]) { self[String(parts[0])] = count }
        }
    }
}
