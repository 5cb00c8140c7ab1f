/// What came of a screening, and the record that an auditor reads.

public import Kit
import Vocabulary

/// The audit record of one decision: rules and their version by name, inputs by identifier and hash. It holds no
/// personal data, and is what is kept in state and what is published.
public struct Decision: Hashable, Sendable {
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

    init(_ rules: [Rule], _ scoring: Scoring, version: Identifier, inputs: Inputs) {
        verdict = scoring.verdict(rules)
        score = scoring.score(rules)
        findings = rules.map { rule in
            let weight = scoring.weight(of: rule)
            return Finding(rule: rule.rawValue, verdict: weight.verdict.rawValue, points: weight.points)
        }
        self.version = version
        self.inputs = inputs
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
        let findings = findings.map { finding -> JSON in
            [
                "rule": .string(finding.rule), "verdict": .string(finding.verdict),
                "points": .number(JSON.Number(finding.points)),
            ]
        }
        return .detail([
            .subject: .string(subject.kind.rawValue), .subjectID: subject.id.json, .userID: subject.userID.json,
            .paymentID: subject.kind == .payment ? subject.id.json : nil,
            .requestID: subject.kind == .token ? subject.id.json : nil,
            .revision: subject.revision.map { .number(JSON.Number($0)) },
            .version: version.json, .score: .number(JSON.Number(score)),
            .rule: gravest.map { .string($0.rule) }, .reasons: .array(findings),
            .rules: .array(Rule.asked(of: subject.kind).map { .string($0.rawValue) }),
            .inputs: ["eventId": .string(inputs.eventID), "sha256": .string(inputs.sha256)],
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
}

extension Decision: Codable {
    private enum CodingKeys: String, CodingKey {
        case verdict, score, findings, version, inputs
    }

    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        guard let verdict = Verdict(rawValue: try members.decode(String.self, forKey: .verdict)) else {
            throw JSON.Mismatch("/verdict", expected: "a verdict")
        }
        self.verdict = verdict
        score = try members.decode(Int.self, forKey: .score)
        findings = try members.decode([Finding].self, forKey: .findings)
        version = try members.decode(Identifier.self, forKey: .version)
        inputs = try members.decode(Inputs.self, forKey: .inputs)
    }

    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(verdict.rawValue, forKey: .verdict)
        try members.encode(score, forKey: .score)
        try members.encode(findings, forKey: .findings)
        try members.encode(version, forKey: .version)
        try members.encode(inputs, forKey: .inputs)
    }
}
