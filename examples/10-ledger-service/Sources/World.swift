/// What the service tells and asks on behalf of handlers, and how the world outside answers. A real service has
/// gateways and nodes here; this one has two small tables.

import ArgumentParser
import GRDB

/// A notification as the handler hands it over.
struct Notice: Codable, Sendable, FetchableRecord, PersistableRecord {
    static let databaseTableName = "notification"
    let id: String
    let channel: String
    let recipient: String
    let subject: String
    let text: String

    private enum CodingKeys: String, CodingKey {
        case id = "notificationId"
        case channel, recipient, subject, text
    }

    func encode(to container: inout PersistenceContainer) {
        container["id"] = id
        container["channel"] = channel
        container["recipient"] = recipient
        container["subject"] = subject
        container["text"] = text
    }
}

/// Who can be reached.
struct Addresses {
    private let without: Set<String>
    init(without: [String]) { self.without = Set(without) }

    func reach(_ recipient: String, by channel: String) -> Bool {
        without.isDisjoint(with: [recipient, "\(recipient):\(channel)"])
    }
}

/// A token operation that a network shall do.
struct Broadcast: Codable, Sendable {
    let requestId: String
    let network: String
    let action: String
    let token: String
    let quantity: String?

    /// Its record.
    struct Done: Codable, Sendable, PersistableRecord {
        static let databaseTableName = "broadcast"
        let request: String
        let network: String
        let transactionId: String

        init(_ broadcast: Broadcast) {
            request = broadcast.requestId
            network = broadcast.network
            transactionId = "\(broadcast.network)-\(broadcast.requestId)"
        }
    }
}

/// What each network does; one that is not named confirms.
struct Networks {
    enum Conduct: String, CaseIterable {
        case confirms, silent, refuses
    }

    struct Entry: ExpressibleByArgument {
        let name: String
        let conduct: Conduct

        init?(argument: String) {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let conduct = Conduct(rawValue: parts[1]) else { return nil }
            (name, self.conduct) = (parts[0], conduct)
        }
    }

    private let conducts: [String: Conduct]
    init(_ entries: [Entry]) { conducts = Dictionary(entries.map { ($0.name, $0.conduct) }) { $1 } }

    subscript(network: String) -> Conduct { conducts[network] ?? .confirms }
}
