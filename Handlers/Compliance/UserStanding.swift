/// What is known of a user: how far the house knows them, and what came of their screening.

import Kit

/// "Know your customer": how far a user's identity is established.
public enum Verification: String, CaseIterable, Hashable, Sendable, Codable {
    case none, pending, verified, rejected, expired
}

/// The newest that was said of a user. Kept without a time to live, and without a name.
public struct UserStanding: Hashable, Sendable, Codable {
    public let revision: Int
    public let verification: Verification
    public let country: String?
    /// What came of screening the user.
    public let verdict: String
    /// True of a user whom the house serves no more.
    public let isClosed: Bool
    /// The event that said all this.
    public let inputs: Inputs

    public init(
        revision: Int, verification: Verification, country: Country?, verdict: Verdict, isClosed: Bool, inputs: Inputs
    ) {
        self.revision = revision
        self.isClosed = isClosed
        self.inputs = inputs
        self.verification = verification
        self.country = country?.code
        self.verdict = verdict.rawValue
    }

    /// What it says against somebody's payments. A user of whom nothing is known is not verified.
    static func rules(for standings: [UserStanding?]) -> [Rule] {
        let rules = standings.flatMap { standing -> [Rule] in
            guard let standing else { return [.userNotVerified] }
            var rules: [Rule] = []
            if standing.verification == .rejected { rules.append(.userRejected) } else if
                standing.verification != .verified
            { rules.append(.userNotVerified) }
            if standing.verdict == Verdict.block.rawValue { rules.append(.userBlocked) }
            if standing.verdict == Verdict.review.rawValue { rules.append(.userUnderReview) }
            if standing.isClosed { rules.append(.userClosed) }
            return rules
        }
        return Rule.allCases.filter(rules.contains)
    }
}
