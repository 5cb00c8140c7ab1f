import Events

/// A list of texts as one value of a column: each as its length in four bytes, big-endian, and its UTF-8.
enum TextList {
    static func encode(_ texts: [String]) -> Bytes {
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
    static func decode(_ bytes: Bytes) -> [String] {
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
    var encoded: Bytes { TextList.encode([correlationID, userID, tenantID, deviceID, parent]) }

    init(encoded: Bytes) {
        let texts = TextList.decode(encoded)
        func text(_ index: Int) -> String { index < texts.count ? texts[index] : "" }
        self.init(correlationID: text(0), userID: text(1), tenantID: text(2), deviceID: text(3), parent: text(4))
    }
}

extension [Attribute] {
    var encoded: Bytes { TextList.encode(flatMap { [$0.name, $0.value] }) }

    init(encoded: Bytes) {
        let texts = TextList.decode(encoded)
        self = stride(from: 0, to: texts.count - 1, by: 2).map { Attribute(name: texts[$0], value: texts[$0 + 1]) }
    }
}
