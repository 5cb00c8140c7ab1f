public import Events
public import Pipeline

/// What a store must know of a claimed event to commit its end; the payload only where the journal keeps it.
public final class Claimed: Sendable {
    public let consumer: QueueName
    public let messageID: MessageID
    public let id: EventID
    public let tokenDigest: Digest?
    public let payloadDigest: Digest
    public let source: String
    public let detailType: String
    public let resource: String
    public let trace: Event.Trace
    public let keyID: String
    public let sentAt: Instant
    public let payload: Bytes?
    public let handler: HandlerID
    public let businessKey: Digest?
    public let group: String?
    public let history: History
    /// The ledger's row of this identity, if it has one, and whether it says that the event was done.
    public let row: Int64?
    public let wasDone: Bool
    /// What it was granted by, where the ledger alone would have refused it.
    public let permit: Permit?

    public init(
        _ request: ClaimRequest, history: History, row: Int64?, wasDone: Bool = false, permit: Permit? = nil,
        keepsPayload: Bool
    ) {
        let event = request.event
        consumer = request.consumer
        messageID = request.messageID
        id = event.id
        tokenDigest = event.tokenDigest
        payloadDigest = event.payloadDigest
        source = event.source
        detailType = event.detailType
        resource = event.resource
        trace = event.trace
        keyID = event.keyID
        sentAt = request.sentAt
        payload = keepsPayload ? event.detail : nil
        handler = request.handler
        businessKey = request.businessKey
        group = request.group
        self.history = history
        self.row = row
        self.wasDone = wasDone
        self.permit = permit
    }

    public var isTimer: Bool { source == TimerEvent.source && id.issuer == TimerEvent.issuer }

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
