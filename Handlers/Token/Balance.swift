/// How much of a token there is: in one owner's hands, or at all.

public import Kit

/// A quantity that cannot be negative: there is no way to make one.
public struct Balance: Hashable, Sendable {
    public let quantity: Amount
    public static let none = Balance(checked: .zero)

    private init(checked quantity: Amount) { self.quantity = quantity }

    /// - Returns: `nil` if there is less than that.
    public func taking(_ taken: Amount) throws(Rejection) -> Balance? {
        let rest = try quantity - taken
        return rest < .zero ? nil : Balance(checked: rest)
    }

    public func adding(_ added: Amount) throws(Rejection) -> Balance { Balance(checked: try quantity + added) }
}

extension Balance: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        quantity = try json.amount(at: "/quantity")
        guard quantity >= .zero else { throw JSON.Mismatch("/quantity", expected: "an amount not below zero") }
    }

    public var json: JSON { ["quantity": quantity.json] }
}
