import Events
import Pipeline

/// What happened in one world, a line a step: for people.
final class Trace {
    private(set) var lines: [String] = []
    /// The message behind each item, by sidecar.
    private var names: [Int: [ItemID: String]] = [:]
    private static let most = 20_000

    func add(_ now: Int64, _ text: String) {
        guard lines.count < Self.most else { return }
        let seconds = String(now / 1000)
        let rest = String(1000 + now % 1000).dropFirst()
        lines.append(String(repeating: " ", count: max(0, 6 - seconds.utf8.count)) + "\(seconds).\(rest)  \(text)")
    }

    func add(_ now: Int64, _ sidecar: Int, _ input: Input) {
        guard let text = text(of: input, sidecar) else { return }
        add(now, "sidecar \(sidecar) <- \(text)")
    }

    func add(_ now: Int64, _ sidecar: Int, _ action: Action) {
        if case .verify(let ids, let envelopes) = action {
            for (id, envelope) in zip(ids, envelopes) { names[sidecar, default: [:]][id] = envelope.messageID.text }
        }
        guard let text = text(of: action, sidecar) else { return }
        add(now, "sidecar \(sidecar) -> \(text)")
    }

    func add(_ now: Int64, _ sidecar: Int, _ input: Relay.Input) {
        let text: String
        switch input {
        case .due(.success(let rows)) where !rows.isEmpty: text = "due \(rows.map(\.id).joined(separator: " "))"
        case .due(.failure(let failure)): text = "nothing to read: \(failure)"
        case .put(let entries, let failures):
            let ends = zip(entries, failures).map { "\($0.publication.id) \($1.map { "\($0)" } ?? "ok")" }
            text = "put \(ends.joined(separator: ", "))"
        case .settled(let failure): text = "settled \(failure.map { "\($0)" } ?? "ok")"
        case .stop: text = "stop"
        default: return
        }
        add(now, "relay \(sidecar) <- \(text)")
    }

    func add(_ now: Int64, _ sidecar: Int, _ action: Relay.Action) {
        switch action {
        case .put(let rows): add(now, "relay \(sidecar) -> put \(rows.map(\.id).joined(separator: " "))")
        case .settle(let results):
            let ends = results.map { result in
                switch result.end {
                case .sent: "\(result.row) sent"
                case .retry(let at, _): "\(result.row) again at \(Double(Agenda.milliseconds(at)) / 1000)"
                case .gaveUp(let failure): "\(result.row) given up: \(failure)"
                }
            }
            add(now, "relay \(sidecar) -> settle rows \(ends.joined(separator: ", "))")
        case .wake(let at): add(now, "relay \(sidecar) -> wake at \(Double(Agenda.milliseconds(at)) / 1000)")
        case .stopped: add(now, "relay \(sidecar) -> stopped")
        case .read, .note: break
        }
    }

    private func list(_ ids: [ItemID], _ sidecar: Int) -> String {
        ids.map { names[sidecar]?[$0] ?? "?" }.joined(separator: " ")
    }

    private func each<Answer>(
        _ ids: [ItemID], _ answers: [Answer], _ sidecar: Int, _ text: (Answer) -> String
    ) -> String {
        zip(ids, answers).map { "\(names[sidecar]?[$0] ?? "?") \(text($1))" }.joined(separator: ", ")
    }

    private func each<Answer>(
        _ ids: [ItemID], _ result: Result<[Answer], Failure>, _ sidecar: Int, _ text: (Answer) -> String
    ) -> String {
        switch result {
        case .success(let answers): each(ids, answers, sidecar, text)
        case .failure(let failure): "\(list(ids, sidecar)): \(failure)"
        }
    }

    private func text(of input: Input, _ sidecar: Int) -> String? {
        switch input {
        case .received(.success(let envelopes), _):
            let messages = envelopes.map { "\($0.receipt.text)(\($0.body.text))" }
            return messages.isEmpty ? nil : "received \(messages.joined(separator: " "))"
        case .received(.failure(let failure), _): return "receive failed: \(failure)"
        case .verified(let ids, let results):
            return "verified " + each(ids, results, sidecar) { result in
                switch result {
                case .success(let event): event.id.text
                case .failure(let failure): failure.code.rawValue
                }
            }
        case .claimed(let ids, let result): return "claimed " + each(ids, result, sidecar, Self.text)
        case .answered(_, let ids, let result): return "answered " + each(ids, result, sidecar, Self.text)
        case .committed(let ids, let result): return "committed " + each(ids, result, sidecar) { "\($0)" }
        case .refused(let ids, let failure):
            return "refused \(list(ids, sidecar))" + (failure.map { ": \($0)" } ?? "")
        case .sent(let id, let failure): return "sent \(list([id], sidecar)) \(failure.map { "\($0)" } ?? "")"
        case .letterSent(let id, let failure):
            return "letter \(list([id], sidecar)) \(failure.map { "\($0)" } ?? "accepted")"
        case .deleted(let ids, let receipts, let failures):
            return "deleted " + each(ids, Array(zip(receipts, failures)), sidecar) { receipt, failure in
                "by \(receipt.text) \(failure.map { "\($0)" } ?? "ok")"
            }
        case .returned(let ids, _, let failures):
            return "given back " + each(ids, failures, sidecar) { failure in failure.map { "\($0)" } ?? "ok" }
        case .extended(let ids, let failures, let held):
            return "extended " + each(ids, Array(zip(failures, held)), sidecar) { failure, isHeld in
                (failure.map { "\($0)" } ?? "ok") + (isHeld ? "" : ", lease lost")
            }
        case .start: return "start"
        case .storeAway(let failure): return failure == nil ? "the store is back" : "the store is away"
        case .tick, .timers, .pressure, .stop, .adopt: return nil
        default: return nil
        }
    }

    private func text(of action: Action, _ sidecar: Int) -> String? {
        switch action {
        case .claim(let ids, _): "claim \(list(ids, sidecar))"
        case .run(let ids, let batch):
            "run \(list(ids, sidecar)) in \(batch.handler)\(batch.isAlone ? " alone" : "")"
        case .commit(let ids, let commitments):
            "commit " + each(ids, commitments, sidecar) { commitment in
                let verdict =
                    switch commitment.verdict {
                    case .done: "done"
                    case .retry: "retry"
                    case .dead(let failure, _, let parks): "dead \(failure.code.rawValue)\(parks ? ", parks" : "")"
                    }
                return "\(verdict) (fence \(commitment.lease.fence))"
            }
        case .refuse(let ids, let refusals): "refuse " + each(ids, refusals, sidecar) { $0.failure.code.rawValue }
        case .sendLetter(let id, _, _): "send letter \(list([id], sidecar))"
        case .awaitSent(let id, _): "await the bus \(list([id], sidecar))"
        case .delete(let ids, let receipts): "delete " + each(ids, receipts, sidecar) { "by \($0.text)" }
        case .giveBack(let ids, let changes):
            "give back " + each(ids, changes, sidecar) { "for \($0.timeout.milliseconds) ms" }
        case .extend(let ids, _): "extend \(list(ids, sidecar))"
        case .stopped(let left): "stopped, \(left) left"
        default: nil
        }
    }

    private static func text(of claim: Claim) -> String {
        switch claim {
        case .granted(let lease, let history): "granted (fence \(lease.fence), \(history.attempts) attempts)"
        case .done: "done before"
        case .inFlight: "in flight"
        case .dead(let failure): "dead \(failure.code.rawValue)"
        case .refused(let failure): "refused \(failure.code.rawValue)"
        }
    }

    private static func text(of outcome: Outcome) -> String {
        switch outcome {
        case .done: "done"
        case .retry(_, let reason): "retry \(reason.code)"
        case .reject(let reason): "reject \(reason.code)"
        case .wait: "wait"
        case .unanswered: "unanswered"
        case .suspect: "suspect"
        case .struck: "struck"
        }
    }

    static func text(of what: Part.What) -> String {
        switch what {
        case .message(let script):
            var text = "message \(script.number): \(script.kind), event e\(script.identity)"
            if let key = script.key { text += ", key \(key)" }
            if let token = script.token { text += ", token \(token)\(script.isRetyped ? " retyped" : "")" }
            if script.signedBy > 0 { text += ", signed by k\(script.signedBy)" }
            return text + ", group \(script.group), takes \(script.takes) ms, publishes \(script.drafts)"
        case .crash(let sidecar, let away): return "sidecar \(sidecar) crashes, back after \(away) ms"
        case .stop(let sidecar, let grace, _): return "sidecar \(sidecar) is stopped within \(grace) ms"
        case .reload(let sidecar): return "sidecar \(sidecar) reloads"
        case .fault(let fault, let sidecar): return "sidecar \(sidecar): the next fault is \(fault)"
        case .outage(let outage, let lasts): return "the \(outage) is away for \(lasts) ms"
        case .clock(let sidecar, let by): return "sidecar \(sidecar): the clock is set by \(by) ms"
        case .freeze(let sidecar, let lasts): return "sidecar \(sidecar) stands still for \(lasts) ms"
        case .redrive(let overrides):
            return "an operator redrives every dead letter\(overrides ? ", and overrides their age" : "")"
        case .free: return "an operator frees every group"
        }
    }
}
