public import Events
public import Plugins

/// What became of one rule.
public struct Verdict: Sendable, Hashable {
    public enum Result: String, Sendable {
        case pass
        case fail
        /// Worth a look, and no reason to refuse the plugin.
        case note
        case notApplicable = "not applicable"
    }
    public let rule: Rule
    /// `nil` for a rule of the whole library.
    public let handler: HandlerID?
    public let result: Result
    /// What was seen.
    public let detail: String
}

/// Every rule, and what became of it.
public struct ConformanceReport: Sendable {
    public let path: String
    /// `nil` if it did not load.
    public let plugin: PluginDescription?
    public let sandbox: SandboxReport?
    public let verdicts: [Verdict]
    /// What its handlers published: to be listed in the operator's configuration.
    public let published: [RoutePattern]
    /// The services that they called, likewise.
    public let called: [String]

    public var isPassed: Bool { !verdicts.contains { $0.result == .fail } }
    public var failures: [Verdict] { verdicts.filter { $0.result == .fail } }
    public var notes: [Verdict] { verdicts.filter { $0.result == .note } }
}

/// A rule that an event, or what came of it, was seen to break.
struct Breach: Sendable, Hashable {
    let rule: Rule
    let what: String

    init(_ rule: Rule, _ what: String) {
        self.rule = rule
        self.what = what
    }

    /// What an outcome breaks, if it does.
    init?(of outcome: Outcome, isLate: Bool) {
        switch outcome {
        case .struck(let failure): self.init(death: failure)
        case .suspect: self.init(.survives, "the worker died while it ran these events together")
        case .unanswered:
            self.init(.deadline, isLate ? "it answered after the deadline, when nothing counts" : "no answer in time")
        case .retry(_, let reason) where reason.code == "unanswered": self.init(.answers, reason.detail)
        case .reject(let reason) where reason.code == "publish.invalid": self.init(.publishes, reason.detail)
        case .retry(_, let reason), .reject(let reason), .wait(_, let reason):
            guard let why = Self.fault(in: reason) else { return nil }
            self.init(.reasons, why)
        case .done: return nil
        }
    }

    private init(death failure: Failure) {
        let rule: Rule
        switch failure.code {
        case .handleTimedOut: rule = .deadline
        case .handleBadFrame: rule = .channel
        default:
            if failure.cause.contains("status 71") {
                rule = .resultBounds
            } else if failure.cause.contains("status 72") {
                rule = .borrowed
            } else if failure.cause.contains("socket") {
                rule = .channel
            } else {
                rule = .survives
            }
        }
        self.init(rule, "\(failure.code.rawValue): \(failure.cause)")
    }

    private static func fault(in reason: Reason) -> String? {
        if reason.code.isEmpty { return "an answer without a code" }
        if reason.code.hasPrefix("-") || reason.code.hasSuffix("-") || reason.code.contains("--") {
            return "a code that is no code: it was made \(reason.code)"
        }
        return reason.detail.contains("\u{FFFD}") ? "a detail that is not UTF-8, with the code \(reason.code)" : nil
    }

    /// What a journal shows, once its workers have ended.
    static func all(in journal: BenchJournal) -> [Breach] {
        var breaches: [Breach] = []
        for text in Set(journal.breaches).sorted() {
            breaches.append(Breach(text.hasPrefix("destroy()") ? .destroys : .limits, text))
        }
        if journal.lines.contains(where: { $0.hasGarbage }) {
            breaches.append(Breach(.log, "a line that is not UTF-8"))
        }
        let dropped = journal.dropped
        if dropped.lines > 0 {
            breaches.append(Breach(.log, "\(dropped.lines) lines beyond 200 a second were dropped"))
        }
        if dropped.samples > 0 {
            breaches.append(
                Breach(.metrics, "\(dropped.samples) samples were dropped: a bad name, or more than 200 series"))
        }
        for route in Set(journal.denied).sorted(by: { $0.description < $1.description }) {
            breaches.append(Breach(.publishes, "\(route) is not listed, and was denied"))
        }
        return breaches
    }
}

extension HandlerLine {
    fileprivate var hasGarbage: Bool {
        message == "(not UTF-8)" || fields.contains { $0.name == "(not UTF-8)" || $0.value == "(not UTF-8)" }
    }
}
