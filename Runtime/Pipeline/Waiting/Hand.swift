import Events

/// Everything in hand, and the names under which the world knows it. Each item has a place, by which it is found
/// without hashing.
struct Hand {
    private var places: [Item?] = []
    private var free: [Int] = []
    private var byMessage: [MessageID: Item] = [:]
    private var last: UInt64 = 0

    var count: Int { byMessage.count }
    var isEmpty: Bool { byMessage.isEmpty }

    subscript(id: ItemID) -> Item? {
        guard id.place < places.count, let item = places[id.place], item.id == id else { return nil }
        return item
    }
    subscript(message: MessageID) -> Item? { byMessage[message] }

    /// Those of these that are in hand still.
    func all(_ ids: [ItemID]) -> [Item] {
        var items: [Item] = []
        items.reserveCapacity(ids.count)
        for id in ids { if let item = self[id] { items.append(item) } }
        return items
    }

    var items: some Sequence<Item> { byMessage.values }
    /// The oldest first.
    var inOrder: [Item] { byMessage.values.sorted { $0.id < $1.id } }

    mutating func take(_ envelope: Envelope, isTimer: Bool, at now: Instant) -> Item {
        last += 1
        let place = free.popLast() ?? places.count
        let item = Item(id: ItemID(number: last, place: place), envelope: envelope, isTimer: isTimer, at: now)
        if place < places.count { places[place] = item } else { places.append(item) }
        byMessage[envelope.messageID] = item
        return item
    }

    /// - Returns: false if it is not in hand.
    mutating func drop(_ item: Item) -> Bool {
        guard self[item.id] != nil else { return false }
        places[item.id.place] = nil
        free.append(item.id.place)
        byMessage[item.envelope.messageID] = nil
        return true
    }
}
