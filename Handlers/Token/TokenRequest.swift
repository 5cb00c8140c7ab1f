/// What is asked of the ledger of tokens.

public import Kit

/// Mint to an owner, transfer between two, burn from one.
public struct TokenRequest: Hashable, Sendable {
    public enum Action: String, Sendable {
        case mint, transfer, burn
    }

    public let id: Identifier
    public let action: Action
    public let network: Identifier
    public let token: Identifier
    public let quantity: Amount
    /// `nil` for a mint.
    public let from: Identifier?
    /// `nil` for a burn.
    public let to: Identifier?

    public init(json: JSON, detailType: String) throws {
        switch detailType {
        case "Token.MintRequested.v1": action = .mint
        case "Token.TransferRequested.v1": action = .transfer
        case "Token.BurnRequested.v1": action = .burn
        default: throw Rejection("token.unknown-request", "not a request of tokens")
        }
        id = try json.identifier(at: "/requestId")
        network = try json.identifier(at: "/network")
        token = try json.identifier(at: "/token")
        quantity = try json.positiveAmount(at: "/quantity")
        from = action == .mint ? nil : try json.identifier(at: "/from")
        to = action == .burn ? nil : try json.identifier(at: "/to")
    }

    /// Whom the outcome concerns: the receiver of a mint, else the giver. One of the two is always there.
    public var owner: Identifier? { from ?? to }
}
