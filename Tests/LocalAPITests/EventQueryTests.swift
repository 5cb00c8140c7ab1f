import Events
import JSON
import Pipeline
import Synchronization
import Testing

@testable import LocalAPI

/// What a caller asks of the journal, and how much of it a page shows.
@Suite struct EventQueryTests {
    private let now = Instant(unixSeconds: 1_800_000_000)
    private let allowed = EventQuery.searchParameters + EventQuery.pageParameters

    private func query(_ text: String) throws(Failure) -> JournalQuery {
        try EventQuery.query(try EventQuery.parameters(text, allowed), at: now)
    }

    @Test func everyParameterNarrowsTheQuery() throws {
        let query = try query(
            "resource=urn%3Aa%3A1&source=a.b&detailType=C.v1&outcome=gave-up&since=-1h&until=2027-01-15T08:00:00Z"
                + "&after=17&limit=1000&bodies=true&userId=J+S")
        #expect(query.resource == "urn:a:1" && query.source == "a.b" && query.detailType == "C.v1")
        #expect(query.outcome == .gaveUp && query.after == 17 && query.atMost == 1_000 && query.withBodies)
        #expect(query.since == now - .hours(1) && query.until == now)
        #expect(query.userID == "J S")
    }

    @Test func withoutParametersItIsTheFirstPage() throws {
        let query = try query("")
        #expect(query == JournalQuery())
        #expect(query.after == 0 && query.atMost == 100 && !query.withBodies)
    }

    @Test(arguments: [
        ("colour=red", "colour"), ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=ten", "limit"),
        ("limit=+5", "limit"), ("after=-1", "after"), ("after=99999999999999999999", "after"), ("after=", "after"),
        ("outcome=lost", "outcome"), ("since=yesterday", "since"), ("since=-1w", "since"),
        ("until=2027-13-01", "until"),
        ("bodies=yes", "bodies"), ("source=%zz", "source"), ("source=%00", "source"), ("source=%ff", "source"),
        ("source=a&source=b", "source"), ("=x", ""),
    ])
    func whatIsNoQuestionIsRefusedByItsName(text: String, name: String) throws {
        let failure = try #require(throws: Failure.self) { try query(text) }
        #expect(failure.code == .apiMalformed && failure.subject == name)
    }

    @Test(arguments: [
        ("2027-01-15T08:00:00Z", 0), ("2027-01-15T09:00:00+01:00", 0), ("2027-01-15T02:30:00.500-05:30", 500),
        ("-90s", -90_000), ("-15m", -900_000), ("-1h", -3_600_000), ("-2d", -172_800_000),
    ])
    func momentsAreWrittenInManyWays(text: String, milliseconds: Int64) {
        #expect(Moment.parse(text, at: now) == now + .milliseconds(milliseconds))
    }

    @Test(arguments: ["", "-", "-h", "1h", "-1", "--1h", "-1.5h", "2027-01-15", "2027-01-15T08:00:00+25:00", "+01:00"])
    func otherTextIsNoMoment(text: String) { #expect(Moment.parse(text, at: now) == nil) }

    @Test func theNextPageAsksTheSameFromFurtherOn() throws {
        let parameters = try EventQuery.parameters("source=a%26b&limit=2&after=3", allowed)
        let next = EventQuery.next("/v1/events", parameters, after: 9)
        #expect(next == "/v1/events?after=9&limit=2&source=a%26b")
        let again = try EventQuery.parameters(String(next.split(separator: "?")[1]), allowed)
        #expect(again["source"] == "a&b" && again["after"] == "9")
    }

    // MARK: - pages

    private static func row(_ number: Int64, tenant: String = "", kind: JournalEntry.Kind = .event) -> JournalRow {
        var entry = JournalEntry(
            time: Instant(unixSeconds: number), kind: kind, direction: .incoming,
            outcome: kind == .refusal ? .refused : .done)
        entry.tenantID = tenant
        return JournalRow(number: number, boot: 1, entry: entry, hash: Digest(high: (0, 0), low: (0, 1)))
    }

    private static func grant(tenants: [String] = [], roles: Set<Role> = [.read]) -> Grant {
        Grant(name: "g", users: [], groups: [], roles: roles, tenants: tenants)
    }

    private func page(
        _ journal: ListJournal, _ grant: Grant, limit: Int, after: Int64 = 0
    ) async throws -> JournalPage {
        var query = JournalQuery()
        query.atMost = limit
        query.after = after
        return try await JournalPage.read(query, for: grant, from: journal)
    }

    @Test func pagesFollowEachOtherWithoutGapAndRepeat() async throws {
        let journal = ListJournal((1...25).map { Self.row($0) })
        var numbers: [Int64] = []
        var after: Int64? = 0
        while let from = after {
            let page = try await page(journal, Self.grant(), limit: 10, after: from)
            numbers += page.rows.map(\.number)
            after = page.next
        }
        #expect(numbers == Array(1...25))
    }

    @Test func rowsOfOtherTenantsAreLeftOutAndThePageIsFilled() async throws {
        let journal = ListJournal((1...100).map { Self.row($0, tenant: $0 % 4 == 0 ? "mine" : "other") })
        let grant = Self.grant(tenants: ["mine"])
        let first = try await page(journal, grant, limit: 10)
        #expect(first.rows.map(\.number) == stride(from: 4, through: 40, by: 4).map { $0 })
        let second = try await page(journal, grant, limit: 10, after: try #require(first.next))
        #expect(second.rows.map(\.number) == stride(from: 44, through: 80, by: 4).map { $0 })
    }

    @Test func whoMaySeeAlmostNothingAsksABoundedNumberOfTimes() async throws {
        let journal = ListJournal((1...1_000).map { Self.row($0, tenant: $0 == 1_000 ? "mine" : "other") })
        let grant = Self.grant(tenants: ["mine"])
        var page = try await page(journal, grant, limit: 10)
        #expect(page.rows.isEmpty && page.next == 100)
        #expect(journal.questions.withLock { $0 } == JournalPage.rounds)
        while let next = page.next, page.rows.isEmpty {
            page = try await self.page(journal, grant, limit: 10, after: next)
        }
        #expect(page.rows.map(\.number) == [1_000])
    }

    @Test func refusedMessagesAreForOperatorsAlone() async throws {
        let journal = ListJournal([Self.row(1, kind: .refusal), Self.row(2)])
        #expect(try await page(journal, Self.grant(), limit: 10).rows.map(\.number) == [2])
        #expect(try await page(journal, Self.grant(roles: [.read, .operate]), limit: 10).rows.count == 2)
    }

    @Test func aRowIsWrittenWithoutWhatIsEmpty() throws {
        var entry = JournalEntry(time: now, kind: .event, direction: .incoming, outcome: .retry)
        entry.event = "e-1"
        entry.code = "handle.retried"
        entry.attempt = 2
        entry.took = .microseconds(12_345)
        entry.retryAt = now + .seconds(1)
        let row = JournalRow(
            number: 7, boot: 3, entry: entry, hash: Digest(high: (0, 0), low: (0, 255)), body: Bytes(#"{"a":1}"#))
        let json = try JSONValue.parse(row.json.serialised())
        #expect(json["number"]?.int == 7 && json["eventId"]?.string == "e-1" && json["attempt"]?.int == 2)
        #expect(json["tookMs"]?.double == 12.345 && json["retryAt"]?.string == "2027-01-15T08:00:01.000Z")
        #expect(json["hash"]?.string?.hasSuffix("ff") == true && json["body"]?["a"]?.int == 1)
        #expect(json["queue"] == nil && json["tenantId"] == nil && json["generation"] == nil)
    }

    // MARK: - streams

    @Test func aBlockOfAStreamIsOneLineOfEach() {
        let text = String(decoding: ServerSentEvent.block(Self.row(42)), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 5 && lines[0] == "id: 42" && lines[1] == "event: done")
        #expect(lines[2].hasPrefix("data: {") && lines[3].isEmpty && lines[4].isEmpty)
    }

    @Test func theLastNumberComesFromTheHeaderOrTheAddress() throws {
        #expect(try ServerSentEvent.lastNumber(header: nil, parameter: nil) == nil)
        #expect(try ServerSentEvent.lastNumber(header: "", parameter: nil) == nil)
        #expect(try ServerSentEvent.lastNumber(header: "7", parameter: "9") == 7)
        #expect(try ServerSentEvent.lastNumber(header: nil, parameter: "9") == 9)
        #expect(throws: Failure.self) { try ServerSentEvent.lastNumber(header: "-1", parameter: nil) }
        #expect(throws: Failure.self) { try ServerSentEvent.lastNumber(header: "x", parameter: nil) }
    }
}

/// A journal of fixed rows, which counts what it is asked.
private final class ListJournal: JournalReader {
    private let list: [JournalRow]
    let questions = Mutex(0)
    init(_ list: [JournalRow]) { self.list = list }

    func rows(_ query: JournalQuery) async throws(Failure) -> [JournalRow] {
        questions.withLock { $0 += 1 }
        return Array(list.filter { $0.number > query.after }.prefix(query.atMost))
    }
    func newest() async throws(Failure) -> Int64 { list.last?.number ?? 0 }
    func growth() -> AsyncStream<Void> { AsyncStream { $0.finish() } }
    func accounts(of event: String) async throws(Failure) -> [LedgerAccount] { [] }
}
