/// What a request does to balances and supply: taken when it is asked, given when it is confirmed, given back when it
/// fails.

public import Kit

/// Why a request is not done, as `Token.Failed.v1` carries it.
public enum Refusal: String, Error, CaseIterable, Sendable {
    case unknownNetwork = "unknown-network"
    case unknownToken = "unknown-token"
    case sameOwner = "same-owner"
    case insufficientBalance = "insufficient-balance"
    case supplyExceeded = "supply-exceeded"
    /// Too few networks confirmed it.
    case noQuorum = "no-quorum"
}

/// Both sides of a request, and the token's supply: what all owners have, with what is on its way.
public struct Holdings: Hashable, Sendable {
    public var from: Balance
    public var to: Balance
    /// `nil` for a token that was never minted.
    public var supply: Balance?

    public init(from: Balance = .none, to: Balance = .none, supply: Balance?) {
        self.from = from
        self.to = to
        self.supply = supply
    }

    /// What is taken before a network hears of it, so that nothing is spent twice while it is on its way.
    ///
    /// | request  | from | to | supply |
    /// |----------|------|----|--------|
    /// | mint     |      |    | +      |
    /// | transfer | -    |    |        |
    /// | burn     | -    |    |        |
    public func reserving(_ request: TokenRequest, supplyAtMost most: Amount) throws -> Holdings {
        guard request.from == nil || request.from != request.to else { throw Refusal.sameOwner }
        var holdings = self
        switch request.action {
        case .mint:
            let supply = try (supply ?? .none).adding(request.quantity)
            guard supply.quantity <= most else { throw Refusal.supplyExceeded }
            holdings.supply = supply
        case .transfer, .burn:
            guard let rest = try from.taking(request.quantity) else { throw Refusal.insufficientBalance }
            holdings.from = rest
        case .metadata:
            guard supply != nil else { throw Refusal.unknownToken }
        }
        return holdings
    }

    /// | request  | from | to | supply |
    /// |----------|------|----|--------|
    /// | mint     |      | +  |        |
    /// | transfer |      | +  |        |
    /// | burn     |      |    | -      |
    public func confirming(_ request: TokenRequest) throws(Rejection) -> Holdings {
        var holdings = self
        switch request.action {
        case .mint, .transfer: holdings.to = try to.adding(request.quantity)
        case .burn: holdings.supply = try lessened(by: request.quantity)
        case .metadata: break
        }
        return holdings
    }

    /// Undoes ``reserving(_:supplyAtMost:)``.
    public func returning(_ request: TokenRequest) throws(Rejection) -> Holdings {
        var holdings = self
        switch request.action {
        case .mint: holdings.supply = try lessened(by: request.quantity)
        case .transfer, .burn: holdings.from = try from.adding(request.quantity)
        case .metadata: break
        }
        return holdings
    }

    private func lessened(by quantity: Amount) throws(Rejection) -> Balance {
        guard let rest = try (supply ?? .none).taking(quantity) else {
            throw Rejection("token.books-differ", "the supply is less than what is on its way")
        }
        return rest
    }
}
