public import Events

/// A key of one handler's state.
public struct StateKey: Hashable, Sendable {
    public let handler: HandlerID
    public let key: Bytes
    public init(handler: HandlerID, key: Bytes) {
        self.handler = handler
        self.key = key
    }
}

/// A write that was answered done and waits for its commit: what reads see until then.
public struct PendingValue: Sendable {
    /// `nil` for a key that was erased.
    public let value: Bytes?
    public let version: UInt64
    public let expires: Instant?

    public init(value: Bytes?, version: UInt64, expires: Instant?) {
        self.value = value
        self.version = version
        self.expires = expires
    }

    public func read(_ key: Bytes, at now: Instant) -> StateValue {
        guard let value, expires.map({ $0 > now }) ?? true else { return StateValue(key: key, value: [], version: 0) }
        return StateValue(key: key, value: value, version: version)
    }
}

extension StateWrite {
    /// Longer than any store lives, short enough to add to any moment.
    private static let longest = Int64(100 * 366 * 86_400_000)

    public func expires(from now: Instant) -> Instant? {
        timeToLive.map { now + .milliseconds(min(max($0.milliseconds, 0), Self.longest)) }
    }
}
