import CSimdjson

/// A text that was read once, strictly, and is sliced ever after.
///
/// RFC 8259, and more: refused are duplicate keys (compared without escapes, as bytes), byte order marks, lone
/// surrogates, invalid UTF-8, numbers beyond a double, and nesting beyond the given depth.
public struct JSONDocument: @unchecked Sendable {
    // Unchecked: the storage is written by `init` alone.
    private let storage: JSONStorage

    /// Depths beyond this are cut to it: values are walked by recursion.
    public static let deepest = 512

    /// Keeps `bytes`, without a copy.
    /// - Parameter depth: containers within containers, at most ``deepest``.
    public init(_ bytes: ArraySlice<UInt8>, depth: Int = JSONValue.depth) throws(JSONError) {
        let depth = max(0, min(depth, JSONDocument.deepest))
        let outcome: Result<JSONStorage, JSONError> = bytes.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return .failure(JSONError(.empty)) }
            let result = csimdjson_parse(start, buffer.count, depth)
            if let kind = JSONError.Kind(result.status) { return .failure(JSONError(kind, at: result.offset)) }
            let storage = JSONStorage.create(minimumCapacity: result.count) { _ in
                JSONText(bytes: bytes, start: start)
            }
            storage.withUnsafeMutablePointerToElements { nodes in
                if let found = result.nodes { nodes.initialize(from: found, count: result.count) }
            }
            return .success(storage)
        }
        storage = try outcome.get()
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
