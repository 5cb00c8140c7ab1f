import CSimdjson

/// A text that was read once, strictly, and is sliced ever after.
///
/// RFC 8259, and more: refused are duplicate keys (compared without escapes, as bytes), byte order marks, lone
/// surrogates, invalid UTF-8, numbers beyond a double, and nesting beyond the given depth.
public struct JSONDocument: Sendable {
    final class Storage: Sendable {
        let bytes: ArraySlice<UInt8>
        let nodes: [csimdjson_node]

        init(bytes: ArraySlice<UInt8>, nodes: [csimdjson_node]) {
            self.bytes = bytes
            self.nodes = nodes
        }
    }

    /// Depths beyond this are cut to it: values are walked by recursion.
    public static let deepest = 512

    let storage: Storage

    /// Keeps `bytes`, without a copy.
    /// - Parameter depth: containers within containers, at most ``deepest``.
    public init(_ bytes: ArraySlice<UInt8>, depth: Int = JSONValue.depth) throws(JSONError) {
        let depth = max(0, min(depth, JSONDocument.deepest))
        let outcome: Result<[csimdjson_node], JSONError> = bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return .failure(JSONError(.empty)) }
            let result = csimdjson_parse(base, buffer.count, depth)
            if let kind = JSONError.Kind(result.status) { return .failure(JSONError(kind, at: result.offset)) }
            return .success(Array(UnsafeBufferPointer(start: result.nodes, count: result.count)))
        }
        storage = Storage(bytes: bytes, nodes: try outcome.get())
    }

    public init(_ bytes: [UInt8], depth: Int = JSONValue.depth) throws(JSONError) {
        try self.init(bytes[...], depth: depth)
    }

    public var root: JSONNode { JSONNode(storage, 0) }
}

extension JSONError.Kind {
    init?(_ status: csimdjson_status) {
        switch status {
        case CSIMDJSON_OK: return nil
        case CSIMDJSON_EMPTY: self = .empty
        case CSIMDJSON_TOO_LARGE: self = .tooLarge
        case CSIMDJSON_BYTE_ORDER_MARK: self = .byteOrderMark
        case CSIMDJSON_BAD_UTF8: self = .badUTF8
        case CSIMDJSON_BAD_STRING: self = .badString
        case CSIMDJSON_BAD_ESCAPE: self = .badEscape
        case CSIMDJSON_LONE_SURROGATE: self = .loneSurrogate
        case CSIMDJSON_BAD_NUMBER: self = .badNumber
        case CSIMDJSON_NUMBER_RANGE: self = .numberRange
        case CSIMDJSON_INCOMPLETE: self = .incomplete
        case CSIMDJSON_TOO_DEEP: self = .tooDeep
        case CSIMDJSON_DUPLICATE_KEY: self = .duplicateKey
        case CSIMDJSON_NOT_INTEROPERABLE: self = .notInteroperable
        default: self = .unexpected
        }
    }
}
