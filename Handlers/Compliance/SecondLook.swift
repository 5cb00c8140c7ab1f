/// Open payments are decided again when what is known of their user gets worse.

import Kit
import Vocabulary

/// Keeps which payments of a user are open, and gives them another decision where their user's newest word demands a
/// worse one. What gets better is for people to decide.
struct SecondLook {
    let settings: ComplianceSettings
    let host: any Host
    private var revisit: Revisit { settings.revisit }

    /// What one timer does at most, by the host's limit on drafts; the rest is for the next.
    private static let decisionsAtMost = 12

    // MARK: - which payments are open

    /// Whether a payment of this user can be followed.
    func hasRoom(for userID: Identifier, at time: Timestamp) throws -> Bool {
        guard revisit.from != nil else { return true }
        return try !open(of: userID, at: time).isFull
    }

    /// Follows a payment that was just decided, unless it is blocked, over already, or one too many.
    func follow(_ id: Identifier, of userID: Identifier, _ decision: Decision, at time: Timestamp) throws {
        guard revisit.from != nil, decision.verdict < .block else { return }
        guard try host.read(Following.self, "payment:\(id)") == nil else { return }
        var open = try open(of: userID, at: time)
        guard !open.isFull else { return }
        open.open(
            OpenPayments.Payment(
                id: id, since: time, inputs: decision.inputs, rules: decision.findings.map(\.rule),
                verdict: decision.verdict))
        try host.write(Following(userID: userID), "payment:\(id)", timeToLive: revisit.within)
        try keep(open, of: userID)
    }

    /// A payment is over: settled, failed or released. Noted as well where it was not decided yet.
    func end(_ id: Identifier, at time: Timestamp) throws {
        guard revisit.from != nil else { return }
        let known = try host.read(Following.self, "payment:\(id)")
        if let known, known.userID == nil { return }
        try host.write(Following(userID: nil), "payment:\(id)", timeToLive: revisit.within)
        guard let userID = known?.userID else { return }
        var open = try open(of: userID, at: time)
        open.close(id)
        try keep(open, of: userID)
    }

    private func open(of userID: Identifier, at time: Timestamp) throws -> OpenPayments {
        var open = try host.read(OpenPayments.self, "open:\(userID)") ?? OpenPayments()
        open.forget(before: time + (.zero - revisit.within))
        return open
    }

    private func keep(_ open: OpenPayments, of userID: Identifier) throws {
        let key = "open:\(userID)"
        if open.payments.isEmpty { return try host.erase(key) }
        try host.write(open, key, timeToLive: revisit.within + Activity.lateness)
    }

    // MARK: - another decision

    /// Has the open payments of a user looked at again, at once.
    func plan(for userID: Identifier, at time: Timestamp) throws {
        guard revisit.from != nil, try !open(of: userID, at: time).payments.isEmpty else { return }
        try host.setTimer("revisit:\(userID)", at: time, detail: .detail([.userID: userID.json]))
    }

    func look(at userID: Identifier, at time: Timestamp) throws {
        guard let from = revisit.from, let standing = try host.read(UserStanding.self, "user:\(userID)") else { return }
        var open = try open(of: userID, at: time)
        var decisions = 0
        for payment in open.payments {
            let rules = Screening(settings).rules(payment.rules.compactMap(Rule.init(rawValue:)), now: standing)
            let decision = Decision(
                rules, settings.scoring, version: settings.version, inputs: payment.inputs, cause: standing.inputs)
            guard decision.verdict > payment.verdict, decision.verdict >= from else { continue }
            guard decisions < SecondLook.decisionsAtMost else {
                try plan(for: userID, at: time + .seconds(1))
                break
            }
            decisions += 1
            try say(decision, payment.id, of: userID, standing)
            open.decide(payment.id, rules, decision.verdict)
        }
        if decisions > 0 { try keep(open, of: userID) }
    }

    private func say(
        _ decision: Decision, _ id: Identifier, of userID: Identifier, _ standing: UserStanding
    ) throws {
        try host.write(decision, "decision:payment:\(id):\(standing.revision)", timeToLive: settings.remember)
        if decision.verdict == .block { try host.erase("payment:\(id)") }
        try host.publish(
            Draft(
                decision.route, resource: Resource.screening(Subject.Kind.payment.rawValue, id),
                detail: decision.detail(
                    .payment, id, of: userID, revision: standing.revision,
                    asked: Rule.ofUsers + [.countryBlocked, .countryToReview])))
        host.count("decided_again", ["verdict": decision.verdict.rawValue])
        host.log(
            .info, "decided again",
            [
                "verdict": decision.verdict.rawValue, "score": "\(decision.score)", "version": decision.version.text,
                "rules": decision.findings.map(\.rule).joined(separator: " "),
            ])
    }
}
