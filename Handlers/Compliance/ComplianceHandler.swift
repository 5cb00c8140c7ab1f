/// Screens payments, users and token operations before they go on: cleared, to be reviewed, or blocked.

public import Kit
import Vocabulary

public struct ComplianceHandler: Handler {
    public static let id = "compliance"
    public static let summary = "Screens payments, users and tokens: sanctions, limits, velocity, countries, identity"
    public static let routes: [Route] = [
        .paymentInitiated, .userRegistered, .userUpdated, .tokenMintRequested, .tokenTransferRequested,
        .tokenBurnRequested, .tokenMetadataRequested,
    ] + ends
    /// After these nothing of a payment can be stopped any more.
    static let ends: [Route] = [.paymentSettled, .paymentFailed, .paymentReleased]
    // What is one piece of work differs by event type, so it is kept in state and not declared as `businessKey`.
    public static let stateKeys: [KeyTemplate] = [
        "decision:payment:{/paymentId}", "decision:token:{/requestId}", "decision:user:{/userId}:{/revision}",
        "user:{/userId}", "user:{/from}", "user:{/to}", "user:{/owner}", "activity:{/userId}", "activity:{/from}",
        "activity:{/to}", "payment:{/paymentId}", "open:{/userId}",
    ]
    public static let publishes: [Route] = [.complianceCleared, .complianceReviewRequired, .complianceBlocked]
    public static let services: [Service] = [.state, .publish, .timer]
    public static let configSchema: String? = ComplianceSettings.schema

    private let settings: ComplianceSettings

    public init(config: JSON) throws { settings = try ComplianceSettings(json: config) }

    public func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        let secondLook = SecondLook(settings: settings, host: host)
        if event.isTimer {
            try secondLook.look(at: event.detail.identifier(at: .userID), at: event.signedAt)
        } else if Self.ends.contains(Route(event.source, event.detailType)) {
            try secondLook.end(event.detail.identifier(at: .paymentID), at: event.signedAt)
        } else {
            try decide(event, secondLook, host)
        }
        return .done
    }

    private func decide(_ event: Event, _ secondLook: SecondLook, _ host: any Host) throws {
        let subject = try Subject(event, settings.sanctions.transliteration)
        let inputs = Inputs(event)
        if let decided = try host.read(Decision.self, "decision:\(subject.work)") {
            guard decided.inputs.sha256 == inputs.sha256 else {
                throw Rejection("compliance.inputs-changed", "it was decided on another payload before")
            }
            host.count("decided_before")
            return
        }
        let standings = try subject.parties.map { try host.read(UserStanding.self, "user:\($0)") }
        let activity = try activity(with: subject, at: event.signedAt, host)
        let isPayment = subject.kind == .payment
        let rules = try Screening(settings).rules(
            for: subject, at: event.signedAt, standings, activity,
            isFollowed: !isPayment || secondLook.hasRoom(for: subject.userID, at: event.signedAt))
        let decision = Decision(rules, settings.scoring, version: settings.version, inputs: inputs)
        try record(decision, on: subject, activity, host)
        if isPayment { try secondLook.follow(subject.id, of: subject.userID, decision, at: event.signedAt) }
        if subject.kind == .user { try secondLook.plan(for: subject.id, at: event.signedAt) }
    }

    /// The user's activity as it is if this goes on.
    private func activity(with subject: Subject, at time: Timestamp, _ host: any Host) throws -> Activity {
        guard let (unit, amount) = subject.movement else { return Activity() }
        let before = try host.read(Activity.self, "activity:\(subject.userID)") ?? Activity()
        return before.adding(
            Activity.Movement(at: time, unit: unit.text, amount: amount), keeping: settings.longestWindow)
    }

    /// Keeps the decision, says it, and remembers what it means for later ones. What was blocked moved nothing.
    private func record(
        _ decision: Decision, on subject: Subject, _ activity: Activity, _ host: any Host
    ) throws {
        try host.write(decision, "decision:\(subject.work)", timeToLive: settings.remember)
        if subject.movement != nil, decision.verdict != .block {
            try host.write(
                activity, "activity:\(subject.userID)", timeToLive: settings.longestWindow + Activity.lateness)
        }
        if subject.kind == .user { try remember(decision, on: subject, host) }
        try host.publish(
            Draft(
                decision.route, resource: Resource.screening(subject.kind.rawValue, subject.id),
                detail: decision.detail(about: subject)))
        host.count("decisions", ["verdict": decision.verdict.rawValue, "subject": subject.kind.rawValue])
        host.log(
            .info, "decided",
            [
                "subject": subject.kind.rawValue, "verdict": decision.verdict.rawValue, "score": "\(decision.score)",
                "version": decision.version.text, "rules": decision.findings.map(\.rule).joined(separator: " "),
            ])
    }

    /// The newest revision stands, whatever the order in which they come.
    private func remember(_ decision: Decision, on subject: Subject, _ host: any Host) throws {
        guard let revision = subject.revision, let verification = subject.verification else { return }
        let key = "user:\(subject.id)"
        let known = try host.read(UserStanding.self, key)
        guard known.map({ $0.revision < revision }) ?? true else { return }
        try host.write(
            UserStanding(
                revision: revision, verification: verification, country: subject.countries.first ?? nil,
                verdict: decision.verdict, isClosed: subject.isClosed, inputs: decision.inputs), key)
    }
}
