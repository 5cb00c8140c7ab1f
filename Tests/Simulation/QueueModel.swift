import Events
import Pipeline

/// A queue with the habits of SQS (Developer Guide: visibility timeout, FIFO delivery logic, dead-letter queues,
/// quotas): it gives a message again when its visibility ends, now and then before, and rarely after its delete; old
/// handles delete nothing; a group with a message in flight gives nothing more.
final class QueueModel {
    struct Message {
        enum Fate { case present, deleted, redriven, expired }
        let number: Int
        let script: Int
        let id: MessageID
        let body: Bytes
        let sentAt: Int64
        let group: Int
        var fate = Fate.present
        var visibleAt: Int64
        var receives = 0
        var firstReceivedAt: Int64 = -1
        var receivedAt: Int64 = 0
        /// Deleted, and given once more after this.
        var ghostAt: Int64?
        var receipt: ReceiptHandle { ReceiptHandle("m\(number)#\(receives)") }
    }
    /// A long poll that has nothing yet.
    private struct Waiting {
        let until: Int64
        let serve: (_ isLast: Bool) -> Bool
    }
    /// SQS: a message is invisible for at most so long after its receive.
    private static let longest: Int64 = 12 * 3_600_000

    private let agenda: Agenda
    private let shape: Shape
    private(set) var messages: [Message] = []
    private(set) var present = 0
    private var waiting: [Waiting] = []
    private var serveAt = Int64.max
    /// What the queue itself moved to its dead-letter queue, or dropped.
    var onRedrive: (Message) -> Void = { _ in }
    var onExpiry: (Message) -> Void = { _ in }

    init(_ shape: Shape, _ agenda: Agenda) {
        self.shape = shape
        self.agenda = agenda
    }

    func send(_ script: Script) {
        messages.append(
            Message(
                number: messages.count, script: script.number, id: MessageID("m\(messages.count)"), body: script.body,
                sentAt: agenda.now, group: script.group, visibleAt: agenda.now))
        present += 1
        changed()
    }

    func number(of id: MessageID) -> Int { Script.number(Bytes(id.text.utf8.dropFirst())) }

    // MARK: - receive

    func receive(atMost count: Int, repeats: Bool) -> Result<[Envelope], Failure> {
        let now = agenda.now
        var places: [Int] = []
        var blocked: Set<Int> = []
        var inFlight = 0
        for place in messages.indices {
            let message = messages[place]
            switch message.fate {
            case .present where message.visibleAt > now:
                inFlight += 1
                if shape.isFIFO { blocked.insert(message.group) }
                if repeats, !shape.isFIFO, message.receives > 0 { places.append(place) }
            case .present: places.append(place)
            case .deleted: if let at = message.ghostAt, at <= now { places.append(place) }
            case .redriven, .expired: break
            }
        }
        if !shape.isFIFO, inFlight >= shape.inFlightCap {
            return .failure(Failure(.receiveThrottled, "", "too many messages in flight"))
        }
        if !shape.isFIFO, places.count > 1 { places.shuffle(using: &agenda.random) }
        var taken: [Envelope] = []
        for place in places where taken.count < count && inFlight < shape.inFlightCap {
            if shape.isFIFO, blocked.contains(messages[place].group) { continue }
            guard take(place, at: now) else { continue }
            inFlight += 1
            taken.append(envelope(messages[place]))
        }
        return .success(taken)
    }

    private func take(_ place: Int, at now: Int64) -> Bool {
        if now - messages[place].sentAt >= shape.retention {
            leave(place, .expired)
            onExpiry(messages[place])
            return false
        }
        if messages[place].fate == .present, messages[place].receives >= shape.maximumReceives {
            leave(place, .redriven)
            onRedrive(messages[place])
            return false
        }
        messages[place].ghostAt = nil
        messages[place].receives += 1
        messages[place].receivedAt = now
        messages[place].visibleAt = now + shape.visibility
        if messages[place].firstReceivedAt < 0 { messages[place].firstReceivedAt = now }
        return true
    }

    private func leave(_ place: Int, _ fate: Message.Fate) {
        messages[place].fate = fate
        present -= 1
    }

    private func envelope(_ message: Message) -> Envelope {
        Envelope(
            messageID: message.id, receipt: message.receipt, body: message.body,
            sentAt: Agenda.instant(message.sentAt), firstReceivedAt: Agenda.instant(message.firstReceivedAt),
            receiveCount: message.receives, group: shape.isFIFO ? "g\(message.group)" : nil)
    }

    var depth: QueueDepth {
        let there = messages.filter { $0.fate == .present }
        let hidden = there.filter { $0.visibleAt > agenda.now }.count
        return QueueDepth(available: there.count - hidden, inFlight: hidden, delayed: 0)
    }

    // MARK: - long polls

    /// Asks `serve` whenever something may have become visible, until it says true; with `isLast` it must.
    func wait(until end: Int64, _ serve: @escaping (_ isLast: Bool) -> Bool) {
        waiting.append(Waiting(until: end, serve: serve))
        schedule()
    }

    func clear() { waiting = [] }

    private func changed() { if !waiting.isEmpty { schedule(soon: true) } }

    private func schedule(soon: Bool = false) {
        let now = agenda.now
        var next = soon ? now + 20 : Int64.max
        for poll in waiting { next = min(next, poll.until) }
        for message in messages {
            switch message.fate {
            case .present where message.visibleAt > now: next = min(next, message.visibleAt)
            case .deleted: if let at = message.ghostAt { next = min(next, max(at, now + 20)) }
            case .present, .redriven, .expired: break
            }
        }
        guard next < serveAt else { return }
        serveAt = next
        agenda.at(next) { [self] in
            guard serveAt == next else { return }
            serveAt = .max
            let polls = waiting
            waiting = []
            waiting += polls.filter { !$0.serve(agenda.now >= $0.until) }
            if !waiting.isEmpty { schedule() }
        }
    }

    // MARK: - delete and delay

    enum Deletion { case deleted, stale, gone }

    /// - Returns: what came of it, and the answer.
    func delete(_ receipt: ReceiptHandle) -> (Deletion, Failure?) {
        guard let place = place(of: receipt), messages[place].fate == .present else { return (.gone, nil) }
        guard messages[place].receipt == receipt else {
            return (.stale, shape.isFIFO ? Failure(.settleDeleteFailed, "", "the handle has expired") : nil)
        }
        leave(place, .deleted)
        changed()
        return (.deleted, nil)
    }

    /// A deleted message of a standard queue comes once more.
    func forgetsDelete(_ receipt: ReceiptHandle) {
        guard !shape.isFIFO, let place = place(of: receipt), messages[place].fate == .deleted else { return }
        messages[place].ghostAt = agenda.now + agenda.upTo(60_000)
        changed()
    }

    func changeVisibility(_ change: VisibilityChange) -> Failure? {
        let now = agenda.now
        let until = now + change.timeout.milliseconds
        guard let place = place(of: change.receipt), messages[place].receipt == change.receipt,
            messages[place].fate == .present, messages[place].visibleAt > now
        else { return Failure(.settleDelayFailed, "", "not in flight") }
        guard until - messages[place].receivedAt <= Self.longest else {
            return Failure(.settleDelayFailed, "", "beyond twelve hours")
        }
        messages[place].visibleAt = until
        changed()
        return nil
    }

    func place(of receipt: ReceiptHandle) -> Int? {
        let number = Script.number(Bytes(receipt.text.utf8.dropFirst().prefix { $0 != 0x23 }))
        return messages.indices.contains(number) ? number : nil
    }
}
