import Events
import Pipeline
import StoreCommon

/// One row of the ledger: what became of an event.
struct LedgerRow {
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

    /// The end of a run.
    init(_ row: Int64, _ claim: Claimed, _ commitment: Commitment) {
        self.row = row
        keepUntil = commitment.keepUntil
        (state, failure) =
            switch commitment.verdict {
            case .done: (.done, nil)
            case .retry(let failure): (.retry, failure)
            case .dead(let failure, _, _): (.dead, failure)
            }
        consumer = claim.consumer
        id = claim.id
        tokenDigest = claim.tokenDigest
        handler = claim.handler
        businessKey = claim.businessKey
        messageID = claim.messageID
        payloadDigest = claim.payloadDigest
        source = claim.source
        detailType = claim.detailType
        resource = claim.resource
        history = commitment.history
        fence = commitment.lease.fence
        generation = commitment.generation
    }

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

    func write(to record: inout RecordWriter) {
        record.removeAll()
        record.add(state.rawValue)
        record.add(consumer.text)
        record.add(id.issuer)
        record.add(id.text)
        record.add(tokenDigest)
        record.add(handler.text)
        record.add(businessKey)
        record.add(messageID.text)
        record.add(payloadDigest)
        record.add(source)
        record.add(detailType)
        record.add(resource)
        record.add(history.attempts)
        record.add(history.spent.counts)
        record.add(history.strikes)
        record.add(history.firstSeen.unixMilliseconds)
        record.add(Int64(bitPattern: fence))
        record.add(generation)
        record.add(failure?.code.rawValue ?? "")
        record.add(failure?.subject ?? "")
        record.add(failure?.cause ?? "")
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

extension Commitment.Verdict {
    var isDone: Bool { if case .done = self { true } else { false } }
}
