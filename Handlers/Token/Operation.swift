/// What is remembered of a request.

public import Kit
import Vocabulary

/// A request that was taken, and how far it has come; or one that was refused, which goes nowhere.
public struct Operation: Hashable, Sendable {
    public let request: TokenRequest
    /// `nil` if it was refused.
    public var broadcast: Broadcast?

    public init(_ request: TokenRequest, _ broadcast: Broadcast?) {
        self.request = request
        self.broadcast = broadcast
    }

    /// The payload of an answer: the request again, what the networks said, and why it failed.
    public func detail(_ refusal: Refusal? = nil) -> JSON {
        var members = JSON.Members()
        for (field, value) in request.members {
            if let value { members.set(field.name, value) }
        }
        if let broadcast {
            let networks = broadcast.networks.sorted { $0.key < $1.key }
            members.set(Field.confirmed.name, .array(networks.compactMap(Operation.confirmation)))
            members.set(Field.unconfirmed.name, .array(networks.compactMap(Operation.lack)))
        }
        if let refusal { members.set(Field.reason.name, .string(refusal.rawValue)) }
        return .object(members)
    }

    private static func confirmation(_ network: Identifier, _ standing: Broadcast.Standing) -> JSON? {
        guard case .confirmed(let transaction) = standing else { return nil }
        return .detail([.network: network.json, .transactionID: transaction.json])
    }

    private static func lack(_ network: Identifier, _ standing: Broadcast.Standing) -> JSON? {
        switch standing {
        case .confirmed: nil
        case .waiting: .detail([.network: network.json, .reason: "waiting"])
        case .abandoned: .detail([.network: network.json, .reason: "no-answer"])
        case .refused(let reason): .detail([.network: network.json, .reason: reason.json])
        }
    }
}

extension Operation: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        request = try TokenRequest(json: json["/request"] ?? .null)
        broadcast = try json["/broadcast"].map(Broadcast.init)
    }

    public var json: JSON {
        .detail([Field("request"): request.json, Field("broadcast"): broadcast?.json])
    }
}
