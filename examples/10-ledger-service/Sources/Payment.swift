/// A payment, its events, and what they come to.

import Foundation
import GRDB
import Hummingbird

/// The terms of a payment. They never change.
struct Payment: Codable, Equatable, Sendable, FetchableRecord, PersistableRecord {
    let id: String
    let account: String
    let direction: String
    let amount: String
    let currency: String

    /// What a payment goes through. The last that it has come to counts, in whatever order they were heard.
    enum Step: String, CaseIterable, Codable, Sendable {
        case initiated, authorized, failed, settled
    }

    /// As it is shown.
    struct View: Codable {
        let payment: Payment
        let state: String
        let steps: [String]
    }

    func view(_ db: Database) throws -> View {
        let names = try String.fetchSet(db, sql: "SELECT name FROM step WHERE payment = ?", arguments: [id])
        let steps = Step.allCases.map(\.rawValue).filter(names.contains)
        return View(payment: self, state: steps.last ?? "unknown", steps: steps)
    }
}

/// A CloudEvent 1.0 in structured mode, as far as it is read here. What else it holds is ignored, and no part of what
/// was asked.
struct PaymentEvent: Codable, Sendable {
    let id: String
    let step: Payment.Step
    let payment: Payment

    private enum CodingKeys: String, CodingKey { case specversion, id, type, data }
    private enum TermKeys: String, CodingKey { case paymentId, account, direction, amount, currency }

    init(from decoder: any Decoder) throws {
        let event = try decoder.container(keyedBy: CodingKeys.self)
        guard try event.decode(String.self, forKey: .specversion) == "1.0" else {
            throw Problem(.badRequest, "ledger.malformed", "The body is no CloudEvent 1.0.")
        }
        id = try event.decode(String.self, forKey: .id)
        switch try event.decode(String.self, forKey: .type) {
        case "Payment.Initiated.v1": step = .initiated
        case "Payment.Authorized.v1": step = .authorized
        case "Payment.Settled.v1": step = .settled
        case "Payment.Failed.v1": step = .failed
        default: throw Problem(.unprocessableContent, "ledger.unknown-type", "This type of event is not booked here.")
        }
        let terms = try event.nestedContainer(keyedBy: TermKeys.self, forKey: .data)
        payment = Payment(
            id: try terms.decode(String.self, forKey: .paymentId),
            account: try terms.decode(String.self, forKey: .account),
            direction: try terms.decode(String.self, forKey: .direction),
            amount: try terms.decode(String.self, forKey: .amount),
            currency: try terms.decode(String.self, forKey: .currency))
        guard Money(payment.amount) != nil, ["debit", "credit"].contains(payment.direction) else {
            throw Problem(.unprocessableContent, "ledger.bad-terms", "Amount or direction cannot be booked.")
        }
    }

    func encode(to encoder: any Encoder) throws {
        var event = encoder.container(keyedBy: CodingKeys.self)
        try event.encode(id, forKey: .id)
        try event.encode(step, forKey: .type)
        try event.encode(payment, forKey: .data)
    }
}

/// An amount: a decimal above zero, in a text, never a floating-point number.
struct Money {
    let value: Decimal

    init?(_ text: String) {
        guard text.wholeMatch(of: /(0|[1-9][0-9]{0,14})(\.[0-9]{1,18})?/) != nil, let value = Decimal(string: text),
            value > 0
        else { return nil }
        self.value = value
    }
}
