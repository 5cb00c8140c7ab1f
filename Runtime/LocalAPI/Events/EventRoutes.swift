import Events
import Hummingbird
import JSON
public import Pipeline

/// What the service next door does with events: hand them in, look at them, follow them.
public struct EventRoutes: Sendable {
    let journal: any JournalReader
    let publishing: Publishing?
    let standing: @Sendable (String) async -> [Standing]
    let keep: @Sendable () -> Duration
    let clock: any WallClock
    var timing = EventStream.Timing()

    /// - Parameters:
    ///   - publishing: `nil` where nothing is signed, or there is no bus.
    ///   - standing: what of an event or a message is in hand now.
    ///   - keep: how long an Idempotency-Key is remembered.
    public init(
        journal: any JournalReader, publishing: Publishing?, standing: @escaping @Sendable (String) async -> [Standing],
        keep: @escaping @Sendable () -> Duration, clock: any WallClock
    ) {
        self.journal = journal
        self.publishing = publishing
        self.standing = standing
        self.keep = keep
        self.clock = clock
    }

    func add(to router: Router<APIContext>) {
        router.post("/v1/events") { try await publish($0, $1) }
        router.get("/v1/events") { try await search($0, $1) }
        router.get("/v1/events/stream") { request, context in
            try stream(request, context) { _ in }
        }
        router.get("/v1/events/stream/user/:userId") { request, context in
            let user = try EventQuery.segment(try context.parameters.require("userId"))
            return try stream(request, context) { $0.userID = user }
        }
        router.get("/v1/events/:correlationId") { try await timeline($0, $1) }
        router.get("/v1/explain/:eventId") { try await explain($0, $1) }
    }

    // MARK: - publish

    private func publish(_ request: Request, _ context: APIContext) async throws -> Response {
        try context.require(.publish)
        guard let publishing else { throw Failure(.publishOff, "", "there is no `signing`, or no `bus`") }
        let bytes = try await collectBody(request, limit: context.limits.bounds.body)
        let headers = PublishHeaders(request.headers)
        let key = try headers.idempotencyKey()
        let body = try PublishBody(bytes, headers)
        let decision = PublishDecision(
            grant: context.peer.grant, schemas: publishing.schemas(), size: publishing.size, keep: keep())
        var random = SystemRandomNumberGenerator()
        let submission: Submission
        do throws(PublishRefusal) {
            submission = try decision.submission(
                of: body, key: key, traceParent: headers.traceParent, at: clock.now, &random)
        } catch { throw ProblemError(error) }
        let ids = try await take(submission, by: publishing.intake)
        return PublishReceipt(submission, ids: ids).response
    }

    /// A store that may end with its pod answers when the bus has them: for who waits that long, it is not known.
    private func take(_ submission: Submission, by intake: any Intake) async throws -> [String] {
        try await withThrowingTaskGroup(of: [String].self) { group in
            defer { group.cancelAll() }
            group.addTask { try await intake.submit(submission, at: clock.now) }
            group.addTask {
                try await Task.sleep(for: Limits.publishPatience)
                throw Failure(
                    .publishUnavailable, "events", "they may have been taken; ask again under the same Idempotency-Key")
            }
            guard let ids = try await group.next() else { throw CancellationError() }
            return ids
        }
    }

    // MARK: - journal

    private func search(_ request: Request, _ context: APIContext) async throws -> Response {
        try context.require(.read)
        let allowed = EventQuery.searchParameters + EventQuery.pageParameters
        let parameters = try EventQuery.parameters(request.uri.query, allowed)
        let query = try EventQuery.query(parameters, at: clock.now)
        return try await page(of: query, "/v1/events", parameters, context)
    }

    private func timeline(_ request: Request, _ context: APIContext) async throws -> Response {
        try context.require(.read)
        let correlation = try EventQuery.segment(try context.parameters.require("correlationId"))
        let parameters = try EventQuery.parameters(request.uri.query, EventQuery.pageParameters)
        var query = try EventQuery.query(parameters, at: clock.now)
        query.correlationID = correlation
        return try await page(of: query, "/v1/events/\(PercentCoding.encode(correlation))", parameters, context)
    }

    private func page(
        of query: JournalQuery, _ path: String, _ parameters: [String: String], _ context: APIContext
    ) async throws -> Response {
        let page = try await JournalPage.read(query, for: context.peer.grant, from: journal)
        let next = page.next.map { EventQuery.next(path, parameters, after: $0) }
        var response = Response.json(.ok, page.json(next: next))
        // RFC 8288, section 3.
        if let next { response.headers.set("Link", "<\(next)>; rel=\"next\"") }
        return response
    }

    private func stream(
        _ request: Request, _ context: APIContext, _ narrow: (inout JournalQuery) -> Void
    ) throws -> Response {
        try context.require(.read)
        let parameters = try EventQuery.parameters(request.uri.query, EventQuery.streamParameters)
        var query = try EventQuery.query(parameters, at: clock.now)
        narrow(&query)
        query.source = nil
        let header = request.headers.first { $0.name.canonicalName == "last-event-id" }
        let last = try ServerSentEvent.lastNumber(header: header?.value, parameter: parameters["lastEventId"])
        let permit = try context.limits.openStream()
        let stream = EventStream(
            journal: journal, query: query, source: parameters["source"], grant: context.peer.grant, last: last,
            channel: context.channel, timing: timing)
        return Response(
            status: .ok,
            headers: [.contentType: ServerSentEvent.mediaType, .cacheControl: "no-store"],
            body: ResponseBody { writer in
                defer { withExtendedLifetime(permit) {} }
                try await stream.write(to: &writer, request)
            })
    }

    // MARK: - explain

    private func explain(_ request: Request, _ context: APIContext) async throws -> Response {
        try context.require(.read)
        let id = try EventQuery.segment(try context.parameters.require("eventId"))
        _ = try EventQuery.parameters(request.uri.query, [])
        guard let explanation = try await explanation(of: id, for: context.peer.grant) else {
            throw Failure(.apiNotFound, id, "no event and no message of this id is known, or you may not see it")
        }
        if MediaType.prefersText(request.headers[.accept] ?? "") {
            return Response(
                status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: explanation.text)))
        }
        return .json(.ok, explanation.json.serialised())
    }

    private func explanation(of id: String, for grant: Grant) async throws(Failure) -> Explanation? {
        var query = JournalQuery()
        query.event = id
        query.atMost = Limits.explainedRows
        let all = try await journal.rows(query)
        let rows = all.filter { grant.sees($0.entry) }
        let inHand = await standing(id).filter { grant.sees($0) }
        // An account says neither source nor tenant: it is for who sees a row, or all of them.
        let isOpen = !rows.isEmpty || (all.isEmpty && (!inHand.isEmpty || grant.seesAll))
        let accounts = isOpen ? try await journal.accounts(of: id) : []
        var published = JournalQuery()
        published.parent = id
        published.atMost = Limits.explainedRows
        let children = try await journal.rows(published).filter { grant.sees($0.entry) }
        return Explanation.make(of: id, rows: rows, children: children, accounts: accounts, standing: inHand)
    }
}

extension Grant {
    fileprivate var seesAll: Bool { sources.isEmpty && tenants.isEmpty }

    /// As of the rows that it will have: what is not verified yet is for who looks after the sidecar.
    func sees(_ standing: Standing) -> Bool {
        guard standing.event != nil else { return roles.contains(.operate) }
        var entry = JournalEntry(time: standing.since, kind: .event, direction: .incoming, outcome: .retry)
        entry.source = standing.source
        entry.tenantID = standing.tenantID
        return mayRead(entry)
    }
}

extension PublishHeaders {
    init(_ fields: HTTPFields) {
        contentType = fields[.contentType] ?? ""
        for field in fields {
            let name = field.name.canonicalName
            if name.hasPrefix("ce-") { attributes.append((String(name.dropFirst(3)), field.value)) }
            if name == "traceparent" { traceParent = field.value }
            if name == "idempotency-key" { idempotencyKeys.append(field.value) }
        }
    }
}

extension PublishReceipt {
    fileprivate var response: Response {
        var response = Response.json(isReplay ? .ok : .accepted, json)
        if let location { response.headers[.location] = location }
        if isReplay { response.headers.set("Idempotent-Replayed", "true") }
        return response
    }
}

extension HTTPFields {
    /// A field that the library has no name for.
    fileprivate mutating func set(_ name: String, _ value: String) {
        if let name = Element.Name(name) { self[name] = value }
    }
}

extension ProblemError {
    fileprivate init(_ refusal: PublishRefusal) {
        self.init(refusal.failure)
        guard let first = refusal.violations.first else { return }
        more.append(JSONMember("pointer", .string("/detailCore" + first.pointer)))
        more.append(
            JSONMember(
                "violations",
                .array(
                    refusal.violations.map {
                        ["pointer": .string("/detailCore" + $0.pointer), "rule": .string($0.why)]
                    })))
    }
}

extension Response {
    fileprivate static func json(_ status: HTTPResponse.Status, _ bytes: [UInt8]) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
