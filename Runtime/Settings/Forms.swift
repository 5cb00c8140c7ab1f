// The kinds of values that the settings use.
import Events

extension Form where Value == Duration {
    static func duration(_ range: ClosedRange<Duration>) -> Form {
        .scalar(
            .duration(range), example: Quantity.show(range.contains(.seconds(10)) ? .seconds(10) : range.lowerBound)
        ) {
            text, _ throws(Refusal) in
            guard let value = Quantity.duration(text) else {
                throw Refusal(why: "A duration is a whole number with one unit: ms, s, m, h or d.")
            }
            guard range.contains(value) else { throw Refusal() }
            return value
        } show: {
            Quantity.show($0)
        }
    }
}

extension Form where Value == Int {
    static func count(_ range: ClosedRange<Int>) -> Form {
        .scalar(.count(range), example: "\(range.lowerBound)", isPlain: true) { text, _ throws(Refusal) in
            guard text.utf8.count <= 18, let value = Int(text), range.contains(value) else { throw Refusal() }
            return value
        } show: {
            "\($0)"
        }
    }

    static func size(_ range: ClosedRange<Int>) -> Form {
        .scalar(.size(range), example: Quantity.show(bytes: range.lowerBound)) { text, _ throws(Refusal) in
            guard let value = Quantity.size(text) else {
                throw Refusal(why: "A size is a whole number with one unit: B, KiB, MiB, GiB or TiB.")
            }
            guard range.contains(value) else { throw Refusal() }
            return value
        } show: {
            Quantity.show(bytes: $0)
        }
    }
}

extension Form where Value == Bool {
    static var flag: Form {
        .scalar(.flag, example: "true", isPlain: true) { text, _ throws(Refusal) in
            switch text {
            case "true": return true
            case "false": return false
            case "yes", "on": throw Refusal(fix: "Write true.")
            case "no", "off": throw Refusal(fix: "Write false.")
            default: throw Refusal()
            }
        } show: {
            $0 ? "true" : "false"
        }
    }
}

extension Form where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the words of an enumeration.
    static var choice: Form {
        let words = Value.allCases.map(\.rawValue)
        return .scalar(.choice(words), example: words.first ?? "") { text, _ throws(Refusal) in
            if let value = Value(rawValue: text) { return value }
            throw Refusal(fix: Nearest.to(text.lowercased(), among: words).map { "Did you mean \($0)?" })
        } show: {
            $0.rawValue
        }
    }
}

extension Form where Value == String {
    static func text(_ what: String, pattern: String, example: String, _ fits: @escaping @Sendable (String) -> Bool)
        -> Form
    {
        .scalar(.text(what: what, pattern: pattern), example: example) { text, _ throws(Refusal) in
            guard fits(text) else { throw Refusal() }
            return text
        } show: {
            quoted($0)
        }
    }

    /// A file or folder; a relative one starts at the configuration file's folder.
    static func path(_ example: String) -> Form {
        .scalar(.text(what: "a path", pattern: "^[^\\u0000-\\u001f]{1,4096}$"), example: example) {
            text, reader throws(Refusal) in
            if text.contains("-----BEGIN") {
                throw Refusal(why: "It must be the path of a file, not what stands in it.", isSecret: true)
            }
            guard (1...4096).contains(text.utf8.count), !text.unicodeScalars.contains(where: { $0.value < 32 }) else {
                throw Refusal()
            }
            return text.hasPrefix("/") || reader.folder.isEmpty ? text : reader.folder + "/" + text
        } show: {
            quoted($0)
        }
    }

    /// A form whose empty value is one word that stands for its absence.
    static func or(_ word: String, _ form: Form<String>) -> Form {
        .wrapped(Form<String?>.or(word, form)) { $0 ?? "" } _: { $0.isEmpty ? nil : $0 }
    }

    /// A path from the root, in its shortest form.
    static func absolutePath(_ example: String) -> Form {
        .text("a path from the root", pattern: "^/[^\\u0000-\\u001f]{1,1023}$", example: example) { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            return text.hasPrefix("/") && text.utf8.count <= 1024 && text.unicodeScalars.allSatisfy { $0.value >= 32 }
                && parts.allSatisfy { !["", ".", ".."].contains($0) }
        }
    }

    /// An absolute http or https URL without user, password or fragment.
    static func url(_ example: String) -> Form {
        .scalar(.text(what: "an http or https URL", pattern: "^https?://[^/?#@\\s]+([/?][^#\\s]*)?$"), example: example)
        {
            text, _ throws(Refusal) in
            guard let url = WebAddress(text) else { throw Refusal(isSecret: text.contains("@")) }
            if url.hasUser {
                throw Refusal(
                    why: "A URL here has no user and no password.", fix: "Remove what stands before the @.",
                    isSecret: true)
            }
            return text
        } show: {
            quoted($0)
        }
    }

    /// The name of a queue, a handler or a key set.
    static func name(_ example: String) -> Form {
        .text(
            "1 to 48 lower-case letters, digits and dashes", pattern: "^[a-z0-9-]{1,48}$", example: example,
            Names.isName)
    }

    /// A source or a detail type, exact or with `*` for a whole part between dots.
    static func pattern(_ example: String) -> Form {
        .text(
            "a name, in which * stands for all of it or for one part between dots",
            pattern: "^[^\\s\\u0000-\\u001f]{1,512}$", example: example, Names.isPattern)
    }

    static func word(_ what: String, _ example: String, atMost: Int = 512) -> Form {
        .text(what, pattern: "^[!-~]{1,\(atMost)}$", example: example) {
            (1...atMost).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        }
    }

    static var pointer: Form {
        .text(
            "a JSON Pointer (RFC 6901)", pattern: "^(/([^~/]|~[01])*)+$", example: "/payment/id", Names.isPointer)
    }
}

extension Form {
    /// A text that has a type of its own in the core.
    static func wrapped<Wrapped>(
        _ form: Form<Wrapped>, _ wrap: @escaping @Sendable (Wrapped) -> Value,
        _ unwrap: @escaping @Sendable (Value) -> Wrapped
    ) -> Form {
        Form(type: form.type) {
            form.read($0, &$1).map(wrap)
        } show: {
            form.show(unwrap($0))
        }
    }
}

extension Form where Value == Digest {
    static var sha256: Form {
        .scalar(
            .text(what: "64 hexadecimal digits", pattern: "^[0-9a-f]{64}$"),
            example: String(repeating: "0123456789abcdef", count: 4)
        ) { text, _ throws(Refusal) in
            if text.hasPrefix("sha256:") { throw Refusal(fix: "Leave out the \"sha256:\".") }
            let bytes = text.utf8.count == 64 ? Names.bytes(hexadecimal: text) : nil
            guard let bytes, let digest = Digest(bytes) else { throw Refusal(fix: "Copy it from: sha256sum PLUGIN.so") }
            return digest
        } show: {
            $0.hexadecimal
        }
    }
}

extension Form where Value == ListenAddress {
    static var listenAddress: Form {
        .scalar(
            .text(what: "an IP address and a port", pattern: "^([0-9.]+|\\[[0-9a-fA-F:]+\\]):[0-9]{1,5}$"),
            example: "127.0.0.1:9464"
        ) { text, _ throws(Refusal) in
            guard let address = ListenAddress(text) else { throw Refusal() }
            return address
        } show: {
            quoted($0.description)
        }
    }
}

extension Form where Value == Bytes {
    /// Any JSON object, kept as canonical JSON text (RFC 8785).
    static var freeObject: Form {
        Form(type: .free) { node, reader in
            FreeObject.read(node, &reader)
        } show: {
            .line($0.text)
        }
    }
}
