import Events
import Hummingbird
import JSON
import Pipeline

/// Dead letters, for operators: look, group, send back, throw away, edit.
///
/// A request works for at most ``Limits/letterRequest``, and says whether it saw all: the same one again goes on.
struct LetterRoutes: Sendable {
    let office: any LetterOffice
    let clock: any WallClock

    func add(to router: Router<APIContext>) {
        router.get("/v1/dead-letters") { request, context in
            try context.require(.operate)
            let (place, filter, limit) = try LetterQuery.read(request.uri.query, at: clock.now)
            var list = try await office.list(place, filter)
            if list.letters.count > limit {
                list.letters.removeLast(list.letters.count - limit)
                list.isWhole = false
            }
            return Self.answer(list.json)
        }
        router.get("/v1/dead-letters/groups") { request, context in
            try context.require(.operate)
            let (place, filter, _) = try LetterQuery.read(request.uri.query, at: clock.now)
            return Self.answer(try await office.list(place, filter).groupsJSON)
        }
        router.get("/v1/dead-letters/:id") { request, context in
            try context.require(.operate)
            let (place, _, _) = try LetterQuery.read(request.uri.query, at: clock.now)
            let id = try EventQuery.segment(try context.parameters.require("id"))
            let (boxed, letter) = try await office.letter(MessageID(id), in: place)
            return Self.answer(letter.json(with: boxed))
        }
        router.post("/v1/dead-letters/redrive") { request, context in
            let order = try await read(request, context)
            var plan = try order.plan()
            if plan.canary == 0 { plan.deadline = clock.now + Limits.letterRequest }
            let report = try await office.redrive(
                order.place, try order.filter(), plan, by: try order.author(context.peer), progress: { _ in })
            return Self.answer(report.json)
        }
        router.post("/v1/dead-letters/discard") { request, context in
            let order = try await read(request, context)
            let report = try await office.discard(
                order.place, try order.filter(), until: clock.now + Limits.letterRequest,
                by: try order.author(context.peer, needsReason: true))
            return Self.answer(report.json)
        }
        router.post("/v1/dead-letters/notes") { request, context in
            let order = try await read(request, context)
            try await office.note(
                try order.action(), try order.notes(), in: order.place, by: try order.author(context.peer))
            return Response(status: .noContent)
        }
        router.post("/v1/dead-letters/:id/edit") { request, context in
            let order = try await read(request, context)
            let id = try EventQuery.segment(try context.parameters.require("id"))
            let edited = try await office.edit(
                MessageID(id), in: order.place, core: try order.core(), by: try order.author(context.peer))
            return Self.answer(edited.json)
        }
    }

    private func read(_ request: Request, _ context: APIContext) async throws -> LetterOrder {
        try context.require(.operate)
        let bytes = try await collectBody(request, limit: context.limits.bounds.body)
        return try LetterOrder(bytes, at: clock.now)
    }

    private static func answer(_ value: JSONValue) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.serialised())))
    }
}

/// What somebody asks of a box, read from the parameters of a request.
enum LetterQuery {
    static let parameters = [
        "queue", "box", "code", "handler", "detailType", "group", "attempts", "olderThan", "youngerThan", "limit",
    ]

    static func read(_ query: String?, at now: Instant) throws(Failure) -> (LetterPlace, LetterFilter, Int) {
        let found = try EventQuery.parameters(query, parameters)
        let place = try place(queue: found["queue"], box: found["box"])
        var filter = LetterFilter()
        filter.queue = place.box == .publications ? nil : place.queue
        filter.code = found["code"]
        filter.handler = found["handler"]
        filter.detailType = found["detailType"].map { NamePattern($0) }
        if let text = found["group"] { filter.fingerprint = try fingerprint(text) }
        if let text = found["attempts"] { filter.attempts = try number("attempts", text, 0...Int(Int32.max)) }
        if let text = found["olderThan"] { filter.olderThan = try seconds("olderThan", text) }
        if let text = found["youngerThan"] { filter.youngerThan = try seconds("youngerThan", text) }
        let limit = try found["limit"].map { text throws(Failure) in
            try number("limit", text, 1...Limits.lettersLooked)
        }
        return (place, filter, limit ?? Limits.journalPage)
    }

    static func place(queue: String?, box: String?) throws(Failure) -> LetterPlace {
        let kinds = LetterPlace.Box.allCases.map(\.rawValue).joined(separator: ", ")
        guard let box = LetterPlace.Box(rawValue: box ?? LetterPlace.Box.deadLetters.rawValue) else {
            throw Failure(.apiMalformed, "box", "one of " + kinds)
        }
        guard let queue = queue ?? (box == .publications ? "" : nil) else {
            throw Failure(.apiMalformed, "queue", "name the queue whose dead letters are meant")
        }
        return LetterPlace(queue: QueueName(queue), box: box)
    }

    static func fingerprint(_ text: String) throws(Failure) -> LetterFingerprint {
        guard let fingerprint = LetterFingerprint(text) else {
            throw Failure(.apiMalformed, "group", "CODE/HANDLER/DETAIL-TYPE, as the list of groups has it")
        }
        return fingerprint
    }

    private static func number(_ name: String, _ text: String, _ range: ClosedRange<Int>) throws(Failure) -> Int {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text), range.contains(value) else {
            throw Failure(.apiMalformed, name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    private static func seconds(_ name: String, _ text: String) throws(Failure) -> Duration {
        .seconds(try number(name, text, 0...Int(Int32.max)))
    }
}

/// The body of a request that moves letters.
struct LetterOrder: Sendable {
    let place: LetterPlace
    private let root: JSONNode
    private let now: Instant

    /// - Throws: `api.malformed`.
    init(_ body: Bytes, at now: Instant) throws(Failure) {
        root = try PublishBody.document(body)
        guard root.kind == .object else { throw Failure(.apiMalformed, "body", "it is no object") }
        let known = [
            "queue", "box", "id", "group", "all", "rate", "canary", "patience", "arrivedBy", "reason", "detailCore",
            "action", "letters",
        ]
        for (key, _) in root.members {
            let name = key.string ?? ""
            guard known.contains(name) else {
                throw Failure(.apiMalformed, String(name.prefix(64)), "there is no such member, but \(known)")
            }
        }
        place = try LetterQuery.place(queue: root["queue"]?.string, box: root["box"]?.string)
        self.now = now
    }

    /// Exactly one of `id`, `group` and `all` says which: nobody means all by leaving something out.
    func filter() throws(Failure) -> LetterFilter {
        var filter = LetterFilter()
        filter.queue = place.box == .publications ? nil : place.queue
        let named = [root["id"]?.string != nil, root["group"]?.string != nil, root["all"]?.bool == true]
        guard named.count(where: { $0 }) == 1 else {
            throw Failure(.apiMalformed, "body", "one of id, group and all (true) says which letters are meant")
        }
        if let id = root["id"]?.string { filter.ids = [MessageID(id)] }
        if let group = root["group"]?.string { filter.fingerprint = try LetterQuery.fingerprint(group) }
        if let node = root["arrivedBy"] {
            guard let bytes = node.stringBytes, let instant = Timestamp.parse(bytes) else {
                throw Failure(.apiMalformed, "arrivedBy", "a time such as 2026-11-21T08:00:00Z")
            }
            filter.arrivedBy = instant
        }
        return filter
    }

    func plan() throws(Failure) -> RedrivePlan {
        var plan = RedrivePlan()
        if let node = root["rate"] {
            guard let rate = node.double, rate >= 0.01, rate <= 100_000 else {
                throw Failure(.apiMalformed, "rate", "letters a second, from 0.01 to 100000")
            }
            plan.rate = rate
        }
        if let node = root["canary"] {
            guard let count = node.int, (0...Int64(Limits.letterCanary)).contains(count) else {
                throw Failure(.apiMalformed, "canary", "a whole number from 0 to \(Limits.letterCanary)")
            }
            plan.canary = Int(count)
        }
        if let node = root["patience"] {
            guard let seconds = node.int, (1...3600).contains(seconds) else {
                throw Failure(.apiMalformed, "patience", "seconds, from 1 to 3600")
            }
            plan.patience = .seconds(seconds)
        }
        return plan
    }

    func author(_ peer: Peer, needsReason: Bool = false) throws(Failure) -> LetterAuthor {
        let reason = root["reason"]?.string ?? ""
        guard Identifier.isText(reason.utf8), reason.utf8.count <= Limits.letterReasonBytes,
            !needsReason || !reason.isEmpty
        else {
            throw Failure(
                .apiMalformed, "reason", "why, in 1 to \(Limits.letterReasonBytes) bytes without control characters")
        }
        return LetterAuthor(name: "peer \(peer.grant.name) (uid \(peer.user))", reason: reason)
    }

    func action() throws(Failure) -> JournalEntry.Outcome {
        let actions: [JournalEntry.Outcome] = [.redriven, .edited, .discarded]
        guard let action = actions.first(where: { $0.rawValue == root["action"]?.string }) else {
            throw Failure(.apiMalformed, "action", "redriven, edited or discarded")
        }
        return action
    }

    func notes() throws(Failure) -> [LetterNote] {
        guard let node = root["letters"], node.kind == .array, (1...Limits.journalPage).contains(node.count) else {
            throw Failure(.apiMalformed, "letters", "1 to \(Limits.journalPage) letters")
        }
        var notes: [LetterNote] = []
        for letter in node.elements {
            func text(_ name: String) throws(Failure) -> String {
                guard let member = letter[name] else { return "" }
                guard let bytes = member.stringBytes, Identifier.isText(bytes) else {
                    throw Failure(.apiMalformed, "letters", "\(name) is no short text without control characters")
                }
                return bytes.text
            }
            var note = LetterNote()
            (note.message, note.event, note.parent) = (try text("message"), try text("event"), try text("parent"))
            (note.code, note.handler) = (try text("code"), try text("handler"))
            notes.append(note)
        }
        return notes
    }

    func core() throws(Failure) -> Bytes {
        guard let node = root["detailCore"] else { throw Failure(.apiMalformed, "detailCore", "it is missing") }
        return node.raw
    }
}
