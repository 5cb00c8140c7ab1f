/// The words of a notification in one language, and how they are filled.

import Kit

/// A subject and a text with places for values of the payload.
public struct Wording: Hashable, Sendable {
    let subject: Template
    let text: Template

    /// A channel may cut or charge beyond these, in bytes.
    static let longestSubject = 256
    static let longestText = 4_096

    init(json: JSON, at place: Pointer) throws(JSON.Mismatch) {
        subject = try Wording.template(at: place / "subject", in: json)
        text = try Wording.template(at: place / "text", in: json)
    }

    /// - Throws: a ``Rejection`` where the payload lacks a value or the words become too long: nothing is sent half
    ///   filled, and nothing is cut.
    func filled(from detail: JSON) throws(Rejection) -> (subject: String, text: String) {
        let subject = try subject.render { (place) throws(Rejection) in try Wording.words(at: place, in: detail) }
        let text = try text.render { (place) throws(Rejection) in try Wording.words(at: place, in: detail) }
        guard subject.utf8.count <= Wording.longestSubject, text.utf8.count <= Wording.longestText else {
            throw Rejection(
                "notification.too-long",
                "the subject would exceed \(Wording.longestSubject) bytes, or the text \(Wording.longestText)")
        }
        return (subject, text)
    }

    /// A text or a number. Control characters become spaces: a value must not begin a new line or header.
    private static func words(at place: Pointer, in detail: JSON) throws(Rejection) -> String {
        switch detail[place] {
        case .string(let text):
            String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
        case .number(let number): number.text
        default: throw Rejection("notification.missing-field", "\(place.text): expected a text or a number")
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        [.control, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
    }

    private static func template(at place: Pointer, in json: JSON) throws(JSON.Mismatch) -> Template {
        guard let template = Template(try json.string(at: place)) else {
            throw JSON.Mismatch(place, expected: "a text with JSON Pointers in braces")
        }
        return template
    }
}

/// A language, and what is read by those who read it: `de-CH`, then `de`, then the configured fallbacks.
public struct Locale: Hashable, Sendable {
    public let tag: String

    /// - Returns: `nil` for anything but letters, digits and hyphens (RFC 5646, 2.1), at most 35 of them.
    public init?(_ tag: String) {
        let isTag = tag.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isTag, (2...35).contains(tag.utf8.count), tag.utf8.first != UInt8(ascii: "-") else { return nil }
        self.tag = tag.lowercased()
    }

    /// This one, and what is left when subtags are taken off its end (RFC 4647, 3.4).
    var lookup: [String] {
        let parts = tag.split(separator: "-")
        return parts.indices.reversed().map { parts[...$0].joined(separator: "-") }
    }
}
