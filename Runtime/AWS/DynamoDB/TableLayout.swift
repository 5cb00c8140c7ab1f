import Cryptography
import Events
import JSON
import Pipeline
import StoreCommon

/// Where everything is in the table. Decisions/0020 draws it; it is part of what is kept: a change is another schema.
///
/// What comes from outside is hashed or written in hexadecimal where it could run into its neighbours.
enum TableLayout {
    /// Of the items as this version writes them.
    static let schema: Int64 = 1

    static let meta = ItemKey("meta", "schema")
    static let numbers = ItemKey("meta", "numbers")

    // MARK: - ledger

    static func identity(_ match: Dedup.Row.Match, of request: ClaimRequest) -> ItemKey? {
        switch match {
        case .eventID: event(request.event.id, of: request.consumer)
        case .tokenDigest:
            request.event.tokenDigest.map { hashed("token", [.text(request.consumer.text), .digest($0)]) }
        case .businessKey:
            request.businessKey.map {
                hashed("business", [.text(request.consumer.text), .text(request.handler.text), .digest($0)])
            }
        }
    }

    static func event(_ id: EventID, of consumer: QueueName) -> ItemKey {
        hashed("event", [.text(consumer.text), .text(id.issuer), .text(id.text)])
    }

    static func group(_ group: String, of consumer: QueueName) -> ItemKey {
        hashed("group", [.text(consumer.text), .text(group)])
    }

    /// All permits for events of one id are together: whoever explains it asks for all consumers.
    static func permit(_ event: String, of consumer: QueueName) -> ItemKey {
        ItemKey(permits(for: event), consumer.text)
    }
    static func permits(for event: String) -> String { "permit#" + event }

    static func refusal(_ message: MessageID, of queue: QueueName) -> ItemKey {
        hashed("refusal", [.text(queue.text), .text(message.text)])
    }

    // MARK: - what handlers keep

    static func state(_ key: Bytes, of handler: HandlerID) -> ItemKey {
        ItemKey("state#\(handler.text)#\(hexadecimal(key))")
    }

    static func timer(_ key: Bytes, of handler: HandlerID) -> ItemKey {
        ItemKey("timer#\(handler.text)#\(hexadecimal(key))")
    }

    /// Handlers that have ever set a timer.
    static let timerHandlers = "timer-handlers"

    /// Timers of a handler in the index of what is due. Those that were tried before come after all others.
    static func timersDue(of handler: HandlerID, again: Bool) -> String {
        "timers#\(handler.text)\(again ? "#again" : "")"
    }

    // MARK: - outbox

    /// Entries of one resource share a partition, in order; one without a resource has its own.
    static func outbox(resource: String, id: String) -> String {
        resource.isEmpty ? "outbox#one#" + id : "outbox#of#" + resource
    }

    /// Behind the numbers of the entries: none begins with a letter.
    static let turn = "turn"
    static let outboxShards = 4

    /// Sharded, because one partition of an index takes a thousand writes a second.
    static func outboxDue(_ shard: Int) -> String { "outbox#\(shard)" }
    static func outboxDue(of partition: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in partition.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return outboxDue(Int(hash % UInt64(outboxShards)))
    }

    static func givenUp(_ id: String) -> ItemKey { ItemKey("given-up#" + id) }
    static let givenUpDue = "given-up"
    static let groupsDue = "groups"
    static func letter(_ message: MessageID, of queue: QueueName) -> ItemKey {
        hashed("letter", [.text(queue.text), .text(message.text)])
    }

    static func submission(_ key: String, of peer: String) -> ItemKey {
        hashed("submission", [.text(peer), .text(key)])
    }

    // MARK: - journal

    static let writers = "writers"
    static func writer(_ boot: Int64) -> ItemKey { ItemKey(writers, padded(boot)) }
    static func heads(_ boot: Int64) -> String { "heads#\(boot)" }
    static func head(_ boot: Int64, _ place: Int64) -> ItemKey { ItemKey(heads(boot), padded(place)) }
    static let segments = "segments"
    static func segments(of boot: Int64) -> String { "segments#\(boot)" }
    static func journal(_ boot: Int64) -> String { "journal#\(boot)" }
    /// `nil` for what is no row of the journal.
    static func boot(of key: ItemKey) -> Int64? {
        key.partition.hasPrefix("journal#") ? Int64(key.partition.dropFirst("journal#".count)) : nil
    }

    // MARK: - parts

    /// Sorts as the number does. Numbers here are never negative.
    static func padded(_ number: Int64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 19 - digits.count)) + digits
    }

    private static func hexadecimal(_ bytes: Bytes) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.count)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private enum Field {
        case text(String)
        case digest(Digest)
    }

    private static func hashed(_ kind: String, _ fields: [Field]) -> ItemKey {
        var hash = StableHash()
        hash.add("outrigger.\(kind)/1")
        for field in fields {
            switch field {
            case .text(let text): hash.add(text)
            case .digest(let digest): hash.add(digest)
            }
        }
        return ItemKey("\(kind)#\(hash.finish().hexadecimal)")
    }
}
