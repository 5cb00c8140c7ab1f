import Events
import Pipeline

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
