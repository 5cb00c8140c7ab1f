/// The rules' configuration, under a version that every decision names.

public import Kit
import Vocabulary

/// What the operator sets; see the README.
public struct ComplianceSettings: Sendable {
    public let version: Identifier
    public let sanctions: Sanctions
    public let limits: AmountLimits
    public let velocity: Velocity
    public let structuring: Structuring?
    public let countries: Countries
    public let scoring: Scoring
    public let revisit: Revisit
    /// How long a decision is kept.
    public let remember: Duration

    public init(json: JSON) throws(JSON.Mismatch) {
        version = try json.identifier(at: "/version")
        sanctions = try Sanctions(json: json)
        limits = try AmountLimits(json: json)
        velocity = try Velocity(json: json)
        structuring = try Structuring(json: json, limits)
        countries = try Countries(json: json)
        scoring = try Scoring(json: json)
        revisit = try Revisit(json: json)
        remember = try json.period(at: "/remember", default: .seconds(400 * 86_400))
    }

    /// The longest that a rule looks back.
    var longestWindow: Duration { max(velocity.window, structuring?.window ?? velocity.window) }
}
