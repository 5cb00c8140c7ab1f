/// Names as screening compares them: without case, accents, punctuation and word order.

/// The words of a name, folded and sorted: "Müller, José" and "JOSE MULLER" are one name.
///
/// Accents and strokes are taken off Latin letters, compatibility forms are resolved. Other scripts are compared as
/// they are: transliteration is not ours to guess, so a list names each spelling.
public struct NormalisedName: Hashable, Sendable {
    public let words: [String]

    public init(_ name: String) {
        words = name.unicodeScalars.lazy.flatMap(NormalisedName.fold).split(separator: " ").map { String($0) }.sorted()
    }

    public var isEmpty: Bool { words.isEmpty }

    private static func fold(_ scalar: Unicode.Scalar) -> [Character] {
        let properties = scalar.properties
        if isMark(scalar) { return [] }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter:
            // Small, then capital: so "ß" and its capital become "ss", and the Turkish letters an "i".
            let small = properties.lowercaseMapping.unicodeScalars
            let capitals = small.flatMap(\.properties.uppercaseMapping.unicodeScalars)
            return capitals.filter { !isMark($0) }.flatMap { base(of: $0).lowercased() }
        case .otherLetter, .modifierLetter, .decimalNumber, .spacingMark: return [Character(scalar)]
        default:
            // An apostrophe joins: "O'Neil" is "ONeil". Anything else parts words.
            return scalar == "'" || scalar == "\u{2019}" ? [] : [" "]
        }
    }

    /// What is written over or around a letter, or is not seen at all.
    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        [.nonspacingMark, .enclosingMark, .format].contains(scalar.properties.generalCategory)
    }

    /// "LATIN CAPITAL LETTER O WITH STROKE" is an O. The character names are stable (Unicode, Stability Policies).
    private static func base(of capital: Unicode.Scalar) -> String {
        guard !capital.isASCII, let name = capital.properties.name else { return String(capital) }
        let words = name.split(separator: " ")
        guard let letter = words.firstIndex(of: "LETTER"), words[..<letter].contains("LATIN"),
            letter + 1 < words.count, words[letter + 1].count <= 2,
            letter + 2 == words.count || words[letter + 2] == "WITH"
        else { return String(capital) }
        return String(words[letter + 1])
    }
}
