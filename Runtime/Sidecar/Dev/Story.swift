import Events
import Foundation
import HTTP
import JSON
import LocalCloud

/// Four pieces of work whose way through all four handlers is followed from end to end. Its events come as the service
/// next door publishes them, over the Unix socket; what they lead to is looked for on the bus.
struct Story: Sendable {
    /// An event to publish: a sample under a number of its own, with some words replaced.
    struct Line: Sendable {
        let detailType: String
        let number: Int
        var replacing: [(String, String)] = []
    }
    /// What is published once something else was seen on the bus.
    struct Act: Sendable {
        var after: [String] = []
        let lines: [Line]
    }
    struct Chapter: Sendable {
        let title: String
        /// In every event that it leads to, and the correlation id of all of them.
        let id: String
        let acts: [Act]
        /// Published with the id in it, each at least once.
        let leadsTo: [String]
    }

    static let chapters = [
        Chapter(
            title: "a payment is screened, authorised, settled and told of", id: "P-900001",
            acts: [
                Act(lines: [Line(detailType: "Payment.Initiated.v1", number: 900_001)]),
                Act(
                    after: ["Compliance.Cleared.v1"],
                    lines: ["Authorized", "Settled"].map { Line(detailType: "Payment.\($0).v1", number: 900_001) }),
            ],
            leadsTo: ["Compliance.Cleared.v1", "Notification.Sent.v1"]),
        Chapter(
            title: "another names somebody on the sanctions list, and its hold is released", id: "B-900002",
            acts: [
                Act(lines: [
                    Line(
                        detailType: "Payment.Initiated.v1", number: 900_002,
                        replacing: [("P-{n}", "B-{n}"), ("Bo Chen", "Jane Example")])
                ]),
                Act(
                    after: ["Compliance.Blocked.v1"],
                    lines: [Line(detailType: "Workflow.Failed.v1", number: 900_002)]),
            ],
            leadsTo: ["Compliance.Blocked.v1", "Payment.Released.v1", "Notification.Sent.v1"]),
        Chapter(
            title: "a token is minted on five of six networks, and the sixth is reported", id: "M-900003",
            acts: [Act(lines: [Line(detailType: "Token.MintRequested.v1", number: 900_003)])],
            leadsTo: ["Token.Confirmed.v1", "Token.PartiallyConfirmed.v1"]),
        Chapter(
            title: "a user is closed while a payment is open, and it is stopped", id: "P-900004",
            acts: [
                Act(lines: [Line(detailType: "Payment.Initiated.v1", number: 900_004)]),
                Act(
                    after: ["Compliance.Cleared.v1"],
                    lines: [Line(detailType: "User.Updated.v1", number: 900_004)]),
            ],
            leadsTo: ["Compliance.Cleared.v1", "Compliance.Blocked.v1"]),
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

/// Plays the story: publishes each act when its time has come.
struct Stage {
    let socket: SocketClient
    let samples: [SampleEvent]
    private var next = Story.chapters.map { _ in 0 }

    init(socket: SocketClient, samples: [SampleEvent]) {
        (self.socket, self.samples) = (socket, samples)
    }

    /// True once everything was published.
    var isOver: Bool { zip(next, Story.chapters).allSatisfy { $0 >= $1.acts.count } }

    /// - Returns: what was published now, under the ids that the sidecar gave.
    mutating func play(missing: [[String]]) async throws -> [SampleStream.Entry] {
        var published: [SampleStream.Entry] = []
        for (place, chapter) in Story.chapters.enumerated() where next[place] < chapter.acts.count {
            let act = chapter.acts[next[place]]
            guard act.after.allSatisfy({ !missing[place].contains($0) }) else { continue }
            next[place] += 1
            for line in act.lines { published.append(try await publish(line, of: chapter)) }
        }
        return published
    }

    private func publish(_ line: Story.Line, of chapter: Story.Chapter) async throws -> SampleStream.Entry {
        guard let sample = samples.first(where: { $0.detailType == line.detailType }) else {
            throw Failure(.settingsUnreadable, "samples", "there is no \(line.detailType)")
        }
        let template = line.replacing.reduce(sample.template) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
        let core = template.replacingOccurrences(of: "{n}", with: String(line.number))
        let body = """
            {"source": "\(sample.source)", "detailType": "\(sample.detailType)",
             "resource": "urn:qsl:dev:\(chapter.id)", "trace": {"correlationId": "\(chapter.id)"},
             "detailCore": \(core)}
            """
        let headers = [
            HTTPHeader("Content-Type", "application/json"),
            HTTPHeader("Idempotency-Key", "\(chapter.id)-\(sample.detailType)"),
        ]
        let answer = try await socket.send("POST", "/v1/events", headers: headers, body: Bytes(body))
        guard let id = (try? JSONValue.parse(answer.body))?["events"]?[0]?["id"]?.string else {
            throw Failure(.apiMalformed, "POST /v1/events", "the answer has no id")
        }
        return SampleStream.Entry(
            id: id, flaw: .none, source: sample.source, detailType: sample.detailType, detail: core)
    }
}
