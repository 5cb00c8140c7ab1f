import Events

/// The order within FIFO groups: only the head of a group goes beyond verify.
struct Groups: Sendable {
    private var members: [String: [ItemID]] = [:]

    func isHead(_ id: ItemID, of group: String?) -> Bool {
        guard let group else { return true }
        return members[group]?.first == id
    }

    mutating func enter(_ id: ItemID, _ group: String?) {
        guard let group, members[group]?.contains(id) != true else { return }
        members[group, default: []].append(id)
    }

    /// - Returns: the new head, if the one that left was the head.
    mutating func leave(_ id: ItemID, _ group: String?) -> ItemID? {
        guard let group, var list = members[group], let place = list.firstIndex(of: id) else { return nil }
        list.remove(at: place)
        members[group] = list.isEmpty ? nil : list
        return place == 0 ? list.first : nil
    }

    /// Everything behind the head, in receive order.
    func tail(of group: String?) -> [ItemID] {
        guard let group, let list = members[group] else { return [] }
        return Array(list.dropFirst())
    }
}
