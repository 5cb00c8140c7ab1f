import Events
import Hummingbird
import Testing

@testable import LocalAPI

@Suite struct PeerTests {
    private static let service = Grant(name: "service", users: [1000], groups: [], roles: [.publish, .read])
    private static let team = Grant(name: "team", users: [], groups: [2000, 2001], roles: [.read])
    private static let late = Grant(name: "late", users: [1000, 3000], groups: [], roles: [.operate])

    private func book(isWorker: @escaping @Sendable (Int32) -> Bool = { _ in false }) -> PeerBook {
        PeerBook(.of([Self.service, Self.team, Self.late]), isWorker: isWorker)
    }

    private func name(_ book: PeerBook, user: UInt32, _ groups: [UInt32], process: Int32 = 77) -> String? {
        try? book.peer(Credentials(process: process, user: user, groups: groups)).0.grant.name
    }

    @Test func theFirstGrantThatFitsCounts() {
        #expect(name(book(), user: 1000, [2000]) == "service")
        #expect(name(book(), user: 9, [9, 8, 2001]) == "team")
        #expect(name(book(), user: 3000, [3000]) == "late")
        #expect(name(book(), user: 9, [9]) == nil)
    }

    @Test func idsThatStandForAnybodyAreNobody() {
        let open = Grant(name: "open", users: [65_534], groups: [65_534], roles: [.read])
        let book = PeerBook(.of([open]), isWorker: { _ in false })
        #expect(name(book, user: 65_534, [9]) == nil)
        #expect(name(book, user: 9, [65_534]) == nil)
        #expect(name(book, user: 9, [9, 65_534]) == nil)
    }

    @Test func workersAreRefusedWhateverTheirUser() throws {
        let book = book { $0 == 4711 }
        #expect(name(book, user: 1000, [], process: 4711) == nil)
        #expect(name(book, user: 1000, [], process: 4712) == "service")
        let refusal = #expect(throws: ProblemError.self) {
            try book.peer(Credentials(process: 4711, user: 1000, groups: []))
        }
        #expect(refusal?.status == .forbidden)
        #expect(refusal?.failure.cause.contains("worker of this sidecar") == true)
    }

    @Test func somebodyWhomTheKernelDoesNotNameIsNobody() {
        #expect(throws: ProblemError.self) { try book().peer(nil) }
    }

    @Test func aNewPolicyHoldsAtOnceAndKeepsWhatIsInUse() throws {
        let book = book()
        let caller = Credentials(process: 1, user: 1000, groups: [])
        let limits = try book.peer(caller).1
        let permit = try limits.openStream()
        book.become(.of([Self.service], streams: 1))
        #expect(try book.peer(caller).1 === limits)
        #expect(throws: ProblemError.self) { try limits.openStream() }
        withExtendedLifetime(permit) {}
        book.become(.of([Self.team]))
        #expect(throws: ProblemError.self) { try book.peer(caller) }
    }

    @Test func onlyWhatIsListedMayBeSigned() {
        let grant = Grant(
            name: "orders", users: [], groups: [], roles: [.publish],
            publish: [
                PublishGrant(
                    source: NamePattern("com.example.orders"), detailTypes: [NamePattern("Order.*.v1")]),
                PublishGrant(source: NamePattern("com.*.stock"), detailTypes: [NamePattern("*")]),
            ])
        #expect(grant.maySign(source: "com.example.orders", detailType: "Order.Paid.v1"))
        #expect(!grant.maySign(source: "com.example.orders", detailType: "Order.Paid.v2"))
        #expect(!grant.maySign(source: "com.example.billing", detailType: "Order.Paid.v1"))
        #expect(grant.maySign(source: "com.example.stock", detailType: "Anything.At.All"))
        #expect(!Self.service.maySign(source: "com.example.orders", detailType: "Order.Paid.v1"))
    }

    @Test func rowsAreForTheirSourcesAndTenants() {
        func entry(_ source: String, _ tenant: String) -> JournalEntry {
            var entry = JournalEntry(time: .distantPast, kind: .event, direction: .incoming, outcome: .done)
            (entry.source, entry.tenantID) = (source, tenant)
            return entry
        }
        let narrow = Grant(
            name: "a", users: [], groups: [], roles: [.read], sources: [NamePattern("com.example.*")],
            tenants: ["acme"])
        #expect(narrow.mayRead(entry("com.example.orders", "acme")))
        #expect(!narrow.mayRead(entry("com.example.orders", "other")))
        #expect(!narrow.mayRead(entry("org.example.orders", "acme")))
        #expect(!narrow.mayRead(entry("", "")), "a refused message has neither")
        #expect(Self.service.mayRead(entry("", "")))
    }

    // MARK: - limits

    @Test func aBucketGivesItsRateAndFillsAgain() {
        let start = ContinuousClock.now
        var bucket = TokenBucket(rate: 10, at: start)
        for _ in 0..<10 { #expect(bucket.take(at: start) == nil) }
        let wait = bucket.take(at: start)
        #expect(wait.map { $0 > .milliseconds(90) && $0 <= .milliseconds(101) } == true)
        #expect(bucket.take(at: start + .milliseconds(50)) != nil)
        #expect(bucket.take(at: start + .milliseconds(101)) == nil)
        #expect(bucket.take(at: start + .milliseconds(101)) != nil)
        // An hour's rest is no hour's stock.
        for _ in 0..<10 { #expect(bucket.take(at: start + .hours(1)) == nil) }
        #expect(bucket.take(at: start + .hours(1)) != nil)
        // A clock that goes back gives nothing.
        #expect(bucket.take(at: start) != nil)
    }

    @Test func permitsComeBackWhenTheyAreLetGo() throws {
        let limits = PeerLimits("p", .init(rate: 1, body: 1, streams: 2, connections: 1))
        do {
            let held = [try limits.openStream(), try limits.openStream()]
            let refusal = #expect(throws: ProblemError.self) { try limits.openStream() }
            #expect(refusal?.status == .tooManyRequests)
            #expect(refusal?.headers[.retryAfter] == "1")
            withExtendedLifetime(held) {}
        }
        #expect(throws: Never.self) { try limits.openStream() }
        let connection = limits.openConnection()
        #expect(connection != nil)
        #expect(limits.openConnection() == nil)
        withExtendedLifetime(connection) {}
    }
}
