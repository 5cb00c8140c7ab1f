import Events
import Pipeline

/// One account of what became of an event or of a refused message: the journal's rows, the ledger's word, and where it
/// stands now, put together.
struct Explanation: Sendable {
    /// What one queue's consumer did with it.
    struct Consumer: Sendable {
        let queue: String
        var handler = ""
        /// The key that verified it.
        var keyID = ""
        var messages: [Message] = []
        /// Runs that counted, and the refusals of what never ran.
        var runs: [JournalEntry] = []
        var duplicates: [JournalEntry] = []
        var account: LedgerAccount?
        var standing: [Standing] = []
    }
    struct Message: Sendable, Hashable {
        let id: String
        let sentAt: Instant?
        /// How often the queue has given it to anybody.
        var deliveries: Int
    }
    /// An event on its way out: this one, or one that its handler published.
    struct Outgoing: Sendable {
        let event: String
        let source: String
        let detailType: String
        let resource: String
        let parent: String
        var acceptedAt: Instant?
        /// The last that is known: accepted, sent or given up.
        var last: JournalEntry
    }

    let id: String
    /// Any verified row, or one of what we publish: source, detail type, trace and payload are the same in all.
    let subject: JournalEntry?
    let consumers: [Consumer]
    /// `nil` for an event that was not published here.
    let publication: Outgoing?
    let published: [Outgoing]

    /// - Parameters:
    ///   - id: an event's, or the queue's of a message.
    ///   - rows: of that id, in order.
    ///   - children: rows of what its handler published.
    /// - Returns: `nil` if nothing is known of it.
    static func make(
        of id: String, rows: [JournalRow], children: [JournalRow], accounts: [LedgerAccount], standing: [Standing]
    ) -> Explanation? {
        let entries = rows.map(\.entry)
        guard !entries.isEmpty || !accounts.isEmpty || !standing.isEmpty else { return nil }
        let incoming = entries.filter { $0.direction == .incoming }
        var queues: [String] = []
        for queue in incoming.map(\.queue) + accounts.map(\.consumer.text) + standing.map(\.queue.text)
        where !queues.contains(queue) { queues.append(queue) }
        let consumers = queues.map { queue in
            consumer(
                queue, incoming.filter { $0.queue == queue }, accounts.first { $0.consumer.text == queue },
                standing.filter { $0.queue.text == queue })
        }
        return Explanation(
            id: id, subject: entries.first { $0.kind != .refusal }, consumers: consumers,
            publication: outgoing(entries.filter { $0.kind == .publication && $0.event == id }).first,
            published: outgoing(children.map(\.entry)))
    }

    private static func consumer(
        _ queue: String, _ entries: [JournalEntry], _ account: LedgerAccount?, _ standing: [Standing]
    ) -> Consumer {
        var consumer = Consumer(queue: queue, account: account, standing: standing)
        for entry in entries {
            consumer.meet(Message(id: entry.message, sentAt: entry.sentAt, deliveries: entry.deliveries))
            if !entry.keyID.isEmpty { consumer.keyID = entry.keyID }
            if !entry.handler.isEmpty { consumer.handler = entry.handler }
            if entry.outcome == .duplicate { consumer.duplicates.append(entry) } else { consumer.runs.append(entry) }
        }
        for item in standing {
            consumer.meet(Message(id: item.message.text, sentAt: nil, deliveries: item.deliveries))
            if let handler = item.handler { consumer.handler = handler.text }
        }
        if consumer.handler.isEmpty, let account { consumer.handler = account.handler.text }
        return consumer
    }

    private static func outgoing(_ entries: [JournalEntry]) -> [Outgoing] {
        var found: [Outgoing] = []
        for entry in entries {
            let isAccepted = entry.outcome == .accepted
            if let index = found.firstIndex(where: { $0.event == entry.event }) {
                found[index].last = entry
                if isAccepted { found[index].acceptedAt = entry.time }
            } else {
                found.append(
                    Outgoing(
                        event: entry.event, source: entry.source, detailType: entry.detailType,
                        resource: entry.resource, parent: entry.parent, acceptedAt: isAccepted ? entry.time : nil,
                        last: entry))
            }
        }
        return found
    }
}

extension Explanation.Consumer {
    fileprivate mutating func meet(_ message: Explanation.Message) {
        guard !message.id.isEmpty else { return }
        if let index = messages.firstIndex(where: { $0.id == message.id }) {
            messages[index].deliveries = max(messages[index].deliveries, message.deliveries)
        } else {
            messages.append(message)
        }
    }

    /// Where it stands, or what became of it, in one word for machines.
    var state: String {
        if let standing = standing.last { return standing.step.rawValue }
        // The journal knows of refusals; of what ran, the ledger has the last word.
        if let account, account.state != .claimed { return account.state.rawValue }
        return runs.last?.outcome.rawValue ?? account?.state.rawValue ?? "duplicate"
    }

    /// The same in words, as the end of "It ...".
    var words: String {
        if let standing = standing.last { return standing.step.words }
        switch state {
        case "done": return "is done"
        case "dead": return "is a dead letter"
        case "retry": return "failed, and is tried again when the queue gives it back"
        case "claimed": return "is being run"
        case "refused": return "was refused: it was never verified, or may not be run"
        case "duplicate": return "was a duplicate"
        case "redriven": return "was a dead letter, and was sent back to its queue"
        case "edited": return "was a dead letter, and was sent back in other words"
        case "discarded": return "was a dead letter, and was discarded"
        case "permitted": return "may run once more, by an operator's word"
        case "freed": return "failed for good, and its FIFO group no longer stands behind it"
        default: return state
        }
    }
}

extension Explanation.Outgoing {
    var words: String {
        switch last.outcome {
        case .sent: "sent to the bus"
        case .gaveUp: "given up"
        default: "waits for the bus"
        }
    }
}
