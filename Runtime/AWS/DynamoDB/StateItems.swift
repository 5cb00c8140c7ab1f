public import Events
import Pipeline
import StoreCommon
import Synchronization

// Handler state: one item for each key, with a version that never comes twice. What has expired is absent, whenever
// DynamoDB removes it.

extension DynamoDBStore {
    public func read(_ keys: [Bytes], of handler: HandlerID, at now: Instant) async throws(Failure) -> [StateValue] {
        let pending = memory.withLock { memory in
            keys.map { memory.pendingState[StateKey(handler: handler, key: $0)]?.read($0, at: now) }
        }
        let asked = zip(keys, pending).filter { $0.1 == nil }.map { TableLayout.state($0.0, of: handler) }
        let found = asked.isEmpty ? [:] : try await call { () throws(AWSError) in try await client.get(asked) }
        return zip(keys, pending).map { key, pending in
            pending ?? found[TableLayout.state(key, of: handler)]?.stateValue(key, at: now)
                ?? StateValue(key: key, value: [], version: 0)
        }
    }
}

extension Item {
    fileprivate func stateValue(_ key: Bytes, at now: Instant) -> StateValue? {
        if let end = instant("expires"), end <= now { return nil }
        return StateValue(key: key, value: bytes("value"), version: bits("version") ?? 0)
    }
}

extension Effects {
    /// One write for each key that was read or written, under the versions that were seen; `nil` if they contradict
    /// each other.
    func stateWrites(_ versions: [UInt64], of handler: HandlerID, at now: Instant) -> [Write]? {
        var expected: [Bytes: UInt64] = [:]
        for (key, version) in reads.map({ ($0.key, $0.version) }) + writes.compactMap({ write in
            write.expected.map { (write.key, $0) }
        }) {
            guard expected[key] == nil || expected[key] == version else { return nil }
            expected[key] = version
        }
        var last: [Bytes: (StateWrite, UInt64)] = [:]
        for (write, version) in zip(writes, versions) { last[write.key] = (write, version) }
        var seen: Set<Bytes> = []
        return (reads.map(\.key) + writes.map(\.key)).filter { seen.insert($0).inserted }.map { key in
            let place = TableLayout.state(key, of: handler)
            let condition = expected[key].map { Self.isCurrent($0, at: now) }
            guard let (write, version) = last[key] else { return Write(place, .check, if: condition) }
            guard let value = write.value else { return Write(place, .delete, if: condition) }
            var item = Item(place)
            item["value"] = .bytes(value)
            item["version"] = .bits(version)
            if let end = write.expires(from: now) {
                item["expires"] = .instant(end)
                item["ttl"] = .timeToLive(end)
            }
            return .put(item, if: condition)
        }
    }

    private static func isCurrent(_ version: UInt64, at now: Instant) -> Condition {
        if version == 0 { return .absent || Condition("#expires <= :now", [":now": .instant(now)]) }
        return Condition(
            "#version = :version AND (attribute_not_exists(#expires) OR #expires > :now)",
            [":version": .bits(version), ":now": .instant(now)])
    }
}
