/// The members of payloads, each named once.

public import Kit

/// A member of a payload or of one of its objects.
public struct Field: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public var pointer: Pointer { "" / name }
    public var description: String { name }

    public init(_ name: String) { self.name = name }
}

extension Field {
    // What an event is about.
    public static let paymentID = Field("paymentId")
    public static let workflowID = Field("workflowId")
    public static let requestID = Field("requestId")
    public static let statementID = Field("statementId")
    public static let notificationID = Field("notificationId")
    public static let userID = Field("userId")

    // Money and the terms of a payment.
    public static let account = Field("account")
    public static let direction = Field("direction")
    public static let amount = Field("amount")
    public static let currency = Field("currency")
    public static let payer = Field("payer")
    public static let payee = Field("payee")
    public static let name = Field("name")
    public static let country = Field("country")

    // Positions and settlement.
    public static let available = Field("available")
    public static let threshold = Field("threshold")
    public static let day = Field("day")
    public static let opening = Field("opening")
    public static let closing = Field("closing")
    public static let debits = Field("debits")
    public static let credits = Field("credits")
    public static let payments = Field("payments")
    public static let exceptions = Field("exceptions")
    public static let exceptionCount = Field("exceptionCount")
    public static let basis = Field("basis")
    public static let stated = Field("stated")

    // Tokens.
    public static let action = Field("action")
    public static let network = Field("network")
    public static let token = Field("token")
    public static let quantity = Field("quantity")
    public static let from = Field("from")
    public static let to = Field("to")
    public static let owner = Field("owner")
    public static let metadata = Field("metadata")
    public static let transactionID = Field("transactionId")
    public static let confirmed = Field("confirmed")
    public static let unconfirmed = Field("unconfirmed")

    // Verdicts and reasons.
    public static let reason = Field("reason")
    public static let code = Field("code")
    public static let rule = Field("rule")
    public static let rules = Field("rules")
    public static let version = Field("version")
    public static let score = Field("score")
    public static let subjectID = Field("subjectId")
    public static let revision = Field("revision")
    public static let verification = Field("verification")
    public static let status = Field("status")
    public static let reasons = Field("reasons")
    public static let inputs = Field("inputs")
    public static let cause = Field("cause")

    // Notifications.
    public static let recipient = Field("recipient")
    public static let channel = Field("channel")
    public static let subject = Field("subject")
    public static let text = Field("text")
    public static let locale = Field("locale")
    public static let priority = Field("priority")
    public static let eventType = Field("eventType")
    public static let count = Field("count")
    public static let delivery = Field("delivery")
    public static let channels = Field("channels")
    public static let timeZone = Field("timeZone")
    public static let quietHours = Field("quietHours")
}

extension JSON {
    public subscript(field: Field) -> JSON? { self[field.pointer] }
    public func text(at field: Field) throws(Mismatch) -> String { try string(at: field.pointer) }
    public func identifier(at field: Field) throws(Mismatch) -> Identifier { try identifier(at: field.pointer) }

    /// A payload of these members; one that is `nil` is left out.
    public static func detail(_ members: KeyValuePairs<Field, JSON?>) -> JSON {
        var detail = Members()
        for (field, value) in members {
            if let value { detail.set(field.name, value) }
        }
        return .object(detail)
    }
}

extension Identifier {
    public var json: JSON { .string(text) }
}

extension Currency {
    public var json: JSON { .string(code) }
}
