import Events
import JSON
import Pipeline

/// Some rows of the journal, in their order, and where the next ones begin.
struct JournalPage: Sendable {
    /// The journal is asked at most so often for one page: a peer that may see one row in a thousand gets a shorter
    /// page, and the number to go on from.
    static let rounds = 10

    var rows: [JournalRow] = []
    /// The number to go on behind; `nil` at the end.
    var next: Int64?

    /// Reads until the page is full, rows that the grant does not cover left out.
    static func read(
        _ query: JournalQuery, for grant: Grant, from journal: any JournalReader
    ) async throws(Failure) -> JournalPage {
        var page = JournalPage()
        var query = query
        let wanted = query.atMost
        for _ in 0..<rounds {
            let rows = try await journal.rows(query)
            page.rows += rows.filter { grant.sees($0.entry) }
            if page.rows.count > wanted {
                page.rows.removeLast(page.rows.count - wanted)
                page.next = page.rows.last?.number
                return page
            }
            page.next = rows.count == wanted ? rows.last?.number : nil
            guard let next = page.next, page.rows.count < wanted else { return page }
            query.after = next
        }
        return page
    }

    /// - Parameter next: the address of the next page.
    func json(next: String?) -> [UInt8] {
        var members = [JSONMember("rows", .array(rows.map(\.json)))]
        if let next { members.append(JSONMember("next", .string(next))) }
        return JSONValue.object(members).serialised()
    }
}

extension Grant {
    /// What was never verified has no tenant that could be believed: it is for who looks after the sidecar.
    func sees(_ entry: JournalEntry) -> Bool {
        entry.kind == .refusal ? roles.contains(.operate) : mayRead(entry)
    }
}

extension JournalRow {
    /// What is empty is left out.
    var json: JSONValue {
        var members = [
            JSONMember("number", .integer(number)), JSONMember("time", .string(Timestamp.text(of: entry.time))),
            JSONMember("kind", .string(entry.kind.rawValue)),
            JSONMember("direction", .string(entry.direction.rawValue)),
            JSONMember("outcome", .string(entry.outcome.rawValue)),
        ]
        members += entry.texts.filter { !$0.1.isEmpty }.map { JSONMember($0.0, .string($0.1)) }
        for (name, count) in [
            ("generation", entry.generation), ("attempt", entry.attempt), ("deliveries", entry.deliveries),
        ] where count > 0 { members.append(JSONMember(name, .integer(Int64(count)))) }
        for (name, instant) in [("sentAt", entry.sentAt), ("retryAt", entry.retryAt)] {
            if let instant { members.append(JSONMember(name, .string(Timestamp.text(of: instant)))) }
        }
        for (name, duration) in [("waitedMs", entry.waited), ("tookMs", entry.took)] {
            if let duration { members.append(JSONMember(name, .double(duration.fractionalMilliseconds))) }
        }
        if let digest = entry.payload { members.append(JSONMember("payloadSha256", .string(digest.hexadecimal))) }
        members.append(JSONMember("boot", .integer(boot)))
        members.append(JSONMember("hash", .string(hash.hexadecimal)))
        if let body { members.append(JSONMember("body", (try? JSONValue.parse(body)) ?? .string(body.text))) }
        return .object(members)
    }
}

extension JournalEntry {
    fileprivate var texts: [(String, String)] {
        [
            ("queue", queue), ("messageId", message), ("issuer", issuer), ("eventId", event), ("parentId", parent),
            ("correlationId", correlationID), ("resource", resource), ("source", source), ("detailType", detailType),
            ("tenantId", tenantID), ("userId", userID), ("keyId", keyID), ("stage", stage), ("code", code),
            ("cause", cause), ("handler", handler),
        ]
    }
}

extension Duration {
    /// To the microsecond.
    var fractionalMilliseconds: Double {
        ((self / .microseconds(1)).rounded()) / 1000
    }
}
