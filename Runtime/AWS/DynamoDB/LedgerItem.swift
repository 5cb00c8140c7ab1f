import Events
import Pipeline
import StoreCommon

/// One identity of an event in the table: what became of it, who is running it, or both.
///
/// An event has up to three of these items - by its id, its token's digest and its business key - and each stands on
/// its own: whoever looks one up need not look further, and whoever takes one over fences out the run that holds the
/// others.
struct LedgerItem: Sendable {
    private(set) var item: Item

    init(_ item: Item) { self.item = item }

    // MARK: - the row

    /// What became of the event; `nil` if it was only claimed, or that is over.
    func state(at now: Instant) -> LedgerAccount.State? {
        guard let until = item.instant("keepUntil"), until > now else { return nil }
        return LedgerAccount.State(rawValue: item.text("state"))
    }

    var event: EventID { EventID(issuer: item.text("issuer"), text: item.text("event")) }
    /// Of the commit that wrote the row.
    var recordedFence: UInt64? { item.bits("fence") }
    var failure: Failure? {
        FailureCode(rawValue: item.text("code")).map { Failure($0, item.text("subject"), item.text("cause")) }
    }

    var history: History {
        History(
            attempts: item.number("attempts"), spent: Spent.decode(item.text("spent")), strikes: item.number("strikes"),
            firstSeen: item.instant("firstSeen") ?? .distantPast)
    }

    // MARK: - the claim

    var claimFence: UInt64? { item.bits("claimFence") }
    var claimedUntil: Instant? { claimFence == nil ? nil : item.instant("claimUntil") }

    /// Changes with every write: who writes on a sight of the item says which one.
    var version: Int64 { item.integer("version") ?? 0 }

    // MARK: - for the judge

    /// A row that says done is told before any claim, but under a permit a second copy waits for the first; a claim
    /// comes before any other row.
    func dedupRow(
        _ match: Dedup.Row.Match, under permit: Permit?, isClaimed: Bool, at now: Instant
    ) -> Dedup.Row? {
        let state = state(at: now)
        if state != .done || permit != nil, isClaimed {
            return Dedup.Row(
                match: match, state: .claimed, messageID: MessageID(item.text("claimMessage")),
                payloadDigest: item.digest("claimPayload") ?? Self.noDigest, source: item.text("claimSource"),
                detailType: item.text("claimType"), resource: item.text("claimResource"),
                history: History(firstSeen: now), failure: nil)
        }
        guard let state, let told = Dedup.Row.State(rawValue: state.rawValue) else { return nil }
        return Dedup.Row(
            match: match, state: told, messageID: MessageID(item.text("message")),
            payloadDigest: item.digest("payload") ?? Self.noDigest, source: item.text("source"),
            detailType: item.text("detailType"), resource: item.text("resource"), history: history, failure: failure)
    }

    private static let noDigest = Digest(high: (0, 0), low: (0, 0))

    func account(at now: Instant) -> LedgerAccount? {
        let isHeld = claimedUntil.map { $0 > now } ?? false
        guard let state = isHeld ? .claimed : state(at: now) else { return nil }
        let keepUntil = item.instant("keepUntil").flatMap { $0 > now ? $0 : nil } ?? claimedUntil ?? now
        return LedgerAccount(
            consumer: QueueName(item.text("consumer")), id: event, handler: HandlerID(item.text("handler")),
            state: state, attempts: history.attempts, strikes: history.strikes, firstSeen: history.firstSeen,
            keepUntil: keepUntil, failure: failure)
    }

    // MARK: - writing

    /// The item as a claim leaves it: with the row that it had, if that is not over.
    static func claiming(
        _ key: ItemKey, _ match: Dedup.Row.Match, over old: LedgerItem?, by request: ClaimRequest, fence: UInt64,
        history: History, at now: Instant, until: Instant
    ) -> LedgerItem {
        var item = Item(key)
        let keeps = old.flatMap { $0.state(at: now) } != nil
        if keeps, let old { item = old.item }
        item["claimFence"] = .bits(fence)
        item["claimUntil"] = .instant(until)
        item.set("claimMessage", request.messageID.text)
        item["claimPayload"] = .digest(request.event.payloadDigest)
        item.set("claimSource", request.event.source)
        item.set("claimType", request.event.detailType)
        item.set("claimResource", request.event.resource)
        item["version"] = .bits(fence)
        if !keeps {
            item.set("consumer", request.consumer.text)
            item.set("issuer", request.event.id.issuer)
            item.set("event", request.event.id.text)
            item.set("handler", request.handler.text)
            item.write(history)
            item["ttl"] = .timeToLive(until + .days(1))
        }
        if match == .eventID { item.index(event: "ledger#" + request.event.id.text, at: 0) }
        return LedgerItem(item)
    }

    /// The item as a commit leaves it: the row, and no claim.
    static func recording(
        _ key: ItemKey, _ match: Dedup.Row.Match, _ claim: Claimed, _ commitment: Commitment, at now: Instant
    ) -> LedgerItem {
        var item = Item(key)
        let (state, failure): (LedgerAccount.State, Failure?) =
            switch commitment.verdict {
            case .done: (.done, nil)
            case .retry(let failure): (.retry, failure)
            case .dead(let failure, _, _): (.dead, failure)
            }
        item.set("state", state.rawValue)
        item.set("consumer", claim.consumer.text)
        item.set("issuer", claim.id.issuer)
        item.set("event", claim.id.text)
        item.set("handler", claim.handler.text)
        item.set("message", claim.messageID.text)
        item["payload"] = .digest(claim.payloadDigest)
        item.set("source", claim.source)
        item.set("detailType", claim.detailType)
        item.set("resource", claim.resource)
        item.write(commitment.history)
        item.set("code", failure?.code.rawValue ?? "")
        item.set("subject", failure?.subject ?? "")
        item.set("cause", failure?.cause ?? "")
        item["keepUntil"] = .instant(commitment.keepUntil)
        item["fence"] = .bits(commitment.lease.fence)
        item["version"] = .bits(commitment.lease.fence)
        item["generation"] = .number(commitment.generation)
        item["recorded"] = .instant(now)
        item["ttl"] = .timeToLive(commitment.keepUntil)
        if match == .eventID {
            item.index(event: "ledger#" + claim.id.text, at: 0)
            if !claim.isTimer, !claim.messageID.text.isEmpty {
                item.index(due: "message#" + claim.messageID.text, at: 0)
            }
        }
        return LedgerItem(item)
    }
}

extension LedgerItem {
    /// What was done stays so, though its run under a permit came to nothing: the row has that run's count and fence.
    func recounting(_ commitment: Commitment) -> LedgerItem {
        var item = item
        item.write(commitment.history)
        let keepUntil = max(item.instant("keepUntil") ?? .distantPast, commitment.keepUntil)
        item["keepUntil"] = .instant(keepUntil)
        item["ttl"] = .timeToLive(keepUntil)
        item["fence"] = .bits(commitment.lease.fence)
        return LedgerItem(item).released(version: commitment.lease.fence)
    }

    /// Without the claim.
    func released(version: UInt64) -> LedgerItem {
        var item = item
        for name in Self.claimNames { item[name] = nil }
        item["version"] = .bits(version)
        return LedgerItem(item)
    }

    static let claimNames = [
        "claimFence", "claimUntil", "claimMessage", "claimPayload", "claimSource", "claimType", "claimResource",
    ]
}

/// Attempts by class of failure as one text: `class=count;class=count`. Classes have neither sign in them.
enum Spent {
    static func encode(_ spent: [String: Int]) -> String {
        spent.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ";")
    }

    static func decode(_ text: String) -> [String: Int] {
        var spent: [String: Int] = [:]
        for pair in text.split(separator: ";") {
            let parts = pair.split(separator: "=")
            if parts.count == 2, let count = Int(parts[1]) { spent[String(parts[0])] = count }
        }
        return spent
    }
}

extension Item {
    mutating func write(_ history: History) {
        self["attempts"] = .number(history.attempts)
        self["strikes"] = .number(history.strikes)
        self["firstSeen"] = .instant(history.firstSeen)
        set("spent", Spent.encode(history.spent))
    }

    /// Its place in the index of events.
    mutating func index(event partition: String, at number: Int64) {
        self["ep"] = .text(partition)
        self["es"] = .integer(number)
    }

    /// Its place in the index of what is due.
    mutating func index(due partition: String, at number: Int64) {
        self["dp"] = .text(partition)
        self["ds"] = .integer(number)
    }
}

extension AttributeValue {
    /// In seconds, and an hour late: what is over is over by its own time, this only sweeps.
    static func timeToLive(_ end: Instant) -> AttributeValue { .integer(end.unixMilliseconds / 1_000 + 3_600) }
}
