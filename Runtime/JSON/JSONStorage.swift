import CSimdjson
import Glibc

/// A text, and its values by their places: one piece of memory that is written once and then shared. What its functions
/// say of one place, ``JSONNode`` and ``NamedMembers`` say to others.
typealias JSONStorage = ManagedBuffer<JSONText, csimdjson_node>

struct JSONText {
    let bytes: ArraySlice<UInt8>
    /// Where they lie. An array that nobody writes to stays where it is.
    let start: UnsafePointer<UInt8>
}

extension JSONStorage {
    /// For the time of the call: the text, and the values in its order.
    func read<Result>(_ body: (UnsafePointer<UInt8>, UnsafePointer<csimdjson_node>) -> Result) -> Result {
        withUnsafeMutablePointers { text, nodes in body(text.pointee.start, nodes) }
    }

    func node(_ place: Int) -> csimdjson_node { read { _, nodes in nodes[place] } }

    func code(_ place: Int) -> csimdjson_kind { csimdjson_kind(UInt32(node(place).kind)) }

    /// The value as it stands in the text.
    func raw(_ place: Int) -> ArraySlice<UInt8> {
        let node = node(place)
        return slice(Int(node.start), Int(node.end))
    }

    private func slice(_ start: Int, _ end: Int) -> ArraySlice<UInt8> {
        withUnsafeMutablePointerToHeader { text in
            let origin = text.pointee.bytes.startIndex
            return text.pointee.bytes[origin + start..<origin + end]
        }
    }

    /// True if the value stands in the text as these bytes.
    func isWritten(_ bytes: ArraySlice<UInt8>, _ place: Int) -> Bool {
        read { text, nodes in
            let (start, end) = (Int(nodes[place].start), Int(nodes[place].end))
            return hasSameBytes(UnsafeBufferPointer(start: text + start, count: end - start), bytes)
        }
    }

    // MARK: strings

    /// A string without quotes and escapes, for the time of the call; `nil` for anything else.
    func withString<Result>(_ place: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result? {
        read { text, nodes in
            let node = nodes[place]
            guard node.kind == UInt8(CSIMDJSON_STRING.rawValue) else { return nil }
            let inner = UnsafeBufferPointer(start: text + Int(node.start) + 1, count: Int(node.end - node.start) - 2)
            guard node.escaped else { return body(inner) }
            return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: inner.count) { plain in
                let count = csimdjson_unescape(inner.baseAddress, inner.count, plain.baseAddress)
                return body(UnsafeBufferPointer(rebasing: plain[..<count]))
            }
        }
    }

    func string(_ place: Int) -> String? { withString(place) { String(decoding: $0, as: UTF8.self) } }

    /// A slice of the text if the string has no escapes.
    func stringBytes(_ place: Int) -> ArraySlice<UInt8>? {
        let node = node(place)
        guard node.kind == UInt8(CSIMDJSON_STRING.rawValue) else { return nil }
        guard node.escaped else { return slice(Int(node.start) + 1, Int(node.end) - 1) }
        let most = Int(node.end - node.start) - 2
        return read { text, _ in
            let plain = [UInt8](unsafeUninitializedCapacity: most) { plain, count in
                count = csimdjson_unescape(text + Int(node.start) + 1, most, plain.baseAddress)
            }
            return plain[...]
        }
    }

    func isString(_ text: String, _ place: Int) -> Bool {
        withString(place) { bytes in
            guard bytes.count == text.utf8.count else { return false }
            return text.utf8.withContiguousStorageIfAvailable { hasSameBytes(bytes, $0) }
                ?? bytes.elementsEqual(text.utf8)
        } ?? false
    }

    func digits(_ place: Int) -> Int64? {
        withString(place) { text in
            guard 1...18 ~= text.count else { return nil }
            var value: Int64 = 0
            for byte in text {
                let digit = byte &- 0x30
                if digit > 9 { return nil }
                value = value &* 10 &+ Int64(digit)
            }
            return value
        } ?? nil
    }
}

/// Whether both have the same bytes.
func hasSameBytes(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    guard let start = a.baseAddress, let other = b.baseAddress else { return true }
    return memcmp(start, other, a.count) == 0
}

func hasSameBytes(_ a: UnsafeBufferPointer<UInt8>, _ b: ArraySlice<UInt8>) -> Bool {
    b.withUnsafeBufferPointer { hasSameBytes(a, $0) }
}
