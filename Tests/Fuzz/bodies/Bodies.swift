// Requests to the local API. The first byte says what is asked; what stands in the header or the address comes first,
// then 0, then the body.

import Events
import JSON
import Pipeline

@testable import LocalAPI

extension Target {
    private static let now = Instant(unixMilliseconds: 1_760_000_000_000)

    static let bodies = Target(name: "bodies") { input in
        guard let kind = input.first else { return "empty" }
        let parts = parts(of: input.dropFirst(), atMost: 2)
        let head = String(decoding: parts[0], as: UTF8.self)
        let body = Array(parts.dropFirst().joined())
        do throws(Failure) {
            switch kind % 8 {
            case 0...3: return try publish(kind % 8, head, body)
            case 4: return try moveLetters(head, body)
            case 5: return try askEvents(head)
            case 6: return try askLetters(head)
            default: return try readLetter(head, body)
            }
        } catch {
            let codes: [FailureCode] = [
                .apiMalformed, .apiUnsupported, .apiTooLarge, .publishDenied, .publishSchema, .publishTooLarge,
            ]
            if error.code == .apiUnavailable { throw Broken(description: error.cause) }
            try demand(codes.contains(error.code), "refused as \(error)")
            return error.code.rawValue
        }
    }

    /// Under a code that none of these requests has otherwise.
    private static func hold(_ truth: Bool, _ what: String) throws(Failure) {
        if !truth { throw Failure(.apiUnavailable, "", what) }
    }

    // MARK: - publish

    private static let types = [
        "application/json", "application/cloudevents+json", "application/cloudevents-batch+json", "",
    ]

    /// The head holds `name: value` lines; without any, the type is the one of the kind.
    private static func publish(_ kind: UInt8, _ head: String, _ body: [UInt8]) throws(Failure) -> String {
        var headers = PublishHeaders()
        headers.contentType = types[Int(kind)]
        for line in head.split(separator: "\n").prefix(32) {
            let pair = line.split(separator: ":", maxSplits: 1).map(String.init)
            guard pair.count == 2 else { continue }
            switch pair[0] {
            case "content-type": headers.contentType = pair[1]
            case "idempotency-key": headers.idempotencyKeys.append(pair[1])
            case "traceparent": headers.traceParent = pair[1]
            default: headers.attributes.append((pair[0], pair[1]))
            }
        }
        _ = try headers.idempotencyKey()
        let request = try PublishBody(body[...], headers)
        try hold((1...Limits.publishBatch).contains(request.events.count), "\(request.events.count) events")
        for event in request.events { try check(event) }
        let submission = try submission(of: request, headers)
        try hold(submission.entries.count == request.events.count, "events are lost")
        try hold(Set(submission.entries.map(\.id)).count == submission.entries.count, "an id twice")
        let again = try PublishBody(body[...], headers)
        let digest = PublishDecision.digest(of: again.events)
        try hold(digest == submission.digest, "the same request has another digest")
        return "taken"
    }

    private static func submission(
        of request: PublishBody, _ headers: PublishHeaders
    ) throws(Failure) -> Submission {
        let any = PublishGrant(source: NamePattern("*"), detailTypes: [NamePattern("*")])
        let grant = Grant(name: "peer", users: [0], groups: [], roles: [.publish], publish: [any])
        let decision = PublishDecision(grant: grant, schemas: .none, size: { $0.draft.detail.count }, keep: .hours(24))
        var random = SeededGenerator(seed: 1)
        do throws(PublishRefusal) {
            return try decision.submission(
                of: request, key: nil, traceParent: headers.traceParent, at: now, &random)
        } catch { throw error.failure }
    }

    private static func check(_ event: EventRequest) throws(Failure) {
        try hold(!event.source.isEmpty && !event.detailType.isEmpty, "an event without a name")
        let texts = [
            event.source, event.detailType, event.resource, event.trace.correlationID, event.trace.userID,
            event.trace.tenantID, event.trace.deviceID,
        ]
        for text in texts { try hold(Identifier.isText(text.utf8), "no short text") }
        try hold(event.trace.parent.isEmpty || Identifier.isTraceParent(event.trace.parent), "no traceparent")
        let plain = PlainJSON(event.core, depth: 64)
        try hold(plain?.members != nil && plain?.canonical == Array(event.core), "a core that is not canonical")
    }

    // MARK: - letters

    private static func moveLetters(_ head: String, _ body: [UInt8]) throws(Failure) -> String {
        let order = try LetterOrder(body[...], at: now)
        switch head.utf8.count % 5 {
        case 0: _ = try order.filter()
        case 1:
            let plan = try order.plan()
            try hold(plan.rate.map { $0.isFinite && $0 > 0 } ?? true && plan.canary >= 0, "a plan without an end")
        case 2: _ = try order.action()
        case 3: try hold(try order.notes().count <= Limits.journalPage, "many notes")
        default: try hold(PlainJSON(try order.core(), depth: 64) != nil, "a core that is no JSON")
        }
        return "an order"
    }

    private static func askLetters(_ query: String) throws(Failure) -> String {
        let (place, filter, limit) = try LetterQuery.read(query, at: now)
        try hold((1...Limits.lettersLooked).contains(limit), "a limit of \(limit)")
        try hold(place.box == .publications || filter.queue == place.queue, "letters of all queues")
        return "a question about letters"
    }

    /// The head is what the failure attribute holds.
    private static func readLetter(_ head: String, _ body: [UInt8]) throws(Failure) -> String {
        let boxed = BoxedLetter(
            id: MessageID("m-1"), body: body[...], attributes: [], failure: head, arrivedAt: now, group: nil)
        let letter = Letter(boxed, LetterReader.record(of: boxed))
        let record = letter.record
        let texts = [record.code, record.stage, record.reason, record.handler, record.queue, record.event]
        for text in texts { try hold(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "it breaks a terminal") }
        try hold(record.attempts >= 0 && record.strikes >= 0, "fewer than none")
        try hold(LetterFingerprint(letter.fingerprint.text) == letter.fingerprint, "a group that nobody can name")
        _ = letter.json(with: boxed, nil).serialised()
        return "a letter"
    }

    // MARK: - events

    private static func askEvents(_ query: String) throws(Failure) -> String {
        let allowed = EventQuery.searchParameters + EventQuery.pageParameters
        let parameters = try EventQuery.parameters(query, allowed)
        let question = try EventQuery.query(parameters, at: now)
        try hold((1...Limits.journalPage).contains(question.atMost), "a page of \(question.atMost)")
        let next = EventQuery.next("/v1/events", parameters, after: 7)
        var moved = parameters
        moved["after"] = "7"
        let again = try EventQuery.parameters(String(next.drop { $0 != "?" }.dropFirst()), allowed)
        try hold(again == moved, "the next page is of another question")
        if let segment = try? EventQuery.segment(query) {
            let back = try EventQuery.segment(PercentCoding.encode(segment))
            try hold(back.utf8.elementsEqual(segment.utf8), "another segment")
        }
        return "a question about events"
    }
}
