import Foundation
import LocalCloud

/// Three pieces of work whose way through all four handlers is followed from end to end: what they must publish is
/// looked for on the bus.
struct Story: Sendable {
    /// An event to send: a sample under a number of its own, with some words replaced.
    struct Line: Sendable {
        let detailType: String
        let number: Int
        var replacing: [(String, String)] = []
    }
    struct Chapter: Sendable {
        let title: String
        /// In every event that it leads to.
        let id: String
        let sends: [Line]
        /// Published with the id in it, each at least once.
        let leadsTo: [String]
    }

    static let chapters = [
        Chapter(
            title: "a payment is screened, settled and told of", id: "P-900001",
            sends: ["Initiated", "Authorized", "Settled"].map { Line(detailType: "Payment.\($0).v1", number: 900_001) },
            leadsTo: ["Compliance.Cleared.v1", "Notification.Sent.v1"]),
        Chapter(
            title: "another names somebody on the sanctions list, and its hold is released", id: "B-900002",
            sends: [
                Line(
                    detailType: "Payment.Initiated.v1", number: 900_002,
                    replacing: [("P-{n}", "B-{n}"), ("Bo Chen", "Jane Example")]),
                Line(detailType: "Workflow.Failed.v1", number: 900_002),
            ],
            leadsTo: ["Compliance.Blocked.v1", "Payment.Released.v1", "Notification.Sent.v1"]),
        Chapter(
            title: "a token is minted on five of six networks, and the sixth is reported", id: "M-900003",
            sends: [Line(detailType: "Token.MintRequested.v1", number: 900_003)],
            leadsTo: ["Token.Confirmed.v1", "Token.PartiallyConfirmed.v1"]),
    ]

    /// The queue that sees all that handlers publish.
    static let queue = "story"
    static let pattern = #"{"source":["qsl.treasury","qsl.compliance","qsl.notification","qsl.token"]}"#

    /// What each chapter still waits for, by its place.
    static func missing(in cloud: LocalCloud) -> [[String]] {
        let bodies = cloud.peek(queue).map { String(decoding: $0.message.body.text, as: UTF8.self) }
        return chapters.map { chapter in
            let own = bodies.filter { $0.contains("\(chapter.id)\"") }
            return chapter.leadsTo.filter { type in !own.contains { $0.contains("\"\(type)\"") } }
        }
    }

    static func summary(_ missing: [[String]]) -> [String] {
        zip(chapters, missing).map { chapter, missing in
            let led = chapter.leadsTo.filter { !missing.contains($0) }.joined(separator: ", ")
            let left = missing.isEmpty ? "" : "; MISSING: \(missing.joined(separator: ", "))"
            return "  \(chapter.id): \(chapter.title)\n      \(led)\(left)"
        }
    }
}
