import Events

/// Everything in hand, and the names under which the world knows it. Each item has a place, by which it is found
/// without hashing.
struct Hand {
    private var places: [Item?] = []
    private var free: [Int] = []
    private var last: UInt64 = 0
    /// By the queue's name for a message: of each slot the first place, of each place the next one in its slot. Items
    /// keep the hashes of their names: one is made for what comes, none for what leaves or stands beside it.
    private var slots = [Int?](repeating: nil, count: 64)
    private var nexts: [Int?] = []

    var count: Int { places.count - free.count }
    var isEmpty: Bool { count == 0 }

    subscript(id: ItemID) -> Item? {
        guard id.place < places.count, let item = places[id.place], item.id == id else { return nil }
        return item
    }

    func has(_ item: Item) -> Bool { item.id.place < places.count && places[item.id.place] === item }

    /// Those of these that are in hand still.
    func all(_ ids: [ItemID]) -> [Item] {
        var items = [Item](room: ids.count)
        for id in ids { if let item = self[id] { items.append(item) } }
        return items
    }

    var items: some Sequence<Item> { places.lazy.compactMap { $0 } }
    /// The oldest first.
    var inOrder: [Item] { items.sorted { $0.id < $1.id } }

    /// - Returns: what is in hand under this name; a new item if there is none.
    mutating func take(_ envelope: Envelope, isTimer: Bool, at now: Instant) -> (item: Item, isNew: Bool) {
        let hash = envelope.messageID.hashValue
        if let item = item(envelope.messageID, hash) { return (item, false) }
        last += 1
        let place = free.popLast() ?? places.count
        let item = Item(
            id: ItemID(number: last, place: place), envelope: envelope, hash: hash, isTimer: isTimer, at: now)
        if place == places.count {
            places.append(item)
            nexts.append(nil)
        } else {
            places[place] = item
        }
        link(item)
        if count > slots.count { grow() }
        return (item, true)
    }

    /// - Returns: false if it is not in hand.
    mutating func drop(_ item: Item) -> Bool {
        guard has(item) else { return false }
        unlink(item)
        places[item.id.place] = nil
        free.append(item.id.place)
        return true
    }

    // MARK: - names

    private func slot(_ hash: Int) -> Int { hash & (slots.count - 1) }

    private func item(_ name: MessageID, _ hash: Int) -> Item? {
        var place = slots[slot(hash)]
        while let known = place {
            if let item = places[known], item.hash == hash, item.envelope.messageID == name { return item }
            place = nexts[known]
        }
        return nil
    }

    private mutating func link(_ item: Item) {
        let slot = slot(item.hash)
        nexts[item.id.place] = slots[slot]
        slots[slot] = item.id.place
    }

    private mutating func unlink(_ item: Item) {
        let (slot, place) = (slot(item.hash), item.id.place)
        guard var before = slots[slot], before != place else {
            slots[slot] = nexts[place]
            return
        }
        while let next = nexts[before], next != place { before = next }
        nexts[before] = nexts[place]
    }

    private mutating func grow() {
        slots = Array(repeating: nil, count: 2 * slots.count)
        for item in items { link(item) }
    }
}
