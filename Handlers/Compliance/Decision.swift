/// What came of a screening, and the record that an auditor reads.

public import Kit
import Vocabulary

/// The audit record of one decision: rules and their version by name, inputs by identifier and hash. It holds no
/// personal data, and is what is kept in state and what is published.
public struct Decision: Hashable, Sendable, Codable {
    /// A rule that applied, and what it weighed.
    public struct Finding: Hashable, Sendable, Codable {
        public let rule: String
        public let verdict: String
        public let points: Int
    }

    public let verdict: Verdict
    public let score: Int
    public let findings: [Finding]
    public let version: Identifier
    public let inputs: Inputs
    /// The word on the user that made an open payment be decided again; `nil` for the first decision.
    public let cause: Inputs?

    init(_ rules: [Rule], _ scoring: Scoring, version: Identifier, inputs: Inputs, cause: Inputs? = nil) {
        verdict = scoring.verdict(rules)
        score = scoring.score(rules)
        findings = rules.map { rule in
            let weight = scoring.weight(of: rule)
            return Finding(rule: rule.rawValue, verdict: weight.verdict.rawValue, points: weight.points)
        }
        self.version = version
        self.inputs = inputs
        self.cause = cause
    }

    /// The finding that weighs most: the first of the worst.
    public var gravest: Finding? {
        findings.max { a, b in
            (Verdict(rawValue: a.verdict) ?? .clear, a.points) < (Verdict(rawValue: b.verdict) ?? .clear, b.points)
        }
    }

    var route: Route {
        switch verdict {
        case .clear: .complianceCleared
        case .review: .complianceReviewRequired
        case .block: .complianceBlocked
        }
    }

    /// The payload of the event that says it.
    func detail(about subject: Subject) -> JSON {
        detail(
            subject.kind, subject.id, of: subject.userID, revision: subject.revision,
            asked: Rule.asked(of: subject))
    }

    /// - Parameter revision: of the user whose word was decided on
    func detail(
        _ kind: Subject.Kind, _ id: Identifier, of userID: Identifier, revision: Int?, asked: [Rule]
    ) -> JSON {
        let findings = findings.map { finding -> JSON in
            [
                "rule": .string(finding.rule), "verdict": .string(finding.verdict),
                "points": .number(JSON.Number(finding.points)),
            ]
        }
        return .detail([
            .subject: .string(kind.rawValue), .subjectID: id.json, .userID: userID.json,
            .paymentID: kind == .payment ? id.json : nil, .requestID: kind == .token ? id.json : nil,
            .revision: revision.map { .number(JSON.Number($0)) },
            .version: version.json, .score: .number(JSON.Number(score)),
            .rule: gravest.map { .string($0.rule) }, .reasons: .array(findings),
            .rules: .array(asked.map { .string($0.rawValue) }), .inputs: inputs.json, .cause: cause?.json,
        ])
    }
}

/// What a decision was taken on: which event, and a hash of its payload.
public struct Inputs: Hashable, Sendable, Codable {
    public let eventID: String
    /// Of the payload with its members in order, in hexadecimal digits.
    public let sha256: String

    public init(_ event: Event) {
        eventID = event.id
        sha256 = SHA256.hexadecimal(of: event.detail.bytes)
    }

    var json: JSON { ["eventId": .string(eventID), "sha256": .string(sha256)] }
}
