/// One notification: for whom, by which way, in which words.

public import Kit

public struct Notice: Hashable, Sendable {
    /// The same for every event about the same thing: `Payment.Settled.v1:P-1`.
    public let id: String
    public let recipient: Identifier
    public let channel: Identifier
    public let subject: String
    public let text: String
}

/// How the notices of one event type are made.
public struct NoticeTemplate: Sendable {
    /// Where the event says what it is about. Each value is told of once.
    public let about: Pointer
    /// Where the event says whom to tell: an id that the channel resolves, never an address.
    public let recipient: Pointer
    public let channel: Identifier
    public let subject: Template
    public let text: Template

    /// A channel may cut or charge beyond this, in bytes.
    static let longestText = 4_096

    public init(json: JSON) throws(JSON.Mismatch) {
        about = try NoticeTemplate.pointer(at: "/about", in: json)
        recipient = try NoticeTemplate.pointer(at: "/recipient", in: json)
        channel = try json.identifier(at: "/channel")
        subject = try NoticeTemplate.template(at: "/subject", in: json)
        text = try NoticeTemplate.template(at: "/text", in: json)
    }

    /// - Throws: ``JSON/Mismatch`` if the payload lacks a value, a ``Rejection`` if the text becomes too long.
    public func notice(of detail: JSON, detailType: String) throws -> Notice {
        let text = try text.render { (pointer) throws(JSON.Mismatch) in try words(at: pointer, in: detail) }
        guard text.utf8.count <= NoticeTemplate.longestText else {
            throw Rejection("notification.too-long", "the text would exceed \(NoticeTemplate.longestText) bytes")
        }
        return Notice(
            id: "\(detailType):\(try detail.identifier(at: about))",
            recipient: try detail.identifier(at: recipient), channel: channel,
            subject: try subject.render { (pointer) throws(JSON.Mismatch) in try words(at: pointer, in: detail) },
            text: text)
    }

    /// A text or a number. Control characters become spaces: a value must not begin a new line or header.
    private func words(at pointer: Pointer, in detail: JSON) throws(JSON.Mismatch) -> String {
        switch detail[pointer] {
        case .string(let text):
            String(String.UnicodeScalarView(text.unicodeScalars.map { NoticeTemplate.isControl($0) ? " " : $0 }))
        case .number(let number): number.text
        default: throw JSON.Mismatch(pointer, expected: "a text or a number")
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        [.control, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
    }

    private static func pointer(at place: Pointer, in json: JSON) throws(JSON.Mismatch) -> Pointer {
        guard let pointer = Pointer(parsing: try json.string(at: place)) else {
            throw JSON.Mismatch(place, expected: "a JSON Pointer")
        }
        return pointer
    }

    private static func template(at place: Pointer, in json: JSON) throws(JSON.Mismatch) -> Template {
        guard let template = Template(try json.string(at: place)) else {
            throw JSON.Mismatch(place, expected: "a text with JSON Pointers in braces")
        }
        return template
    }
}
