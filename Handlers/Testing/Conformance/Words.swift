import Events
public import JSON
import Pipeline
import Plugins

// What is found, in words for a person at a terminal.

extension ConformanceReport {
    /// A line per rule; what is broken comes with what to do about it.
    public var words: String {
        var text = path
        if let plugin { text += ": \(plugin.name) \(plugin.version)" }
        text += "\n"
        var handler: HandlerID?
        for verdict in verdicts {
            if verdict.handler != handler, let id = verdict.handler {
                text += "handler \(id)\n"
                handler = id
            }
            // After a rule that ends it all, what was not reached need not be listed.
            if plugin != nil || verdict.result != .notApplicable { text += verdict.words }
        }
        for route in published { text += "it publishes \(route): list it under `publish`\n" }
        for service in called { text += "it calls \(service): list it under `calls`\n" }
        let count = { (result: Verdict.Result) in verdicts.count { $0.result == result } }
        text += "\(verdicts.count) rules: \(count(.pass)) passed, \(count(.fail)) failed, \(count(.note)) notes, "
        return text + "\(count(.notApplicable)) not applicable\n"
    }

    public var json: JSONValue {
        [
            "file": .string(path), "passed": .bool(isPassed),
            "plugin": plugin.map { .string($0.name) } ?? .null, "version": plugin.map { .string($0.version) } ?? .null,
            "publishes": .array(
                published.map { ["source": .string($0.source), "detail-type": .string($0.detailType)] }),
            "calls": .array(called.map { .string($0) }),
            "rules": .array(verdicts.map(\.json)),
        ]
    }
}

extension Verdict {
    private var mark: String {
        switch result {
        case .pass: "pass"
        case .fail: "FAIL"
        case .note: "note"
        case .notApplicable: "  - "
        }
    }

    fileprivate var words: String {
        let number = rule.number < 10 ? " \(rule.number)" : "\(rule.number)"
        var text = "  \(number) \(mark)  \(rule.text)"
        if !detail.isEmpty { text += result == .fail ? "\n             \(detail)" : " (\(detail))" }
        if result == .fail || result == .note {
            text += "\n             \(rule.section). \(rule.remedy)"
        }
        return text + "\n"
    }

    fileprivate var json: JSONValue {
        [
            "number": .integer(Int64(rule.number)), "rule": .string(rule.name), "section": .string(rule.section),
            "handler": handler.map { .string($0.text) } ?? .null, "verdict": .string(result.rawValue),
            "text": .string(rule.text), "detail": .string(detail), "remedy": .string(rule.remedy),
        ]
    }
}

extension SingleRun {
    public var words: String {
        var text = "handler \(handler), event \(event.source) \(event.detailType) \(event.id)\n\(outcome.words)\n"
        for breach in breaches { text += "rule broken: \(breach)\n" }
        for read in reads { text += "read      \(read.key.text) = \(read.value?.text ?? "(absent)")\n" }
        if case .done(let effects) = outcome { text += effects.words }
        for call in calls { text += "call      \(call.service) \(call.method) \(call.path): unavailable\n" }
        for route in denied { text += "denied    \(route)\n" }
        for line in lines {
            let fields = line.fields.map { " \($0.name)=\($0.value)" }.joined()
            text += "log       \(line.level) \(line.message)\(fields)\n"
        }
        for sample in samples {
            let labels = sample.labels.map { " \($0.name)=\($0.value)" }.joined()
            text += "metric    \(sample.name)\(labels) \(sample.value.words)\n"
        }
        for line in output { text += "printed   \(line)\n" }
        return text + "Nothing was applied.\n"
    }
}

extension Outcome {
    fileprivate var words: String {
        func after(_ duration: Duration?) -> String { duration.map { " after \($0.milliseconds) ms" } ?? "" }
        switch self {
        case .done: return "done"
        case .retry(let delay, let reason): return "retry\(after(delay)): \(reason.words)"
        case .reject(let reason): return "reject: \(reason.words)"
        case .wait(let delay, let reason): return "wait\(after(delay)): \(reason.words)"
        case .unanswered: return "unanswered: the deadline passed"
        case .suspect: return "the worker died"
        case .struck(let failure): return "the worker died: \(failure.code.rawValue) \(failure.cause)"
        }
    }
}

extension Reason {
    fileprivate var words: String { detail.isEmpty ? code : "\(code) (\(detail))" }
}

extension Effects {
    fileprivate var words: String {
        var text = ""
        for write in writes {
            let life = write.timeToLive.map { ", for \($0.milliseconds) ms" } ?? ""
            text += "write     \(write.key.text) = \(write.value?.text ?? "(erased)")\(life)\n"
        }
        for draft in drafts { text += "publish   \(draft.source) \(draft.detailType) \(draft.detail.text)\n" }
        for timer in timers {
            text += timer.detail.isEmpty
                ? "timer     \(timer.key.text) removed\n"
                : "timer     \(timer.key.text) at \(timer.at) \(timer.detail.text)\n"
        }
        return text
    }
}

extension HandlerSample.Value {
    fileprivate var words: String {
        switch self {
        case .count(let amount): "+\(amount)"
        case .histogram(let count, let sum, _): "\(count) observed, sum \(sum)"
        }
    }
}

extension Fuzz.Report {
    /// - Parameter command: how the same handler is run again, up to the name of the event's file.
    public func words(run command: String, fuzz: String) -> String {
        guard let finding else { return "\(events) events, seed \(seed): no rule broken\n" }
        var text = "event \(finding.number) of seed \(seed) breaks rule \(finding.rule.number)\n"
        text += "  \(finding.rule.text)\n  \(finding.what)\n  \(finding.rule.remedy)\n"
        guard finding.isAlone else {
            text += "It takes the events before it. Again:\n"
            return text + "  \(fuzz) --seed \(seed) --events \(finding.number + 10)\n"
        }
        let parts = finding.event.json.split(separator: "'", omittingEmptySubsequences: false)
        let quoted = parts.joined(separator: "'\\''")
        return text + "The smallest such event, and the command that repeats it:\n"
            + "  printf '%s' '\(quoted)' | \(command) -\n"
    }
}
