import JSON

/// One entry of a pattern's list (EventBridge user guide, "Comparison operators").
indirect enum EventMatcher: Sendable {
    case equals(EventScalar)
    case prefix([UInt8])
    case suffix([UInt8])
    case equalsIgnoringCase(String)
    case prefixIgnoringCase(String)
    case suffixIgnoringCase(String)
    case wildcard(Wildcard)
    case numeric([NumericBound])
    case addressBlock(AddressBlock)
    case exists(Bool)
    case anythingBut([EventMatcher])

    /// Whether the list may be satisfied by a place that is not there.
    var takesAbsence: Bool { if case .exists(false) = self { true } else { false } }

    func takes(_ scalar: EventScalar) -> Bool {
        switch self {
        case .equals(let value): return value == scalar
        case .exists(let expected): return expected
        case .anythingBut(let refused): return !refused.contains { $0.takes(scalar) }
        case .numeric(let bounds):
            guard case .number(let number) = scalar else { return false }
            return bounds.allSatisfy { $0.holds(number) }
        default:
            guard case .string(let text) = scalar else { return false }
            return takes(text: text)
        }
    }

    private func takes(text: String) -> Bool {
        switch self {
        case .prefix(let prefix): text.utf8.starts(with: prefix)
        case .suffix(let suffix): text.utf8.reversed().starts(with: suffix.reversed())
        case .equalsIgnoringCase(let other): text.lowercased() == other
        case .prefixIgnoringCase(let prefix): text.lowercased().hasPrefix(prefix)
        case .suffixIgnoringCase(let suffix): text.lowercased().hasSuffix(suffix)
        case .wildcard(let wildcard): wildcard.matches(text)
        case .addressBlock(let block): block.contains(text)
        default: false
        }
    }
}

// MARK: - reading

extension EventMatcher {
    static func list(_ node: JSONNode) throws(ServiceError) -> [EventMatcher] {
        guard node.count > 0 else { throw EventPattern.refusal("Empty arrays are not allowed") }
        var matchers: [EventMatcher] = []
        for element in node.elements { matchers.append(try EventMatcher(element)) }
        return matchers
    }

    private init(_ node: JSONNode) throws(ServiceError) {
        switch node.kind {
        case .array: throw EventPattern.refusal("Arrays within arrays are not allowed")
        case .object:
            guard node.count == 1, let (key, value) = node.members.first else {
                throw EventPattern.refusal("Only one key allowed in match expression")
            }
            self = try EventMatcher.expression(key.string ?? "", value)
        default: self = .equals(EventMatcher.scalar(node))
        }
    }

    private static func scalar(_ node: JSONNode) -> EventScalar {
        if let text = node.string { return .string(text) }
        if let number = node.double { return .number(number) }
        return node.bool.map { .bool($0) } ?? .null
    }

    private static func expression(_ name: String, _ value: JSONNode) throws(ServiceError) -> EventMatcher {
        switch name {
        case "prefix", "suffix":
            if value.kind == .object, value.count == 1, let inner = value["equals-ignore-case"] {
                let text = try string(inner, of: name).lowercased()
                return name == "prefix" ? .prefixIgnoringCase(text) : .suffixIgnoringCase(text)
            }
            let text = Array(try string(value, of: name).utf8)
            return name == "prefix" ? .prefix(text) : .suffix(text)
        case "equals-ignore-case": return .equalsIgnoringCase(try string(value, of: name).lowercased())
        case "wildcard": return .wildcard(try Wildcard(try string(value, of: name)))
        case "numeric": return .numeric(try NumericBound.range(value))
        case "cidr": return .addressBlock(try AddressBlock(try string(value, of: name)))
        case "exists":
            guard let expected = value.bool else { throw EventPattern.refusal("exists takes true or false") }
            return .exists(expected)
        case "anything-but": return .anythingBut(try refused(value))
        default: throw EventPattern.refusal("Unrecognized match type \(name.prefix(64))")
        }
    }

    private static func string(_ node: JSONNode, of name: String) throws(ServiceError) -> String {
        guard let text = node.string else { throw EventPattern.refusal("\(name) match pattern must be a string") }
        return text
    }

    /// What `anything-but` names: scalars of one kind, or strings for one operator.
    private static func refused(_ node: JSONNode) throws(ServiceError) -> [EventMatcher] {
        guard node.kind == .object else {
            let values = (node.kind == .array ? node.elements : [node]).map(scalar)
            let areStrings = values.allSatisfy { if case .string = $0 { true } else { false } }
            let areNumbers = values.allSatisfy { if case .number = $0 { true } else { false } }
            guard !values.isEmpty, areStrings || areNumbers else {
                throw EventPattern.refusal("Inside anything-but list, all values must be strings, or all numbers")
            }
            return values.map { .equals($0) }
        }
        guard node.count == 1, let (key, value) = node.members.first, let name = key.string,
            ["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(name)
        else { throw EventPattern.refusal("Unsupported anything-but pattern") }
        let texts = value.kind == .array ? value.elements : [value]
        guard !texts.isEmpty else { throw EventPattern.refusal("Empty arrays are not allowed") }
        var matchers: [EventMatcher] = []
        for node in texts {
            let text = try string(node, of: name)
            guard !text.isEmpty || name == "wildcard" || name == "equals-ignore-case" else {
                throw EventPattern.refusal("Null prefix/suffix not allowed")
            }
            matchers.append(try expression(name, node))
        }
        return matchers
    }
}

// MARK: - operators

/// One comparison with a number.
struct NumericBound: Sendable {
    let comparison: String
    let value: Double

    func holds(_ number: Double) -> Bool {
        switch comparison {
        case "<": number < value
        case "<=": number <= value
        case ">": number > value
        case ">=": number >= value
        default: number == value
        }
    }

    /// One comparison, or a lower bound and then an upper one.
    static func range(_ node: JSONNode) throws(ServiceError) -> [NumericBound] {
        let parts = node.elements
        guard node.kind == .array, parts.count == 2 || parts.count == 4 else {
            throw EventPattern.refusal("Value of numeric must be an array of comparisons and numbers")
        }
        var bounds: [NumericBound] = []
        for place in stride(from: 0, to: parts.count, by: 2) {
            guard let comparison = parts[place].string, ["<", "<=", ">", ">=", "="].contains(comparison),
                let value = parts[place + 1].double
            else { throw EventPattern.refusal("Unrecognized numeric range operator") }
            bounds.append(NumericBound(comparison: comparison, value: value))
        }
        guard bounds.count == 2 else { return bounds }
        guard bounds[0].comparison.hasPrefix(">"), bounds[1].comparison.hasPrefix("<") else {
            throw EventPattern.refusal("Bad numeric range operator: a lower bound, then an upper one")
        }
        guard bounds[0].value < bounds[1].value else { throw EventPattern.refusal("Bottom must be less than top") }
        return bounds
    }
}

/// `*` stands for any run of characters, `\*` and `\\` for themselves.
struct Wildcard: Sendable {
    /// What has to follow one another, with anything in between.
    private let pieces: [[UInt8]]

    /// EventBridge bounds the machine that a pattern compiles to; we bound what makes it grow.
    static let mostStars = 5

    init(_ text: String) throws(ServiceError) {
        var pieces: [[UInt8]] = [[]]
        var bytes = Array(text.utf8)[...]
        var wasStar = false
        while let byte = bytes.popFirst() {
            switch byte {
            case UInt8(ascii: "*"):
                guard !wasStar else { throw EventPattern.refusal("Consecutive wildcard characters") }
                pieces.append([])
            case UInt8(ascii: "\\"):
                guard let next = bytes.popFirst(), next == UInt8(ascii: "*") || next == byte else {
                    throw EventPattern.refusal("Invalid escape character in wildcard")
                }
                pieces[pieces.count - 1].append(next)
            default: pieces[pieces.count - 1].append(byte)
            }
            wasStar = byte == UInt8(ascii: "*")
        }
        guard pieces.count - 1 <= Wildcard.mostStars else {
            throw EventPattern.refusal("Rule is too complex - try using fewer wildcard characters")
        }
        self.pieces = pieces
    }

    func matches(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        guard let first = pieces.first, let last = pieces.last else { return false }
        guard pieces.count > 1 else { return rest.elementsEqual(first) }
        guard rest.starts(with: first) else { return false }
        rest = rest.dropFirst(first.count)
        for piece in pieces.dropFirst().dropLast() {
            guard let start = Wildcard.find(piece, in: rest) else { return false }
            rest = rest[(start + piece.count)...]
        }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }

    private static func find(_ piece: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
        guard !piece.isEmpty else { return text.startIndex }
        guard text.count >= piece.count else { return nil }
        return (text.startIndex...text.endIndex - piece.count).first { text[$0...].starts(with: piece) }
    }
}
