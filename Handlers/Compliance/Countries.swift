/// Countries that are blocked or reviewed.

import Kit

/// A code of ISO 3166-1: two capital letters.
public struct Country: Hashable, Sendable {
    public let code: String
    public init?(_ code: String) {
        guard code.utf8.count == 2, code.utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
        else { return nil }
        self.code = code
    }
}

public struct Countries: Sendable {
    private let blocked: Set<Country>
    private let review: Set<Country>

    /// - Parameter isExpected: every party should have said its country
    func rules(for countries: [Country?], isExpected: Bool) -> [Rule] {
        let stated = countries.compactMap(\.self)
        var rules: [Rule] = []
        if stated.contains(where: blocked.contains) { rules.append(.countryBlocked) }
        if stated.contains(where: review.contains) { rules.append(.countryToReview) }
        let matters = !blocked.isEmpty || !review.isEmpty
        if matters, isExpected, stated.count < countries.count { rules.append(.countryNotStated) }
        return rules
    }

    /// `{"countries": {"blocked": ["XA"], "review": ["XB"]}}`; may be left out.
    init(json: JSON) throws(JSON.Mismatch) {
        blocked = try Countries.set(at: "/countries/blocked", in: json)
        review = try Countries.set(at: "/countries/review", in: json)
    }

    private static func set(at place: Pointer, in json: JSON) throws(JSON.Mismatch) -> Set<Country> {
        var countries: Set<Country> = []
        for index in try json.optionalArray(at: place).indices {
            countries.insert(try json.country(at: place / String(index)))
        }
        return countries
    }
}

extension JSON {
    func country(at place: Pointer) throws(Mismatch) -> Country {
        guard let country = Country(try string(at: place)) else {
            throw Mismatch(place, expected: "a country's code of two capital letters")
        }
        return country
    }
}
