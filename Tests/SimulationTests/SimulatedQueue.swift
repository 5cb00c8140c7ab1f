import Events
import Pipeline

/// A queue with SQS's habits: visibility, receive counts, handles that age, duplicates, FIFO groups.
final class SimulatedQueue {
    struct Message {
        let id: MessageID
        let body: Bytes
        let sentAt: Instant
        let group: String?
        var visibleAt: Instant
        var firstReceivedAt: Instant?
        var receives = 0
        var isDeleted = false
        /// A standard queue may give a deleted message once more.
        var isGhost = false
        var receipt: ReceiptHandle { ReceiptHandle("\(id.text)#\(receives)") }
    }

    let isFIFO: Bool
    let timeout: Duration
    private let agenda: Agenda
    private(set) var messages: [Message] = []

    init(isFIFO: Bool, timeout: Duration, agenda: Agenda) {
        self.isFIFO = isFIFO
        self.timeout = timeout
        self.agenda = agenda
    }

    func send(_ body: String, group: String?) {
        messages.append(
            Message(
                id: MessageID("m\(messages.count)"), body: Bytes(body), sentAt: agenda.now, group: group,
                visibleAt: agenda.now))
    }

    var left: [Message] { messages.filter { !$0.isDeleted } }

    func receive(atMost count: Int) -> [Envelope] {
        let now = agenda.now
        var blocked: Set<String> = []
        if isFIFO {
            blocked = Set(messages.filter { !$0.isDeleted && $0.visibleAt > now }.compactMap(\.group))
        }
        var places = messages.indices.filter { messages[$0].visibleAt <= now && isThere(messages[$0]) }
        if !isFIFO { places.shuffle(using: &agenda.random) }
        var taken: [Envelope] = []
        for place in places where taken.count < count {
            if let group = messages[place].group, blocked.contains(group) { continue }
            messages[place].receives += 1
            messages[place].isGhost = false
            messages[place].firstReceivedAt = messages[place].firstReceivedAt ?? now
            messages[place].visibleAt = now + timeout
            taken.append(envelope(messages[place]))
        }
        return taken
    }

    private func isThere(_ message: Message) -> Bool { !message.isDeleted || message.isGhost }

    private func envelope(_ message: Message) -> Envelope {
        Envelope(
            messageID: message.id, receipt: message.receipt, body: message.body, sentAt: message.sentAt,
            firstReceivedAt: message.firstReceivedAt ?? message.sentAt, receiveCount: message.receives,
            group: message.group)
    }

    /// Calls `check` before a message goes for good.
    func delete(_ receipts: [ReceiptHandle], check: (Message) -> Void) -> [Failure?] {
        receipts.map { receipt in
            guard let place = place(of: receipt) else { return nil }
            if messages[place].receipt != receipt {
                return isFIFO ? Failure(.settleDeleteFailed, "", "the handle has expired") : nil
            }
            check(messages[place])
            messages[place].isDeleted = true
            if !isFIFO, agenda.chance(3) {
                messages[place].isGhost = true
                messages[place].visibleAt = agenda.now + agenda.delay(upTo: 60_000)
            }
            return nil
        }
    }

    func changeVisibility(_ changes: [VisibilityChange]) -> [Failure?] {
        changes.map { change in
            guard let place = place(of: change.receipt), messages[place].receipt == change.receipt,
                !messages[place].isDeleted, messages[place].visibleAt > agenda.now
            else { return Failure(.settleDelayFailed, "", "not in flight") }
            messages[place].visibleAt = agenda.now + change.timeout
            return nil
        }
    }

    private func place(of receipt: ReceiptHandle) -> Int? {
        let name = receipt.text.prefix { $0 != "#" }
        return messages.firstIndex { $0.id.text == name }
    }
}
