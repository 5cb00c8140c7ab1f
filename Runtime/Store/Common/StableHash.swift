import Cryptography
public import Events

/// SHA-256 over fields, each preceded by its length: no two lists of fields hash alike, and the same list hashes
/// alike in every version.
public struct StableHash {
    public private(set) var bytes: [UInt8] = []

    public init() { bytes.reserveCapacity(1_024) }

    public mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            add(Int64(utf8.count))
            bytes.append(contentsOf: utf8)
        }
    }

    public mutating func add(_ field: Bytes) {
        add(Int64(field.count))
        bytes.append(contentsOf: field)
    }

    public mutating func add(_ digest: Digest) {
        add(32)
        digest.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    public mutating func add(_ number: Int64) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// A field that may be missing: its length says so.
    public mutating func add(_ number: Int64?) {
        add(number == nil ? 0 : 8)
        if let number { add(number) }
    }

    public func finish() -> Digest { Hash.sha256(bytes) }
}

extension Digest {
    public func withUnsafeBytes<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        let words = (high.0.bigEndian, high.1.bigEndian, low.0.bigEndian, low.1.bigEndian)
        return try Swift.withUnsafeBytes(of: words, body)
    }
}

/// Ids that the store derives. They are part of what is kept and sent: never change a formula.
public enum DerivedID {
    /// The signed id of a publication.
    public static func publication(parent: EventID, handler: HandlerID, ordinal: Int) -> String {
        var hash = StableHash()
        hash.add("outrigger.publication/1")
        hash.add(parent.issuer)
        hash.add(parent.text)
        hash.add(handler.text)
        hash.add(Int64(ordinal))
        return hash.finish().hexadecimal
    }

    /// The id of the event that a timer becomes. The fence of the commit that set it makes a timer that is set again,
    /// for the same moment, another event.
    public static func timer(handler: HandlerID, key: Bytes, due: Instant, fence: UInt64) -> String {
        var hash = StableHash()
        hash.add("outrigger.timer/1")
        hash.add(handler.text)
        hash.add(key)
        hash.add(due.unixMilliseconds)
        hash.add(Int64(bitPattern: fence))
        return hash.finish().hexadecimal
    }
}
