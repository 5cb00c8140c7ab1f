public import Cryptography
public import Events

/// What happens to key sets, as values: each log line and metric derives from one of these.
public enum KeySetEvent: Sendable {
    /// A document was taken over. `retired` keys were in the last one and are not in this.
    case fetched(keys: Int, added: Int, retired: Int)
    /// `keys.unreachable` or `keys.refused`: the last good document stays in use.
    case failed(Failure)
    /// A token named a key that no set for its source has.
    case unknownKey
    /// A key that was known under one variant verified a signature under another, too.
    case secondVariant(keyID: String, SignatureVariant)
}

/// Hears of key sets, from any task: it must not block.
public protocol KeySetObserver: Sendable {
    func note(_ event: KeySetEvent, of keySet: String)
}

/// Reads the document of one key set from the one place where it is.
public protocol KeySetFetcher: Sendable {
    /// At most ``Limits/keySetBytes``, as they were sent.
    /// - Throws: `keys.unreachable`, `keys.refused`.
    func fetch() async throws(Failure) -> Bytes
}
