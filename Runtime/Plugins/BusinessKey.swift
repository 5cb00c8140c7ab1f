import Cryptography
import Events
import JSON

/// A handler's business idempotency key: what is found at its pointers, in order, together with the detail type.
struct BusinessKey: Sendable {
    private let pointers: [JSONPointer]

    /// `nil` for a handler without one.
    init?(_ texts: [String]) throws(Failure) {
        var pointers: [JSONPointer] = []
        for text in texts { pointers.append(try StateKeys.pointer(text, of: "business_key")) }
        if pointers.isEmpty { return nil }
        self.pointers = pointers
    }

    /// The hash of the parts, each with its length before it, so that no two lists of parts read the same.
    func digest(of event: Event) -> Result<Digest, Failure> {
        guard let payload = try? JSONValue.parse(event.detail) else {
            return .failure(Failure(.dedupKeyMissing, event.id.text, "the payload is not JSON"))
        }
        var hash = SHA256Stream()
        Self.add(Array(event.detailType.utf8), to: &hash)
        for pointer in pointers {
            guard let part = try? payload.at(pointer)?.canonical() else {
                return .failure(Failure(.dedupKeyMissing, event.id.text, "nothing at \(pointer)"))
            }
            Self.add(part, to: &hash)
        }
        return .success(hash.finish())
    }

    private static func add(_ part: [UInt8], to hash: inout SHA256Stream) {
        withUnsafeBytes(of: UInt64(part.count).littleEndian) { hash.update($0) }
        hash.update(part)
    }
}
