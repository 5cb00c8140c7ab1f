/// What is screened: a payment, a user or a token operation, reduced to what rules read.

public import Kit
import Vocabulary

public struct Subject: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case payment, user, token
    }

    public let kind: Kind
    public let id: Identifier
    /// Of a user alone: which word on the user this is.
    public let revision: Int?
    /// Whose windows a movement counts in.
    public let userID: Identifier
    /// Users whose standing counts: payer, sender, receiver.
    public let parties: [Identifier]
    public let names: [WrittenName]
    public let countries: [Country?]
    /// What is moved, if anything is.
    public let movement: (unit: Unit, amount: Amount)?
    /// Of a user alone.
    public let verification: Verification?
    /// Of a user alone: the house serves them no more.
    public let isClosed: Bool

    /// The identity of the work, as state keys have it: one decision for each.
    public var work: String { "\(kind.rawValue):\(id)" + (revision.map { ":\($0)" } ?? "") }

    /// - Throws: ``JSON/Mismatch`` or a ``Rejection`` for a payload that cannot be screened.
    public init(_ event: Event, _ transliteration: Transliteration) throws {
        switch Route(event.source, event.detailType) {
        case .paymentInitiated: try self.init(payment: event.detail, transliteration)
        case .userRegistered, .userUpdated: try self.init(user: event.detail, transliteration)
        case .tokenMintRequested, .tokenTransferRequested, .tokenBurnRequested: try self.init(token: event.detail)
        case .tokenMetadataRequested: try self.init(metadata: event.detail, transliteration)
        default: throw Rejection("compliance.unknown-event", "no rule is about this event type")
        }
    }

    private init(payment: JSON, _ transliteration: Transliteration) throws {
        let money = try Money(inDetail: payment)
        kind = .payment
        id = try payment.identifier(at: .paymentID)
        userID = try payment.identifier(at: .userID)
        parties = [userID]
        names = [
            try payment.name(at: "/payer/name", transliteration), try payment.name(at: "/payee/name", transliteration),
        ]
        countries = [
            try payment.optional(at: "/payer/country", Subject.country),
            try payment.optional(at: "/payee/country", Subject.country),
        ]
        movement = (.currency(money.currency), money.amount)
        (revision, verification, isClosed) = (nil, nil, false)
    }

    private init(user: JSON, _ transliteration: Transliteration) throws {
        kind = .user
        id = try user.identifier(at: .userID)
        userID = id
        parties = []
        names = [try user.name(at: Field.name.pointer, transliteration)]
        countries = [try user.optional(at: Field.country.pointer, Subject.country)]
        movement = nil
        let revision = try user.integer(at: Field.revision.pointer)
        guard (1...1_000_000_000).contains(revision) else {
            throw JSON.Mismatch(Field.revision.pointer, expected: "a number from 1 to 1000000000")
        }
        guard let verification = Verification(rawValue: try user.text(at: .verification)) else {
            throw JSON.Mismatch(
                Field.verification.pointer, expected: "none, pending, verified, rejected or expired")
        }
        (self.revision, self.verification) = (revision, verification)
        isClosed = try user.optional(at: Field.status.pointer, Subject.status) == .closed
    }

    private init(token: JSON) throws {
        let quantity = try token.decimal(at: .quantity)
        guard quantity > .zero else {
            throw Rejection("compliance.quantity-not-positive", "the quantity is not above zero")
        }
        try quantity.mustBeBelievable("compliance.quantity-absurd")
        let sender = try token.optional(at: Field.from.pointer, Subject.identifier)
        let receiver = try token.optional(at: Field.to.pointer, Subject.identifier)
        guard let user = sender ?? receiver else {
            throw JSON.Mismatch(Field.to.pointer, expected: "somebody whom the operation concerns")
        }
        kind = .token
        id = try token.identifier(at: .requestID)
        userID = user
        parties = sender == receiver ? [user] : [sender, receiver].compactMap(\.self)
        (names, countries) = ([], [])
        movement = (.token(try token.identifier(at: .token)), quantity)
        (revision, verification, isClosed) = (nil, nil, false)
    }

    /// What a token is said to be moves nothing, but is read by everybody: each text is screened as a name is.
    private init(metadata request: JSON, _ transliteration: Transliteration) throws {
        kind = .token
        id = try request.identifier(at: .requestID)
        userID = try request.identifier(at: .owner)
        parties = [userID]
        let texts = try Metadata(json: request[.metadata] ?? .null).texts.values
        // One without a letter or digit says nobody's name.
        names = texts.compactMap { WrittenName($0, transliteration, atMost: Metadata.longestText) }
        _ = try request.identifier(at: .token)
        (countries, movement) = ([], nil)
        (revision, verification, isClosed) = (nil, nil, false)
    }

    private enum Status: String { case active, closed }

    private static func status(_ json: JSON, _ place: Pointer) throws(JSON.Mismatch) -> Status {
        guard let status = Status(rawValue: try json.string(at: place)) else {
            throw JSON.Mismatch(place, expected: "active or closed")
        }
        return status
    }

    private static func country(_ json: JSON, _ place: Pointer) throws(JSON.Mismatch) -> Country {
        try json.country(at: place)
    }

    private static func identifier(_ json: JSON, _ place: Pointer) throws(JSON.Mismatch) -> Identifier {
        try json.identifier(at: place)
    }
}

extension JSON {
    fileprivate func name(at place: Pointer, _ transliteration: Transliteration) throws(Mismatch) -> WrittenName {
        guard let name = WrittenName(try string(at: place), transliteration) else {
            throw Mismatch(place, expected: "a name of at most \(WrittenName.longest) bytes")
        }
        return name
    }
}
