import Events
import JSON
import Pipeline
import Store

/// A report on a journal, for people and for machines.
struct JournalWords {
    private let report: JournalReport
    private let hasKeys: Bool

    init(_ report: JournalReport, hasKeys: Bool) {
        self.report = report
        self.hasKeys = hasKeys
    }

    var text: String {
        var lines = [rows, heads]
        lines += report.findings.map { "broken: \($0.words)" }
        if report.isCut { lines.append("broken: and more") }
        if report.findings.isEmpty { lines.append(sound) }
        return lines.joined(separator: "\n") + "\n"
    }

    private var rows: String {
        guard let range = report.range else { return "no rows; numbers go on behind \(report.first - 1)" }
        let kept = report.first > 1 ? ", those before \(report.first) were given up" : ""
        return "\(report.rows) rows, \(range.lowerBound) to \(range.upperBound)\(kept)"
    }

    private var heads: String {
        guard let newest = report.newestHead?.statement else { return "no head is sealed yet" }
        let signed = report.signed == report.heads ? "all signed" : "\(report.signed) of them signed"
        return "\(report.heads) heads, \(signed); the newest is \(newest.number):\(newest.hash.hexadecimal), sealed "
            + "\(Timestamp.text(of: newest.time)), \(report.unsealed) rows behind it"
    }

    private var sound: String {
        if hasKeys { return "sound: every row fits the chain, and every head its signature" }
        return "sound as it is: every row fits the chain; give --keys, since without them anybody could have made it"
    }

    var json: String {
        var members = [
            JSONMember("store", .string(report.store)), JSONMember("rows", .integer(Int64(report.rows))),
            JSONMember("first", .integer(report.range?.lowerBound ?? 0)),
            JSONMember("last", .integer(report.range?.upperBound ?? 0)),
            JSONMember("kept", .integer(report.first)), JSONMember("heads", .integer(Int64(report.heads))),
            JSONMember("signed", .integer(Int64(report.signed))),
            JSONMember("unsealed", .integer(Int64(report.unsealed))), JSONMember("keys", .bool(hasKeys)),
        ]
        if let head = report.newestHead { members.append(JSONMember("head", head.json)) }
        members.append(
            JSONMember(
                "findings",
                .array(
                    report.findings.map {
                        .object([
                            JSONMember("kind", .string($0.kind)), JSONMember("words", .string($0.words)),
                        ])
                    })))
        if report.isCut { members.append(JSONMember("more", .bool(true))) }
        return JSONValue.object(members).compactText + "\n"
    }
}

extension JournalFinding {
    /// For machines.
    fileprivate var kind: String {
        switch self {
        case .missing: "missing"
        case .beginning: "beginning"
        case .tail: "tail"
        case .changed: "changed"
        case .rewritten: "rewritten"
        case .payload: "payload"
        case .writer: "writer"
        case .signature: "signature"
        case .unknownKey: "unknown-key"
        case .unsigned: "unsigned"
        case .expected: "expected"
        }
    }
}
