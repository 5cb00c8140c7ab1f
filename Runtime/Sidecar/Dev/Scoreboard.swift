import Events
import Foundation
import LocalCloud
import Pipeline
import Synchronization

/// What was expected of each event, and what became of it.
final class Scoreboard: PipelineObserver {
    struct Row: Sendable {
        let handler: String
        var received = 0
        var done = 0
        var duplicates = 0
        var letters: [String: Int] = [:]
        var milliseconds: [Int64] = []
        var waiting = 0
    }

    private struct State: Sendable {
        var rows: [String: Row] = [:]
        /// Ids done or refused as duplicates, by queue.
        var done: [String: Set<String>] = [:]
        var expectedDone: [String: Set<String>] = [:]
        var expectedLetters: [String: [String: Int]] = [:]
        var expectedDuplicates: [String: Int] = [:]
        var missing = Story.chapters.map(\.leadsTo)
    }

    private let state = Mutex(State())
    /// Their names, in the order of the table.
    private let queues: [String]

    init(queues: [String]) {
        self.queues = queues
        state.withLock { state in
            for queue in queues { state.rows[queue] = Row(handler: queue) }
        }
    }

    /// Which queues the bus sends an event to: as the rules of ``DevHome/queues`` say.
    private func queues(for entry: SampleStream.Entry) -> [String] {
        if entry.flaw == .malformed { return ["treasury"] }
        let told: [String]
        switch entry.source {
        case "qsl.tokens": told = ["token"]
        case "qsl.users": told = ["compliance"]
        case "qsl.workflows": told = ["treasury"]
        default:
            switch entry.detailType {
            case "Payment.Initiated.v1": told = ["treasury", "compliance", "ledger"]
            case "Payment.Settled.v1": told = ["treasury", "compliance", "notification", "ledger"]
            default: told = ["treasury", "ledger"]
            }
        }
        return told.filter(queues.contains)
    }

    func expect(_ entries: [SampleStream.Entry]) {
        state.withLock { state in
            for entry in entries {
                for queue in queues(for: entry) {
                    if let code = entry.flaw.code {
                        state.expectedLetters[queue, default: [:]][code.rawValue, default: 0] += 1
                    } else {
                        state.expectedDone[queue, default: []].insert(entry.id)
                        if entry.flaw == .repeated { state.expectedDuplicates[queue, default: 0] += 1 }
                    }
                }
            }
        }
    }

    func note(_ event: PipelineEvent, of queue: QueueName, at now: Instant) {
        state.withLock { state in
            switch event {
            case .received(let count, _): state.rows[queue.text]?.received += count
            case .settled(let settlements): for each in settlements { Self.count(each, of: queue, in: &state) }
            default: break
            }
        }
    }

    private static func count(_ settlement: PipelineEvent.Settlement, of queue: QueueName, in state: inout State) {
        switch settlement.how {
        case .done:
            state.rows[queue.text]?.done += 1
            state.rows[queue.text]?.milliseconds.append(settlement.endToEnd.milliseconds)
            state.done[queue.text, default: []].insert(settlement.subject.event?.id.text ?? "")
        case .duplicate: state.rows[queue.text]?.duplicates += 1
        default: break
        }
    }

    /// Looks into the queues and the dead letters.
    func read(_ cloud: LocalCloud) {
        let statistics = cloud.statistics
        let missing = Story.missing(in: cloud)
        state.withLock { state in
            state.missing = missing
            for handler in queues {
                let queue = statistics.queue(handler)
                state.rows[handler]?.waiting = (queue?.depth ?? 0) + (queue?.inFlight ?? 0) + (queue?.delayed ?? 0)
                var letters: [String: Int] = [:]
                for peeked in cloud.peek("\(handler)-dlq") { letters[Self.code(of: peeked.message), default: 0] += 1 }
                state.rows[handler]?.letters = letters
            }
        }
    }

    private static func code(of message: Message) -> String {
        for attribute in message.attributes where attribute.name == "outrigger-failure" {
            if case .string(let text) = attribute.value, let start = text.range(of: #""code":""#) {
                return String(text[start.upperBound...].prefix { $0 != "\"" })
            }
        }
        return "without a reason"
    }

    var rows: [Row] { state.withLock { state in queues.compactMap { state.rows[$0] } } }

    /// Nothing waits, and nothing that was expected is missing. What is too much shows in the summary.
    var isSettled: Bool {
        differences.isEmpty && rows.allSatisfy { $0.waiting == 0 } && missing.allSatisfy(\.isEmpty)
    }

    /// What each chapter of the story still waits for.
    var missing: [[String]] { state.withLock { $0.missing } }

    private var differences: [String] {
        state.withLock { state in
            var differences: [String] = []
            for queue in queues {
                let missing = (state.expectedDone[queue] ?? []).subtracting(state.done[queue] ?? [])
                if !missing.isEmpty { differences.append("\(queue): \(missing.count) events are not done") }
                let letters = state.rows[queue]?.letters ?? [:]
                let expected = state.expectedLetters[queue] ?? [:]
                for code in Set(letters.keys).union(expected.keys).sorted() where letters[code] != expected[code] {
                    differences.append(
                        "\(queue): \(letters[code] ?? 0) dead letters \(code), expected \(expected[code] ?? 0)")
                }
                let duplicates = state.rows[queue]?.duplicates ?? 0
                if duplicates < state.expectedDuplicates[queue] ?? 0 {
                    differences.append("\(queue): \(duplicates) duplicates were recognised")
                }
            }
            return differences
        }
    }

    var summary: String {
        let done = rows.reduce(0) { $0 + $1.done }
        let duplicates = rows.reduce(0) { $0 + $1.duplicates }
        let letters = rows.reduce(0) { $0 + $1.letters.values.reduce(0, +) }
        let milliseconds = rows.flatMap(\.milliseconds).sorted()
        let median = milliseconds.isEmpty ? 0 : milliseconds[milliseconds.count / 2]
        var lines = [
            "",
            "\(done) done, \(duplicates) recognised as repeated, \(letters) in the dead-letter queues, each with its "
                + "reason. Half of them within \(median) ms of the bus.",
        ]
        lines += Story.summary(missing)
        let differences = differences
        lines += differences.isEmpty ? ["Every event ended where it should."] : differences
        return lines.joined(separator: "\n")
    }
}
