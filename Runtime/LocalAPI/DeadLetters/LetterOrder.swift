import Events
import JSON
import Pipeline

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
            "queue", "box", "id", "group", "all", "rate", "canary", "patience", "arrivedBy", "override", "reason",
            "detailCore", "action", "letters", "bodies", "messageGroup",
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
        if root["arrivedBy"] != nil { filter.arrivedBy = try time() }
        return filter
    }

    /// When it was ordered, by the member `arrivedBy`; now, where there is none.
    func time() throws(Failure) -> Instant {
        guard let node = root["arrivedBy"] else { return now }
        guard let bytes = node.stringBytes, let instant = Timestamp.parse(bytes) else {
            throw Failure(.apiMalformed, "arrivedBy", "a time such as 2026-11-21T08:00:00Z")
        }
        return instant
    }

    func plan() throws(Failure) -> RedrivePlan {
        var plan = RedrivePlan()
        if let node = root["override"] {
            guard let overrides = node.bool else { throw Failure(.apiMalformed, "override", "true or false") }
            if overrides { plan.override = try time() }
        }
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
        try LetterAuthor(of: peer, reason: root["reason"]?.string ?? "", isNeeded: needsReason)
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

    /// Messages as their queue has them.
    func bodies() throws(Failure) -> [Bytes] {
        guard let node = root["bodies"], node.kind == .array, (1...Limits.batchEntries).contains(node.count) else {
            throw Failure(.apiMalformed, "bodies", "1 to \(Limits.batchEntries) bodies of messages")
        }
        return try node.elements.map { body throws(Failure) in
            guard let text = body.string else { throw Failure(.apiMalformed, "bodies", "each is a text") }
            return Bytes(text)
        }
    }

    func messageGroup() throws(Failure) -> String {
        guard let bytes = root["messageGroup"]?.stringBytes, !bytes.isEmpty, Identifier.isText(bytes) else {
            throw Failure(.apiMalformed, "messageGroup", "the group, as the list of letters has it under `parked`")
        }
        return bytes.text
    }

    func core() throws(Failure) -> Bytes {
        guard let node = root["detailCore"] else { throw Failure(.apiMalformed, "detailCore", "it is missing") }
        return node.raw
    }
}

extension LetterAuthor {
    /// - Throws: `api.malformed` for a reason that is none.
    init(of peer: Peer, reason: String, isNeeded: Bool) throws(Failure) {
        guard Identifier.isText(reason.utf8), reason.utf8.count <= Limits.letterReasonBytes,
            !isNeeded || !reason.isEmpty
        else {
            throw Failure(
                .apiMalformed, "reason", "why, in 1 to \(Limits.letterReasonBytes) bytes without control characters")
        }
        self.init(name: "peer \(peer.grant.name) (uid \(peer.user))", reason: reason)
    }
}
