public import Events
import Hummingbird
import JSON
public import Pipeline

/// Who runs recorded events again.
public protocol ReplayOffice: Sendable {
    /// Throws `api.throttled` while another one is under way, and what the journal and the ledger throw.
    func replay(
        _ query: ReplayQuery, _ plan: ReplayPlan, by author: LetterAuthor
    ) async throws(Failure) -> ReplayReport
}

/// `POST /v1/replays`, for operators: some events at a time; the same request with `after` goes on.
struct ReplayRoutes: Sendable {
    let office: any ReplayOffice
    let clock: any WallClock

    func add(to router: Router<APIContext>) {
        router.post("/v1/replays") { request, context in
            try context.require(.operate)
            let bytes = try await collectBody(request, limit: context.limits.bounds.body)
            let order = try ReplayOrder(bytes, at: clock.now)
            var plan = order.plan
            plan.deadline = clock.now + Limits.letterRequest
            let author = try LetterAuthor(of: context.peer, reason: order.reason, isNeeded: plan.applies)
            let report = try await office.replay(order.query, plan, by: author)
            return Response(
                status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: report.json(of: order.query).serialised())))
        }
    }
}

/// The body of a request for a replay.
struct ReplayOrder: Sendable {
    let query: ReplayQuery
    let plan: ReplayPlan
    let reason: String

    private static let members = [
        "from", "to", "source", "detailType", "handler", "queue", "after", "limit", "rate", "apply", "reason",
    ]

    /// - Throws: `api.malformed`.
    init(_ body: Bytes, at now: Instant) throws(Failure) {
        let root = try PublishBody.document(body)
        guard root.kind == .object else { throw Failure(.apiMalformed, "body", "it is no object") }
        for (key, _) in root.members where !Self.members.contains(key.string ?? "") {
            let name = String((key.string ?? "").prefix(64))
            throw Failure(.apiMalformed, name, "there is no such member, but \(Self.members)")
        }
        func text(_ name: String) throws(Failure) -> String? {
            guard let node = root[name] else { return nil }
            guard let bytes = node.stringBytes, Identifier.isText(bytes) else {
                throw Failure(.apiMalformed, name, "a short text without control characters")
            }
            return bytes.text
        }
        func moment(_ name: String) throws(Failure) -> Instant {
            guard let instant = try text(name).flatMap({ Moment.parse($0, at: now) }) else {
                throw Failure(
                    .apiMalformed, name, "as RFC 3339 has it, 2026-11-21T08:00:00Z, or so long ago: -90s, -1h, -7d")
            }
            return instant
        }
        func number(_ name: String, _ range: ClosedRange<Int64>, standard: Int64) throws(Failure) -> Int64 {
            guard let node = root[name] else { return standard }
            guard let value = node.int, range.contains(value) else {
                throw Failure(.apiMalformed, name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        // What is recorded from now on, by this replay too, is not replayed.
        var query = ReplayQuery(from: try moment("from"), to: min(try moment("to"), now))
        query.source = try text("source")
        query.detailType = try text("detailType")
        query.handler = try text("handler").map { HandlerID($0) }
        query.queue = try text("queue").map { QueueName($0) }
        query.after = try number("after", 0...Int64.max, standard: 0)
        var plan = ReplayPlan()
        let limit = Int64(Limits.replayPage)
        plan.atMost = Int(try number("limit", 1...limit, standard: limit))
        plan.rate = Double(try number("rate", 1...1_000, standard: Int64(Limits.replayRate)))
        if let node = root["apply"] {
            guard let applies = node.bool else { throw Failure(.apiMalformed, "apply", "true or false") }
            plan.applies = applies
        }
        (self.query, self.plan, reason) = (query, plan, try text("reason") ?? "")
    }
}

extension ReplayReport {
    func json(of query: ReplayQuery) -> JSONValue {
        [
            "from": .time(query.from), "to": .time(query.to), "events": .array(events.map(\.json)),
            "withoutPayload": .count(withoutPayload), "next": next.map { .integer($0) } ?? .null,
        ]
    }
}

extension ReplayedEvent {
    /// What it would write and publish by name and size: the values stay where they are.
    fileprivate var json: JSONValue {
        let event = recorded.event
        return [
            "number": .integer(recorded.number), "eventId": .string(event.id.text),
            "source": .string(event.source), "detailType": .string(event.detailType),
            "queue": .string(recorded.queue.text), "handler": .string(recorded.handler.text),
            "recorded": ["outcome": .string(recorded.word.rawValue), "code": .string(recorded.code)],
            "outcome": .string(word.rawValue), "code": .string(code), "cause": .string(cause),
            "differs": .bool(differs), "applied": .bool(isApplied),
            "writes": .array(effects.writes.map { write in
                ["key": .string(write.key.text), "bytes": write.value.map { .count($0.count) } ?? .null]
            }),
            "publishes": .array(effects.drafts.map { draft in
                [
                    "source": .string(draft.source), "detailType": .string(draft.detailType),
                    "resource": .string(draft.resource), "bytes": .count(draft.detail.count),
                ]
            }),
            "timers": .count(effects.timers.count),
        ]
    }
}
