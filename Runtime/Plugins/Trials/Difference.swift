import Events
import Pipeline

/// What two builds of a handler made of one event, compared. Words for people, without payload: how many, of what
/// kind, never the values.
struct Difference: Equatable {
    let result: TrialResult
    let explanation: String

    /// `nil` if they did the same.
    init?(serving: Outcome, trial: Outcome) {
        switch (serving, trial) {
        case (_, .unanswered): self.init(.failed, "it did not answer")
        case (_, .suspect): self.init(.failed, "it crashed")
        case (_, .struck(let failure)): self.init(.failed, "it failed: \(failure.code.rawValue)")
        case (.done(let effects), .done(let others)): self.init(effects, others)
        default:
            guard Self.word(serving) != Self.word(trial) else { return nil }
            self.init(.outcome, "\(Self.word(serving)) became \(Self.word(trial))")
        }
    }

    private init(_ result: TrialResult, _ explanation: String) {
        self.result = result
        self.explanation = explanation
    }

    private init?(_ serving: Effects, _ trial: Effects) {
        if let text = Self.writes(serving.writes, trial.writes) {
            self.init(.state, text)
        } else if let text = Self.drafts(serving.drafts, trial.drafts) {
            self.init(.publish, text)
        } else if let text = Self.timers(serving.timers, trial.timers) {
            self.init(.timer, text)
        } else {
            return nil
        }
    }

    private static func word(_ outcome: Outcome) -> String {
        switch outcome {
        case .done: "done"
        case .retry(_, let reason): "retry \(reason.code)"
        case .reject(let reason): "reject \(reason.code)"
        case .wait(_, let reason): "wait \(reason.code)"
        case .unanswered: "unanswered"
        case .suspect: "suspect"
        case .struck(let failure): "struck \(failure.code.rawValue)"
        }
    }

    private static func writes(_ serving: [StateWrite], _ trial: [StateWrite]) -> String? {
        let values = Dictionary(serving.map { ($0.key, $0.value) }) { _, last in last }
        let others = Dictionary(trial.map { ($0.key, $0.value) }) { _, last in last }
        let missing = values.keys.count { others[$0] == nil }
        let added = others.keys.count { values[$0] == nil }
        let changed = values.count { key, value in others[key].map { $0 != value } ?? false }
        if missing + added + changed == 0 { return nil }
        return "of \(values.count) written keys \(changed) have another value, \(missing) are missing, \(added) are new"
    }

    private static func drafts(_ serving: [Draft], _ trial: [Draft]) -> String? {
        if serving == trial { return nil }
        let types = (serving.map(\.detailType), trial.map(\.detailType))
        if types.0 == types.1 {
            let names = zip(serving, trial).filter { $0 != $1 }.map(\.0.detailType)
            return "published with another content: \(names.joined(separator: ", "))"
        }
        return "published \(list(types.1)) instead of \(list(types.0))"
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "nothing" : names.joined(separator: ", ")
    }

    /// Two runs of one event are apart in time, and so are timers that count from now.
    private static func timers(_ serving: [TimerChange], _ trial: [TimerChange]) -> String? {
        let isSame = serving.count == trial.count && zip(serving, trial).allSatisfy { one, other in
            let apart = one.at < other.at ? other.at - one.at : one.at - other.at
            return one.key == other.key && one.detail == other.detail && apart < .minutes(1)
        }
        return isSame ? nil : "set \(trial.count) timers, other than the \(serving.count)"
    }
}
