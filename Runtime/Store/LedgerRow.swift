import Events
import Pipeline
import StoreCommon

/// What the entry of a row has: a row has it, and so has the end of a run.
protocol LedgerFields {
    var state: LedgerRow.State { get }
    var consumer: QueueName { get }
    var id: EventID { get }
    var tokenDigest: Digest? { get }
    var handler: HandlerID { get }
    var businessKey: Digest? { get }
    var messageID: MessageID { get }
    var payloadDigest: Digest { get }
    var source: String { get }
    var detailType: String { get }
    var resource: String { get }
    var history: History { get }
    var failure: Failure? { get }
    var fence: UInt64 { get }
    var generation: Int { get }
}

/// One row of the ledger: what became of an event.
struct LedgerRow: LedgerFields {
    /// As the file has it. Done is the least: of several rows it is the most telling one.
    enum State: Int64 {
        case done, dead, retry
        var dedup: Dedup.Row.State {
            switch self {
            case .done: .done
            case .dead: .dead
            case .retry: .retry
            }
        }
    }

    let row: Int64
    var keepUntil: Instant
    let state: State
    let consumer: QueueName
    let id: EventID
    let tokenDigest: Digest?
    let handler: HandlerID
    let businessKey: Digest?
    let messageID: MessageID
    let payloadDigest: Digest
    let source: String
    let detailType: String
    let resource: String
    var history: History
    let failure: Failure?
    var fence: UInt64
    let generation: Int

    /// - Parameter row: the table's columns.
    /// - Throws: `store.corrupt` for an entry that no version wrote: what it says of an event must not be passed over.
    init(_ row: Columns) throws {
        let number = row.integer(0)
        var record = RecordReader(row.buffer(2))
        self.row = number
        keepUntil = row.instant(1)
        let state = State(rawValue: record.integer())
        consumer = QueueName(record.text())
        id = EventID(issuer: record.text(), text: record.text())
        tokenDigest = record.optionalDigest()
        handler = HandlerID(record.text())
        businessKey = record.optionalDigest()
        messageID = MessageID(record.text())
        payloadDigest = record.digest()
        source = record.text()
        detailType = record.text()
        resource = record.text()
        history = History(
            attempts: record.number(), spent: [String: Int](counts: record.text()), strikes: record.number(),
            firstSeen: Instant(unixMilliseconds: record.integer()))
        fence = UInt64(bitPattern: record.integer())
        generation = record.number()
        let (code, subject, cause) = (record.text(), record.text(), record.text())
        failure = FailureCode(rawValue: code).map { Failure($0, subject, cause) }
        guard let state, record.isComplete else { throw Failure(.storeCorrupt, "ledger \(number)", "not a row") }
        self.state = state
    }

    /// The entry of a row.
    static func write(_ row: some LedgerFields, to record: inout RecordWriter) {
        record.removeAll()
        record.add(row.state.rawValue)
        record.add(row.consumer.text)
        record.add(row.id.issuer)
        record.add(row.id.text)
        record.add(row.tokenDigest)
        record.add(row.handler.text)
        record.add(row.businessKey)
        record.add(row.messageID.text)
        record.add(row.payloadDigest)
        record.add(row.source)
        record.add(row.detailType)
        record.add(row.resource)
        record.add(row.history.attempts)
        record.add(row.history.spent.counts)
        record.add(row.history.strikes)
        record.add(row.history.firstSeen.unixMilliseconds)
        record.add(Int64(bitPattern: row.fence))
        record.add(row.generation)
        record.add(row.failure?.code.rawValue ?? "")
        record.add(row.failure?.subject ?? "")
        record.add(row.failure?.cause ?? "")
    }

    /// True if it shares this identity with the request.
    func matches(_ match: Dedup.Row.Match, of request: ClaimRequest) -> Bool {
        guard consumer == request.consumer else { return false }
        return switch match {
        case .eventID: id == request.event.id
        case .tokenDigest: tokenDigest != nil && tokenDigest == request.event.tokenDigest
        case .businessKey: businessKey != nil && businessKey == request.businessKey && handler == request.handler
        }
    }

    /// True if the end of the request is written to this row. A token that came under another label is not its own.
    func isOwn(_ match: Dedup.Row.Match, of request: ClaimRequest) -> Bool {
        let event = request.event
        return switch match {
        case .eventID: true
        case .tokenDigest: (source, detailType, resource) == (event.source, event.detailType, event.resource)
        case .businessKey: false
        }
    }

    func dedupRow(_ match: Dedup.Row.Match) -> Dedup.Row {
        Dedup.Row(
            match: match, state: state.dedup, messageID: messageID, payloadDigest: payloadDigest, source: source,
            detailType: detailType, resource: resource, history: history, failure: failure)
    }
}

/// The row that a run leaves, with all that has texts at hand, as in ``RunFields``.
struct LedgerEnd: LedgerFields {
    private let end: RunEnd
    private let request: ClaimRequest
    private let event: Event

    init(_ end: RunEnd) {
        self.end = end
        request = end.claim.request
        event = request.event
    }

    var state: LedgerRow.State {
        switch end.outcome {
        case .done: .done
        case .dead: .dead
        default: .retry
        }
    }
    var consumer: QueueName { request.consumer }
    var id: EventID { event.id }
    var tokenDigest: Digest? { event.tokenDigest }
    var handler: HandlerID { request.handler }
    var businessKey: Digest? { request.businessKey }
    var messageID: MessageID { request.messageID }
    var payloadDigest: Digest { event.payloadDigest }
    var source: String { event.source }
    var detailType: String { event.detailType }
    var resource: String { event.resource }
    var history: History { end.commitment.history }
    var failure: Failure? { end.failure }
    var fence: UInt64 { end.commitment.lease.fence }
    var generation: Int { end.commitment.generation }
}
