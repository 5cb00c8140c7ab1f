import Events
import JSON
import Pipeline
import Settings

/// What looking at a store found, for people and for machines.
struct StoreReport: Sendable {
    let place: String
    let kind: StoreSettings.Kind
    let findings: [StoreFinding]

    var isFit: Bool { findings.allSatisfy { $0.verdict != .unfit } }

    var text: String {
        let rows = findings.flatMap { finding -> [[String]] in
            let word = switch finding.verdict {
            case .fit: "ok"
            case .note: "note"
            case .unfit: "UNFIT"
            }
            let first = [word, finding.subject, finding.words]
            return finding.advice.isEmpty ? [first] : [first, ["", "", finding.advice]]
        }
        let count = findings.count { $0.verdict == .unfit }
        return Columns.text(rows) + "\n\(place): " + (count == 0 ? "fit" : "unfit")
    }

    var json: JSONValue {
        [
            "store": .string(place), "kind": .string(kind.rawValue), "fit": .bool(isFit),
            "findings": .array(
                findings.map { finding in
                    [
                        "verdict": .string(finding.verdict.rawValue), "subject": .string(finding.subject),
                        "words": .string(finding.words), "advice": .string(finding.advice),
                    ]
                }),
        ]
    }
}

/// How much is in a store.
struct StoreStatsReport: Sendable {
    let place: String
    let kind: StoreSettings.Kind
    let now: Instant
    var size = StoreSize(tables: [], bytes: 0, isExact: true)
    /// Events that wait for the bus, and when the first of them was committed.
    var waiting = 0
    var oldest: Instant?
    /// The journal's last number; `nil` where it was not asked for.
    var newest: Int64?

    var text: String {
        var rows = size.tables.filter { $0.name != "outbox" }
            .map { [$0.name, (size.isExact || $0.name == "claims" ? "" : "about ") + "\($0.rows)"] }
        let age = oldest.map { ", the oldest for \(Columns.text(of: now - $0))" } ?? ""
        rows.append(["outbox", "\(waiting)\(age)"])
        if let newest { rows.append(["journal's newest", "\(newest)"]) }
        rows.append(["size", Columns.text(ofBytes: Int64(size.bytes))])
        return "\(place)\n" + Columns.text(rows, indentation: "  ")
    }

    var json: JSONValue {
        var tables = size.tables.filter { $0.name != "outbox" }.map { JSONMember($0.name, .integer(Int64($0.rows))) }
        tables.append(JSONMember("outbox", .integer(Int64(waiting))))
        return [
            "store": .string(place), "kind": .string(kind.rawValue), "bytes": .integer(Int64(size.bytes)),
            "exact": .bool(size.isExact), "tables": .object(tables),
            "oldestInOutbox": oldest.map { .string(Timestamp.text(of: $0)) } ?? .null,
            "newestInJournal": newest.map { .integer($0) } ?? .null,
        ]
    }
}
