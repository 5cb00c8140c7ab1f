/// All rules, asked of one subject: pure.

public import Kit
import Vocabulary

public struct Screening: Sendable {
    private let settings: ComplianceSettings
    public init(_ settings: ComplianceSettings) { self.settings = settings }

    /// The rules that apply, each once, in the order of ``Rule``.
    ///
    /// - Parameters:
    ///   - standings: of each party; `nil` for a user of whom nothing is known
    ///   - activity: of the user, with this movement in it
    ///   - isFollowed: false of a payment that will not be decided again when its user changes
    public func rules(
        for subject: Subject, at time: Timestamp, _ standings: [UserStanding?], _ activity: Activity,
        isFollowed: Bool = true
    ) throws -> [Rule] {
        var rules = subject.names.flatMap(settings.sanctions.rules)
        if let (unit, amount) = subject.movement {
            let movement = Activity.Movement(at: time, unit: unit.text, amount: amount)
            if let rule = settings.limits.rule(for: amount, of: unit) { rules.append(rule) }
            rules += try settings.velocity.rules(for: movement, in: activity)
            if let structuring = settings.structuring,
                structuring.applies(to: movement, limit: settings.limits[unit], in: activity)
            {
                rules.append(.structuring)
            }
        }
        rules += settings.countries.rules(for: subject.countries, isExpected: true)
        rules += self.rules(for: standings)
        if !isFollowed { rules.append(.notFollowed) }
        return Rule.allCases.filter(rules.contains)
    }

    /// The rules that apply to an open payment now: what its user is has changed, what the payment is has not.
    ///
    /// - Parameter rules: those that applied before
    public func rules(_ rules: [Rule], now standing: UserStanding) -> [Rule] {
        let rules = rules.filter { !Rule.ofUsers.contains($0) } + self.rules(for: [standing])
        return Rule.allCases.filter(rules.contains)
    }

    private func rules(for standings: [UserStanding?]) -> [Rule] {
        let known = standings.compactMap { $0?.country.flatMap(Country.init) }
        return settings.countries.rules(for: known, isExpected: false) + UserStanding.rules(for: standings)
    }
}
