public import Events

/// What a letter says of itself: hints for people. The one thing that rests on them is which letters a person moves.
public struct LetterRecord: Sendable, Hashable {
    /// What failed, and where; ``unknown`` where nobody said.
    public var code = LetterRecord.unknown
    public var stage = ""
    public var reason = ""
    public var handler = ""
    public var generation = 0
    public var attempts = 0
    public var strikes = 0
    public var firstSeen: Instant?
    /// The consumer, by its name in the configuration.
    public var queue = ""
    /// The failed message's id in that queue.
    public var message = ""
    /// The event's id, if it was verified.
    public var event = ""
    public var isVerified = false
    /// Of the body's envelope: of a letter that was not verified, whatever a stranger wrote there.
    public var source = ""
    public var detailType = ""
    /// Original attributes that were folded into the failure because there were too many of them.
    public var folded: [Attribute] = []

    public static let unknown = "unknown"

    public init() {}
}

/// A letter without its body: what lists and groups are made of.
public struct Letter: Sendable, Hashable {
    public let id: MessageID
    public let record: LetterRecord
    public let origin: String
    public let arrivedAt: Instant
    public let group: String?
    public let bytes: Int

    public init(_ boxed: BoxedLetter, _ record: LetterRecord) {
        id = boxed.id
        self.record = record
        origin = boxed.origin
        arrivedAt = boxed.arrivedAt
        group = boxed.group
        bytes = boxed.body.count
    }

    public var fingerprint: LetterFingerprint {
        LetterFingerprint(code: record.code, handler: record.handler, detailType: record.detailType)
    }
}

/// What letters of one cause have in common.
public struct LetterFingerprint: Sendable, Hashable, Comparable {
    public let code: String
    public let handler: String
    public let detailType: String

    public init(code: String, handler: String, detailType: String) {
        self.code = code
        self.handler = handler
        self.detailType = detailType
    }

    /// `CODE/HANDLER/DETAIL-TYPE`, a dash for what is missing. Neither code nor handler has a slash.
    public var text: String { [code, handler, detailType].map { $0.isEmpty ? "-" : $0 }.joined(separator: "/") }

    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
            .map { $0 == "-" ? "" : String($0) }
        guard parts.count == 3, !parts[0].isEmpty else { return nil }
        self.init(code: parts[0], handler: parts[1], detailType: parts[2])
    }

    public static func < (a: LetterFingerprint, b: LetterFingerprint) -> Bool {
        (a.code, a.handler, a.detailType) < (b.code, b.handler, b.detailType)
    }
}

/// Which letters somebody means. All that is given must hold.
public struct LetterFilter: Sendable, Hashable {
    /// Letters of another consumer, in a box that several share, are not meant; those that do not say are.
    public var queue: QueueName?
    public var ids: Set<MessageID> = []
    public var fingerprint: LetterFingerprint?
    public var code: String?
    public var handler: String?
    public var detailType: NamePattern?
    public var attempts: Int?
    /// At least, and at most, so long in the box.
    public var olderThan: Duration?
    public var youngerThan: Duration?
    /// In the box since then at the latest: so what fails again is not met again by the next call.
    public var arrivedBy: Instant?

    public init() {}

    public func admits(_ letter: Letter, at now: Instant) -> Bool {
        let record = letter.record
        let age = now - letter.arrivedAt
        return (queue.map { record.queue.isEmpty || record.queue == $0.text } ?? true)
            && (ids.isEmpty || ids.contains(letter.id))
            && (fingerprint.map { $0 == letter.fingerprint } ?? true)
            && (code.map { $0 == record.code } ?? true) && (handler.map { $0 == record.handler } ?? true)
            && (detailType.map { $0.matches(record.detailType) } ?? true)
            && (attempts.map { record.attempts >= $0 } ?? true)
            && (olderThan.map { age >= $0 } ?? true) && (youngerThan.map { age <= $0 } ?? true)
            && (arrivedBy.map { letter.arrivedAt <= $0 } ?? true)
    }

    /// True if there can be no further one once all of ``ids`` were met.
    func isExhausted(by met: Set<MessageID>) -> Bool { !ids.isEmpty && ids.isSubset(of: met) }
}

/// Letters with one fingerprint.
public struct LetterGroup: Sendable, Hashable {
    public let fingerprint: LetterFingerprint
    public internal(set) var count: Int
    public internal(set) var oldest: Instant
    public internal(set) var newest: Instant
    /// The newest one's words, and its name.
    public internal(set) var reason: String
    public internal(set) var example: MessageID

    /// The largest first.
    public static func groups(of letters: [Letter]) -> [LetterGroup] {
        var groups: [LetterFingerprint: LetterGroup] = [:]
        for letter in letters {
            guard var group = groups[letter.fingerprint] else {
                groups[letter.fingerprint] = LetterGroup(
                    fingerprint: letter.fingerprint, count: 1, oldest: letter.arrivedAt, newest: letter.arrivedAt,
                    reason: letter.record.reason, example: letter.id)
                continue
            }
            group.count += 1
            group.oldest = min(group.oldest, letter.arrivedAt)
            if letter.arrivedAt >= group.newest {
                (group.newest, group.reason, group.example) = (letter.arrivedAt, letter.record.reason, letter.id)
            }
            groups[letter.fingerprint] = group
        }
        return groups.values.sorted { ($1.count, $0.fingerprint) < ($0.count, $1.fingerprint) }
    }
}

/// What was seen of a box.
public struct LetterList: Sendable {
    /// The oldest first.
    public var letters: [Letter]
    /// False if there is more in the box than was looked at.
    public var isWhole: Bool
    public init(letters: [Letter], isWhole: Bool) {
        self.letters = letters
        self.isWhole = isWhole
    }
}
