/// The terms of a payment: what every event of it says again.

public import Kit
import Vocabulary

/// A payment from (`debit`) or to (`credit`) an account of the house. Its terms never change.
public struct Payment: Hashable, Sendable {
    public enum Direction: String, Sendable {
        case debit, credit
    }

    public let id: Identifier
    public let account: Identifier
    public let direction: Direction
    public let money: Money

    public init(id: Identifier, account: Identifier, direction: Direction, money: Money) {
        self.id = id
        self.account = account
        self.direction = direction
        self.money = money
    }

    /// Reads an event. See `Money(inDetail:)` for what is refused.
    public init(detail: JSON) throws {
        self.init(
            id: try detail.identifier(at: .paymentID), account: try detail.identifier(at: .account),
            direction: try Payment.direction(in: detail), money: try Money(inDetail: detail))
    }

    private static func direction(in json: JSON) throws(JSON.Mismatch) -> Direction {
        guard let direction = Direction(rawValue: try json.text(at: .direction)) else {
            throw JSON.Mismatch(Field.direction.pointer, expected: "debit or credit")
        }
        return direction
    }
}

extension Payment: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        self.init(
            id: try json.identifier(at: .paymentID), account: try json.identifier(at: .account),
            direction: try Payment.direction(in: json), money: try Money(of: json))
    }

    public var json: JSON {
        .detail([
            .paymentID: id.json, .account: account.json, .direction: .string(direction.rawValue),
            .amount: money.amount.json, .currency: money.currency.json,
        ])
    }
}
