/// Whether a request may be done, and what the balances are then.

public import Kit

/// Why a request was not done, as `Token.Failed.v1` carries it.
public enum Refusal: String, Error, CaseIterable, Sendable {
    case unknownNetwork = "unknown-network"
    case sameOwner = "same-owner"
    case insufficientBalance = "insufficient-balance"
    case tooMuch = "too-much"
}

/// The balances after a request; `nil` for a side that it does not have.
public struct Movement: Hashable, Sendable {
    public let from: Balance?
    public let to: Balance?

    /// - Parameters:
    ///   - from: the giver's balance, read by a mint as none
    ///   - to: the receiver's balance, read by a burn as none
    public init(
        _ request: TokenRequest, from: Balance, to: Balance, networks: Set<Identifier>
    ) throws(Refusal) {
        guard networks.contains(request.network) else { throw .unknownNetwork }
        guard request.from != request.to else { throw .sameOwner }
        do {
            let giver = try request.from == nil ? nil : from.taking(request.quantity)
            guard request.from == nil || giver != nil else { throw Refusal.insufficientBalance }
            self.from = giver
            self.to = try request.to == nil ? nil : to.adding(request.quantity)
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw .tooMuch
        }
    }
}
