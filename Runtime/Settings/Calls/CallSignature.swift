// What a plain C function takes and returns, as an operator writes it: i32(cstr, f64).

public struct CallSignature: Sendable, Hashable {
    public enum ValueType: String, Sendable, CaseIterable {
        case i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, bool, cstr, bytes, void

        var isInteger: Bool { "iu".contains(rawValue.first ?? " ") }
        var isText: Bool { self == .cstr || self == .bytes }
        var isParameter: Bool { self != .void }
        /// What can say an outcome, or nothing at all.
        var isResult: Bool { isInteger || self == .bool || self == .void }

        /// True if a result of this type can be this number.
        func holds(_ number: String) -> Bool {
            switch self {
            case .i8: Int8(number) != nil
            case .i16: Int16(number) != nil
            case .i32: Int32(number) != nil
            case .i64: Int64(number) != nil
            case .u8: UInt8(number) != nil
            case .u16: UInt16(number) != nil
            case .u32: UInt32(number) != nil
            case .u64: UInt64(number) != nil
            case .bool: number == "true" || number == "false"
            case .f32, .f64, .cstr, .bytes, .void: false
            }
        }
    }

    public let result: ValueType
    public let parameters: [ValueType]

    /// Values from the payload that one call takes.
    public static let parametersAtMost = 16

    struct Malformed: Error {
        let why: String
    }

    init() { (result, parameters) = (.void, []) }

    /// - Throws: the first thing that is wrong, in words.
    init(parsing text: String) throws(Malformed) {
        guard text.utf8.count <= 512, let open = text.firstIndex(of: "("), text.last == ")" else {
            throw Malformed(why: "A signature is a type and, in parentheses, the types of what it takes.")
        }
        result = try Self.type(text[..<open])
        guard result.isResult else {
            throw Malformed(why: "A result of \(result.rawValue) says no outcome: it must be an integer, bool or void.")
        }
        let inner = text[text.index(after: open)...].dropLast().trimmed
        var parameters: [ValueType] = []
        if inner != "" && inner != "void" {
            for part in inner.split(separator: ",", omittingEmptySubsequences: false) {
                let type = try Self.type(part)
                guard type.isParameter else { throw Malformed(why: "A parameter cannot be void.") }
                parameters.append(type)
            }
        }
        guard parameters.count <= Self.parametersAtMost else {
            throw Malformed(why: "It takes more than \(Self.parametersAtMost) values.")
        }
        self.parameters = parameters
    }

    private static func type(_ text: Substring) throws(Malformed) -> ValueType {
        let name = text.trimmed
        guard let type = ValueType(rawValue: name) else {
            let known = ValueType.allCases.map(\.rawValue)
            let meant = Nearest.to(name, among: known).map { " Did you mean \($0)?" } ?? ""
            throw Malformed(why: "There is no type \(Quote.found(name)).\(meant)")
        }
        return type
    }

    var text: String { "\(result.rawValue)(\(parameters.map(\.rawValue).joined(separator: ", ")))" }
}

extension Form where Value == CallSignature {
    static var callSignature: Form {
        let types = CallSignature.ValueType.allCases.map(\.rawValue).joined(separator: "|")
        return .scalar(
            .text(what: "a signature", pattern: "^ *(\(types)) *\\([a-z0-9, ]*\\)$"), example: "i32(cstr, f64)"
        ) { text, _ throws(Refusal) in
            do throws(CallSignature.Malformed) { return try CallSignature(parsing: text) } catch {
                throw Refusal(
                    why: error.why,
                    fix: "Types: i8 to i64, u8 to u64, f32, f64, bool, cstr, bytes. For example: i32(cstr, f64)")
            }
        } show: {
            quoted($0.text)
        }
    }
}
