/// How far a payment has come, whatever the order in which its events arrive.

public import Kit

/// Steps in ascending order. A payment stands at the highest step that any of its events named: the maximum is the
/// same for every order and any number of repeats. `settled` is above `failed`, since money that moved has moved.
public enum Step: Int, Comparable, CaseIterable, Sendable {
    case initiated = 1
    case authorised, failed, settled

    public init?(detailType: String) {
        switch detailType {
        case "Payment.Initiated.v1": self = .initiated
        case "Payment.Authorized.v1": self = .authorised
        case "Payment.Failed.v1": self = .failed
        case "Payment.Settled.v1": self = .settled
        default: return nil
        }
    }

    /// Nothing but a settlement may follow.
    public var isFinal: Bool { self >= .failed }

    public static func < (a: Step, b: Step) -> Bool { a.rawValue < b.rawValue }
}

/// What is remembered of one payment.
public struct Progress: Hashable, Sendable {
    public let payment: Payment
    public let step: Step
    public init(payment: Payment, step: Step) {
        self.payment = payment
        self.step = step
    }
}

extension Progress: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        guard let step = Step(rawValue: try json.integer(at: "/step")) else {
            throw JSON.Mismatch("/step", expected: "a step")
        }
        self.init(payment: try Payment(json: json["/payment"] ?? .null), step: step)
    }

    public var json: JSON { ["payment": payment.json, "step": .number(JSON.Number(step.rawValue))] }
}
