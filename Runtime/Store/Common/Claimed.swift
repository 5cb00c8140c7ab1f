public import Events
public import Pipeline

/// What a store must know of a claimed event to commit its end.
public final class Claimed: Sendable {
    public let request: ClaimRequest
    private let keepsPayload: Bool
    public let history: History
    /// The ledger's row of this identity, if it has one, and whether it says that the event was done.
    public let row: Int64?
    public let wasDone: Bool
    /// What it was granted by, where the ledger alone would have refused it.
    public let permit: Permit?
    public let isTimer: Bool

    public init(
        _ request: ClaimRequest, history: History, row: Int64?, wasDone: Bool = false, permit: Permit? = nil,
        keepsPayload: Bool
    ) {
        self.request = request
        self.keepsPayload = keepsPayload
        self.history = history
        self.row = row
        self.wasDone = wasDone
        self.permit = permit
        isTimer = request.event.isTimer
    }

    public var consumer: QueueName { request.consumer }
    public var messageID: MessageID { request.messageID }
    public var event: Event { request.event }
    public var sentAt: Instant { request.sentAt }
    public var handler: HandlerID { request.handler }
    public var businessKey: Digest? { request.businessKey }
    public var group: String? { request.group }
    public var id: EventID { event.id }
    public var tokenDigest: Digest? { event.tokenDigest }
    public var payloadDigest: Digest { event.payloadDigest }
    public var source: String { event.source }
    public var detailType: String { event.detailType }
    public var resource: String { event.resource }
    public var trace: Event.Trace { event.trace }
    public var keyID: String { event.keyID }
    /// Where the journal keeps it.
    public var payload: Bytes? { keepsPayload ? event.detail : nil }

    public func dedupRow(_ match: Dedup.Row.Match) -> Dedup.Row {
        Dedup.Row(
            match: match, state: .claimed, messageID: messageID, payloadDigest: payloadDigest, source: source,
            detailType: detailType, resource: resource, history: history, failure: nil)
    }
}

extension Dedup.Row.Match {
    /// In the order of precedence.
    public static let all: [Self] = [.eventID, .tokenDigest, .businessKey]
}

/// The fences that were committed last: committing one of them again is harmless. Bounded: two generations.
public struct CommittedFences: Sendable {
    private static let perGeneration = 16_384
    private var current: Set<UInt64> = []
    private var previous: Set<UInt64> = []

    public init() {}

    public func contains(_ fence: UInt64) -> Bool { current.contains(fence) || previous.contains(fence) }

    public mutating func insert(_ fence: UInt64) {
        if current.count >= Self.perGeneration {
            previous = current
            current = []
        }
        current.insert(fence)
    }
}
