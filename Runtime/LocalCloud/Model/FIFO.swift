// What makes a queue first-in-first-out: order within groups, and deduplication.

import Cryptography
import Events

/// The groups of a FIFO queue and their members, those in flight included: they keep their place.
struct MessageGroups: Sendable {
    struct Member: Sendable {
        let slot: Int
        let serial: UInt64
    }

    private struct Group: Sendable {
        var name: String
        var members = Line<Member>()
        var inFlight = 0
    }

    /// A group that may be received from, by the serial of its head.
    struct Opening: Comparable, Sendable {
        let serial: UInt64
        let group: Int
        static func < (a: Opening, b: Opening) -> Bool { a.serial < b.serial }
    }

    private var indices: [String: Int] = [:]
    private var groups: [Group] = []
    private var free: [Int] = []
    private var openings = MinimumHeap<Opening>()

    /// - Returns: the group's index.
    mutating func join(_ name: String, slot: Int, serial: UInt64) -> Int {
        let index: Int
        if let known = indices[name] {
            index = known
        } else {
            index = free.popLast() ?? groups.count
            if index == groups.count { groups.append(Group(name: name)) } else { groups[index].name = name }
            indices[name] = index
        }
        groups[index].members.append(Member(slot: slot, serial: serial))
        return index
    }

    mutating func count(_ group: Int, inFlight change: Int) { groups[group].inFlight += change }

    func isBlocked(_ group: Int) -> Bool { groups[group].inFlight > 0 }
    func members(_ group: Int) -> Line<Member> { groups[group].members }

    mutating func open(_ group: Int, serial: UInt64) { openings.insert(Opening(serial: serial, group: group)) }
    mutating func nextOpening() -> Opening? { openings.popFirst() }

    /// The first member that is alive; those before it are forgotten, and so is a group without any.
    mutating func head(_ group: Int, isAlive: (Member) -> Bool) -> Member? {
        while let first = groups[group].members.first {
            if isAlive(first) { return first }
            _ = groups[group].members.popFirst()
        }
        if indices[groups[group].name] == group {
            indices[groups[group].name] = nil
            groups[group].inFlight = 0
            free.append(group)
        }
        return nil
    }
}

extension QueueModel {
    /// Makes a group receivable if its head is ready and none of its messages is in flight.
    mutating func offer(_ group: Int) {
        let head = groups.head(group) { [slots] in slots[$0.slot]?.serial == $0.serial }
        guard let head, !groups.isBlocked(group), slots[head.slot]?.state == .ready else { return }
        groups.open(group, serial: head.serial)
    }

    mutating func receiveGroups(_ request: Request, _ reception: inout Reception) {
        while reception.messages.count < request.count, let opening = groups.nextOpening() {
            let head = groups.head(opening.group) { [slots] in slots[$0.slot]?.serial == $0.serial }
            guard let head, head.serial == opening.serial, !groups.isBlocked(opening.group) else { continue }
            let wanted = request.count - reception.messages.count
            for slot in receivable(of: opening.group, atMost: wanted, receiveLimit: request.receiveLimit) {
                hand(out: slot, request, &reception)
            }
        }
    }

    /// From the head on, as many as may be handed out at once, with those among them that are dead letters.
    private func receivable(of group: Int, atMost count: Int, receiveLimit: Int) -> [Int] {
        let members = groups.members(group)
        var chosen: [Int] = []
        var wanted = count
        for place in 0..<members.count where wanted > 0 {
            let member = members[place]
            guard let slot = slots[member.slot], slot.serial == member.serial else { continue }
            guard slot.state == .ready else { break }
            chosen.append(member.slot)
            if slot.receiveCount < receiveLimit { wanted -= 1 }
        }
        return chosen
    }
}

/// What a FIFO queue had within the last five minutes (SQS developer guide, "Exactly-once processing").
struct DeduplicationWindow: Sendable {
    struct Entry: Sendable {
        let messageID: String
        let sequenceNumber: String?
        let expires: Instant
    }

    static let length = Duration.minutes(5)

    private var entries: [String: Entry] = [:]
    private var order = Line<(key: String, expires: Instant)>()

    mutating func entry(for key: String, at now: Instant) -> Entry? {
        while let oldest = order.first, oldest.expires <= now {
            _ = order.popFirst()
            if entries[oldest.key]?.expires == oldest.expires { entries[oldest.key] = nil }
        }
        return entries[key]
    }

    mutating func add(_ key: String, messageID: String, sequenceNumber: String?, at now: Instant) {
        let expires = now + DeduplicationWindow.length
        entries[key] = Entry(messageID: messageID, sequenceNumber: sequenceNumber, expires: expires)
        order.append((key, expires))
    }

    /// Content-based deduplication: SHA-256 of the body, attributes left out.
    static func id(of body: Bytes) -> String { Hash.sha256(body).hexadecimal }
}
