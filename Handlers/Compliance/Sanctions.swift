/// Screening of names against the list that the operator configured.

import Kit

/// The list. An exact normalised match is one rule, a near one another: it is never passed over, and never blocked.
public struct Sanctions: Sendable {
    private let exact: Set<NormalisedName>
    private let listed: [NormalisedName]
    /// Letters by which a similar name may differ; one for each four of its letters at most, so that short names are
    /// not similar to everything.
    private let distance: Int
    private let findsWithin: Bool
    public let transliteration: Transliteration

    static let distancesAllowed = 0...4
    static let namesAtMost = 20_000

    public func rules(for name: WrittenName) -> [Rule] {
        if name.spellings.contains(where: exact.contains) { return [.sanctionedName] }
        var rules: [Rule] = []
        if name.spellings.contains(where: isSimilar) { rules.append(.similarName) }
        if findsWithin, name.spellings.contains(where: holdsListed) { rules.append(.listedNameWithin) }
        if name.mixesScripts { rules.append(.mixedScripts) }
        return rules
    }

    private func isSimilar(_ name: NormalisedName) -> Bool {
        listed.contains { NameDistance.isNear(name, $0, edits: min(distance, $0.letters.count / 4)) }
    }

    /// All words of a listed name are among those of this one.
    private func holdsListed(_ name: NormalisedName) -> Bool {
        listed.contains { listed in
            guard listed.words.count < name.words.count else { return false }
            // Both are sorted.
            var rest = name.words[...]
            return listed.words.allSatisfy { word in
                guard let place = rest.firstIndex(of: word) else { return false }
                rest = rest[(place + 1)...]
                return true
            }
        }
    }

    /// `{"names": ["Jane Example"], "distance": 1, "within": true, "transliterate": {"ü": "ue"}}`
    init(json: JSON) throws(JSON.Mismatch) {
        var letters: [Character: String] = [:]
        for member in try json.optionalMembers(at: "/sanctions/transliterate") {
            let place = "/sanctions/transliterate" / member.key
            let small = member.key.lowercased()
            guard small.count == 1 else { throw JSON.Mismatch(place, expected: "one letter as the member's name") }
            letters[Character(small)] = try json.string(at: place)
        }
        transliteration = Transliteration(letters)
        var names: Set<NormalisedName> = []
        for index in try json.array(at: "/sanctions/names").indices {
            let place = "/sanctions/names" / String(index)
            guard index < Sanctions.namesAtMost, let name = WrittenName(try json.string(at: place), transliteration)
            else { throw JSON.Mismatch(place, expected: "a name of at most 256 bytes, and 20,000 names at most") }
            names.formUnion(name.spellings)
        }
        exact = names
        listed = Array(names)
        distance = try json.optional(at: "/sanctions/distance") { (json, place) throws(JSON.Mismatch) in
            try json.integer(at: place)
        } ?? 1
        guard Sanctions.distancesAllowed.contains(distance) else {
            throw JSON.Mismatch("/sanctions/distance", expected: "0 to 4 letters")
        }
        findsWithin = try json.optional(at: "/sanctions/within") { (json, place) throws(JSON.Mismatch) in
            try json.boolean(at: place)
        } ?? true
    }
}
