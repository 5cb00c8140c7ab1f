/// The rules of compliance by name, and what each weighs.

import Kit

/// Names of rules, as decisions carry them.
public enum Rule: String, CaseIterable, Hashable, Sendable {
    case sanctionedName = "sanctioned-name"
    case similarName = "similar-name"
    case listedNameWithin = "listed-name-within"
    case mixedScripts = "mixed-scripts"
    case unitNotAllowed = "unit-not-allowed"
    case amountOverLimit = "amount-over-limit"
    case amountToReview = "amount-to-review"
    case tooMany = "too-many"
    case tooMuch = "too-much"
    case structuring
    case countryBlocked = "country-blocked"
    case countryToReview = "country-to-review"
    case countryNotStated = "country-not-stated"
    case userNotVerified = "user-not-verified"
    case userRejected = "user-rejected"
    case userBlocked = "user-blocked"
    case userUnderReview = "user-under-review"
    case userClosed = "user-closed"
    case notFollowed = "not-followed"

    /// The rules that read nothing but what is known of a user.
    static let ofUsers: [Rule] = [.userNotVerified, .userRejected, .userBlocked, .userUnderReview, .userClosed]

    /// The rules that are asked of a subject.
    static func asked(of subject: Subject) -> [Rule] {
        let names: [Rule] = [.sanctionedName, .similarName, .listedNameWithin, .mixedScripts]
        let countries: [Rule] = [.countryBlocked, .countryToReview, .countryNotStated]
        let amounts: [Rule] = [.unitNotAllowed, .amountOverLimit, .amountToReview, .tooMany, .tooMuch, .structuring]
        return switch subject.kind {
        case .payment: names + amounts + countries + ofUsers + [.notFollowed]
        case .token: (subject.movement == nil ? names : amounts) + [.countryBlocked, .countryToReview] + ofUsers
        case .user: names + countries
        }
    }
}

/// What may come of a screening, from the best to the worst.
public enum Verdict: String, CaseIterable, Hashable, Comparable, Sendable, Codable {
    case clear, review, block

    public static func < (a: Verdict, b: Verdict) -> Bool { a.rank < b.rank }
    private var rank: Int { Verdict.allCases.firstIndex(of: self) ?? 0 }
}

/// What a rule does when it applies: its own verdict, and its points of the risk score.
public struct Weight: Hashable, Sendable {
    public let verdict: Verdict
    public let points: Int

    static let pointsAllowed = 0...100

    /// Where the configuration sets none.
    static func standard(of rule: Rule) -> Weight {
        switch rule {
        case .sanctionedName, .userBlocked, .userRejected, .userClosed, .countryBlocked:
            Weight(verdict: .block, points: 100)
        case .unitNotAllowed, .amountOverLimit: Weight(verdict: .block, points: 60)
        case .similarName, .listedNameWithin, .mixedScripts: Weight(verdict: .review, points: 50)
        case .structuring, .countryToReview, .userUnderReview: Weight(verdict: .review, points: 40)
        case .amountToReview, .tooMany, .tooMuch, .userNotVerified, .notFollowed:
            Weight(verdict: .review, points: 30)
        case .countryNotStated: Weight(verdict: .clear, points: 10)
        }
    }
}

/// From rules that apply to a verdict.
public struct Scoring: Sendable {
    private let weights: [Rule: Weight]
    /// The score from which on something is reviewed, or blocked, whatever its rules say one by one.
    public let review: Int
    public let block: Int

    public func weight(of rule: Rule) -> Weight { weights[rule] ?? Weight.standard(of: rule) }

    /// The sum of the points, at most 100.
    public func score(_ rules: [Rule]) -> Int { min(100, rules.reduce(0) { $0 + weight(of: $1).points }) }

    public func verdict(_ rules: [Rule]) -> Verdict {
        let score = score(rules)
        let byScore: Verdict = score >= block ? .block : score >= review ? .review : .clear
        return max(byScore, rules.map { weight(of: $0).verdict }.max() ?? .clear)
    }

    /// Both `/rules` and `/score` may be left out.
    init(json: JSON) throws(JSON.Mismatch) {
        var weights: [Rule: Weight] = [:]
        for member in try json.optionalMembers(at: "/rules") {
            let place = "/rules" / member.key
            guard let rule = Rule(rawValue: member.key) else { throw JSON.Mismatch(place, expected: "a rule's name") }
            let standard = Weight.standard(of: rule)
            weights[rule] = Weight(
                verdict: try json.optional(at: place / "verdict", Scoring.verdict) ?? standard.verdict,
                points: try json.optional(at: place / "points", Scoring.points) ?? standard.points)
        }
        self.weights = weights
        review = try json.optional(at: "/score/review", Scoring.points) ?? 50
        block = try json.optional(at: "/score/block", Scoring.points) ?? 100
        guard review >= 1, review <= block else {
            throw JSON.Mismatch("/score/review", expected: "a score from 1 to that of `block`")
        }
    }

    private static func verdict(_ json: JSON, _ place: Pointer) throws(JSON.Mismatch) -> Verdict {
        guard let verdict = Verdict(rawValue: try json.string(at: place)) else {
            throw JSON.Mismatch(place, expected: "clear, review or block")
        }
        return verdict
    }

    private static func points(_ json: JSON, _ place: Pointer) throws(JSON.Mismatch) -> Int {
        let points = try json.integer(at: place)
        guard Weight.pointsAllowed.contains(points) else {
            throw JSON.Mismatch(place, expected: "points from 0 to 100")
        }
        return points
    }
}
