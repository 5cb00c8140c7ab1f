import Events

/// The order within FIFO groups: only the head of a group goes beyond verify.
struct Groups {
    private var members: [String: [Item]] = [:]

    /// How many groups have somebody in hand.
    var count: Int { members.count }

    func isHead(_ item: Item) -> Bool {
        guard let group = item.envelope.group else { return true }
        return members[group]?.first === item
    }

    mutating func enter(_ item: Item) {
        guard let group = item.envelope.group, !item.isInGroup else { return }
        item.isInGroup = true
        members[group, default: []].append(item)
    }

    /// - Returns: the new head, if the one that left was the head.
    mutating func leave(_ item: Item) -> Item? {
        guard item.isInGroup, let group = item.envelope.group,
            let place = members[group]?.firstIndex(where: { $0 === item })
        else { return nil }
        item.isInGroup = false
        members[group]?.remove(at: place)
        guard let next = members[group]?.first else {
            members[group] = nil
            return nil
        }
        return place == 0 ? next : nil
    }

    /// Everything behind the head, in receive order.
    func tail(behind head: Item) -> [Item] {
        guard let group = head.envelope.group else { return [] }
        return Array(members[group]?.dropFirst() ?? [])
    }
}
