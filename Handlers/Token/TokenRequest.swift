/// What is asked of the ledger of tokens.

public import Kit
public import Vocabulary

/// Mint to an owner, transfer between two, burn from one, or say what a token is.
public struct TokenRequest: Hashable, Sendable {
    public enum Action: String, CaseIterable, Sendable {
        case mint, transfer, burn, metadata

        public init?(_ event: Route) {
            switch event {
            case .tokenMintRequested: self = .mint
            case .tokenTransferRequested: self = .transfer
            case .tokenBurnRequested: self = .burn
            case .tokenMetadataRequested: self = .metadata
            default: return nil
            }
        }
    }

    public let id: Identifier
    public let action: Action
    public let token: Identifier
    /// Zero for metadata.
    public let quantity: Amount
    /// `nil` for a mint, and for metadata.
    public let from: Identifier?
    /// `nil` for a burn, and for metadata.
    public let to: Identifier?
    /// Whom the outcome concerns: the giver, or the receiver of a mint, or who describes the token.
    public let owner: Identifier
    /// The one network that is asked; `nil` for all.
    public let network: Identifier?
    public let metadata: Metadata?

    /// - Parameter detail: an event's payload, or what ``json`` made
    public init(_ action: Action, _ detail: JSON) throws(JSON.Mismatch) {
        self.action = action
        id = try detail.identifier(at: .requestID)
        token = try detail.identifier(at: .token)
        quantity = action == .metadata ? .zero : try detail.decimal(at: .quantity)
        let hasFrom = action == .transfer || action == .burn
        let hasTo = action == .mint || action == .transfer
        from = hasFrom ? try detail.identifier(at: .from) : nil
        to = hasTo ? try detail.identifier(at: .to) : nil
        if let party = from ?? to { owner = party } else { owner = try detail.identifier(at: .owner) }
        network = detail[.network] == nil ? nil : try detail.identifier(at: .network)
        metadata = action == .metadata ? try Metadata(json: detail[.metadata] ?? .null) : nil
    }

    /// Says the request again, as answers do.
    public var members: KeyValuePairs<Field, JSON?> {
        [
            .requestID: id.json, .action: .string(action.rawValue), .token: token.json,
            .quantity: action == .metadata ? nil : quantity.json, .from: from?.json, .to: to?.json,
            .owner: owner.json, .network: network?.json, .metadata: metadata?.json,
        ]
    }
}

extension TokenRequest: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        guard let action = Action(rawValue: try json.text(at: .action)) else {
            throw JSON.Mismatch(Field.action.pointer, expected: "an action")
        }
        try self.init(action, json)
    }

    public var json: JSON { .detail(members) }
}
