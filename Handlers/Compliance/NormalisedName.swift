/// Names as screening compares them: without case, accents, punctuation and word order.

/// The words of a name, folded and sorted: "Müller, José" and "JOSE MULLER" are one name.
///
/// Accents and strokes are taken off Latin letters, compatibility forms are resolved. Other scripts are compared as
/// they are: transliteration is not ours to guess, so the configuration says which letters have another spelling.
public struct NormalisedName: Hashable, Sendable {
    public let words: [String]
    /// The letters in the order in which they were written, without spaces.
    let letters: [Unicode.Scalar]

    public init(_ name: String) {
        let written = name.unicodeScalars.lazy.flatMap(NormalisedName.fold).split(separator: " ").map { String($0) }
        words = written.sorted()
        letters = written.flatMap(\.unicodeScalars)
    }

    public var isEmpty: Bool { words.isEmpty }

    public static func == (a: NormalisedName, b: NormalisedName) -> Bool { a.words == b.words }
    public func hash(into hasher: inout Hasher) { hasher.combine(words) }

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

/// A name as somebody wrote it: all the ways in which it is compared.
public struct WrittenName: Sendable {
    /// A name longer than this, in UTF-8, is none.
    public static let longest = 256

    /// As it is, and as the configuration transliterates it where that differs.
    public let spellings: [NormalisedName]
    /// A word of letters from several alphabets, which look alike.
    public let mixesScripts: Bool

    /// - Returns: `nil` for a text without a letter or digit, or one of more than `bytes`.
    public init?(
        _ text: String, _ transliteration: Transliteration = Transliteration(), atMost bytes: Int = WrittenName.longest
    ) {
        guard text.utf8.count <= bytes else { return nil }
        let plain = NormalisedName(text)
        let other = NormalisedName(transliteration.applied(to: text))
        guard !plain.isEmpty else { return nil }
        spellings = plain == other || other.isEmpty ? [plain] : [plain, other]
        mixesScripts = plain.words.contains(where: WrittenName.mixesScripts)
    }

    private static func mixesScripts(_ word: String) -> Bool {
        Set(word.unicodeScalars.compactMap(script)).count > 1
    }

    /// Of the alphabets whose letters are taken for each other.
    private static func script(of scalar: Unicode.Scalar) -> Substring? {
        guard scalar.properties.isAlphabetic else { return nil }
        if scalar.isASCII { return "LATIN" }
        let words = scalar.properties.name?.split(separator: " ") ?? []
        return words.first { ["LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"].contains($0) }
    }
}

/// Other spellings of letters, as configured: "ü" is written "ue", too.
public struct Transliteration: Sendable {
    /// By small letter. Canonically equivalent letters are one `Character`.
    private let spellings: [Character: String]

    public init(_ spellings: [Character: String] = [:]) { self.spellings = spellings }

    func applied(to name: String) -> String {
        guard !spellings.isEmpty else { return name }
        return name.map { letter in
            let small = letter.lowercased()
            return small.count == 1 ? spellings[Character(small)] ?? String(letter) : String(letter)
        }.joined()
    }
}
