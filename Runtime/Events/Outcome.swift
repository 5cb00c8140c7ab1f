/// The id of a handler: `[a-z0-9-]{1,48}`. It names its metrics, its state and its configuration.
public struct HandlerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public var description: String { text }
    public static func < (a: HandlerID, b: HandlerID) -> Bool { a.text < b.text }
}

/// A handler's own word on why it did not succeed. `code` is for machines, `detail` for people.
public struct Reason: Hashable, Sendable {
    public let code: String
    public let detail: String
    public init(code: String, detail: String = "") {
        self.code = code
        self.detail = detail
    }
}

/// What became of one run of one event in a worker.
public enum Outcome: Sendable {
    /// Commit the effects, and never deliver this event again.
    case done(Effects)
    /// Try again; costs an attempt. `after` nil leaves the delay to the backoff.
    case retry(after: Duration?, Reason)
    /// It can never succeed: dead letter, now.
    case reject(Reason)
    /// A dependency is down or throttles: later, and not an attempt.
    case wait(after: Duration?, Reason)
    /// No answer, through nobody's fault: the deadline of the batch passed, the worker was stopped, or a neighbour
    /// killed it. Run again at once, without an attempt.
    case unanswered
    /// The worker died while a thread of it was in this event, in company: run it again, alone.
    case suspect
    /// The worker died, or had to be killed, while it ran this event alone: a strike.
    case struck(Failure)
}

/// What a handler asked the host to do for one event: committed whole with the mark "done", or not at all.
public struct Effects: Sendable {
    @usableFromInline final class Content: Sendable {
        @usableFromInline let reads: [StateRead]
        @usableFromInline let writes: [StateWrite]
        @usableFromInline let drafts: [Draft]
        @usableFromInline let timers: [TimerChange]

        init(_ reads: [StateRead], _ writes: [StateWrite], _ drafts: [Draft], _ timers: [TimerChange]) {
            self.reads = reads
            self.writes = writes
            self.drafts = drafts
            self.timers = timers
        }
    }
    /// `nil` where there is nothing, as after most runs: then it is passed on for nothing.
    @usableFromInline let content: Content?

    /// The host was asked for nothing.
    @inlinable public var isNothing: Bool { content == nil }
    @inlinable public var reads: [StateRead] { content?.reads ?? [] }
    @inlinable public var writes: [StateWrite] { content?.writes ?? [] }
    @inlinable public var drafts: [Draft] { content?.drafts ?? [] }
    @inlinable public var timers: [TimerChange] { content?.timers ?? [] }

    public init(
        reads: [StateRead] = [], writes: [StateWrite] = [], drafts: [Draft] = [], timers: [TimerChange] = []
    ) {
        let isNothing = reads.isEmpty && writes.isEmpty && drafts.isEmpty && timers.isEmpty
        content = isNothing ? nil : Content(reads, writes, drafts, timers)
    }
    public static let none = Effects()
}

/// A key of handler state and the version that the event saw; 0 means it was absent.
public struct StateRead: Hashable, Sendable {
    public let key: Bytes
    public let version: UInt64
    public init(key: Bytes, version: UInt64) {
        self.key = key
        self.version = version
    }
}

/// One buffered write. `value` nil erases the key. `expected` nil is a blind write.
public struct StateWrite: Hashable, Sendable {
    public let key: Bytes
    public let value: Bytes?
    public let expected: UInt64?
    public let timeToLive: Duration?
    public init(key: Bytes, value: Bytes?, expected: UInt64?, timeToLive: Duration? = nil) {
        self.key = key
        self.value = value
        self.expected = expected
        self.timeToLive = timeToLive
    }
}

/// The current value of a state key; version 0 means absent.
public struct StateValue: Hashable, Sendable {
    public let key: Bytes
    public let value: Bytes
    public let version: UInt64
    public init(key: Bytes, value: Bytes, version: UInt64) {
        self.key = key
        self.value = value
        self.version = version
    }
}

/// An event that a handler wants published, before it has an id and a signature.
public struct Draft: Hashable, Sendable {
    public let source: String
    public let detailType: String
    public let resource: String
    public let correlationID: String
    /// JSON in RFC 8785 form: canonicalised when the draft was taken.
    public let detail: Bytes
    public let attributes: [Attribute]
    public init(
        source: String, detailType: String, resource: String, correlationID: String, detail: Bytes,
        attributes: [Attribute] = []
    ) {
        self.source = source
        self.detailType = detailType
        self.resource = resource
        self.correlationID = correlationID
        self.detail = detail
        self.attributes = attributes
    }
}

/// Sets, moves or (with an empty detail) removes the handler's timer of that key.
public struct TimerChange: Hashable, Sendable {
    public let key: Bytes
    public let at: Instant
    public let detail: Bytes
    public init(key: Bytes, at: Instant, detail: Bytes) {
        self.key = key
        self.at = at
        self.detail = detail
    }
}
