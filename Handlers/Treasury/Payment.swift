/// The terms of a payment: what every event of it says again.

public import Kit

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
}

extension Payment: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        guard let direction = Direction(rawValue: try json.string(at: "/direction")) else {
            throw JSON.Mismatch("/direction", expected: "debit or credit")
        }
        self.init(
            id: try json.identifier(at: "/paymentId"), account: try json.identifier(at: "/account"),
            direction: direction, money: try Money(of: json))
    }

    public var json: JSON {
        [
            "paymentId": .string(id.text), "account": .string(account.text),
            "direction": .string(direction.rawValue), "amount": money.amount.json,
            "currency": .string(money.currency.code),
        ]
    }
}
