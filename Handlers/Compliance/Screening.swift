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
    public func rules(
        for subject: Subject, at time: Timestamp, _ standings: [UserStanding?], _ activity: Activity
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
        let known = standings.compactMap { $0?.country.flatMap(Country.init) }
        rules += settings.countries.rules(for: subject.countries, isExpected: true)
        rules += settings.countries.rules(for: known, isExpected: false)
        rules += UserStanding.rules(for: standings)
        return Rule.allCases.filter(rules.contains)
    }
}
