import Events
import JSON
import Pipeline
import StoreCommon
import StoreConformance
import Support
import Synchronization
import Testing

@testable import AWS

/// What DynamoDB's limits and indexes make of the ports, beyond what every store promises.
@Suite(.serialized) struct DynamoDBStoreTests {
    let clock = FixedClock(.newYear)
    let queue = QueueName("payments")

    func bench() async throws -> TableBench {
        try await TableBench(clock, at: try MiniStackServer.shared().endpoint)
    }

    func commit(
        _ id: String, _ verdict: Commitment.Verdict = .done(.none), in bench: TableBench
    ) async throws -> CommitResult {
        let store = bench.dynamo
        let claims = try await store.claim([Samples.request(id, message: "m-" + id, at: clock.now)], at: clock.now)
        guard case .granted(let lease, let history)? = claims.first else { return .lostClaim }
        return try await store.commit([commitment(lease, verdict, history)], at: clock.now)[0]
    }

    func commitment(_ lease: Lease, _ verdict: Commitment.Verdict, _ history: History) -> Commitment {
        Commitment(
            lease: lease, verdict: verdict, history: history, keepUntil: clock.now + .days(5), generation: 1)
    }

    func draft(_ resource: String, detail: Bytes = Bytes("{\"a\":1}")) -> Draft {
        Draft(source: "qsl.treasury", detailType: "A.B.v1", resource: resource, correlationID: "", detail: detail)
    }

    // MARK: - limits

    @Test func whatExceedsOneTransactionIsRefusedAndSaysWhy() async throws {
        let bench = try await bench()
        let reads = (0..<120).map { StateRead(key: Bytes("k-\($0)"), version: 0) }
        guard case .refused(let failure) = try await commit("e-1", .done(Effects(reads: reads)), in: bench) else {
            Issue.record("not refused")
            return
        }
        #expect(failure.code == .handleTooLarge)
        #expect(failure.cause.hasPrefix("122 items: keys read and written"))
        #expect(try await commit("e-2", .done(Effects(reads: Array(reads.prefix(97)))), in: bench) == .committed)
        await bench.close()
    }

    @Test func commitsAndRoundTripsAreTold() async throws {
        let bench = try await bench()
        let events = Mutex<[StoreEvent]>([])
        var options = bench.dynamo.options
        options.observer = { event in events.withLock { $0.append(event) } }
        let store = try await DynamoDBStore.open(options, bench.session, clock: clock)
        events.withLock { $0 = [] }
        let claims = try await store.claim([Samples.request("e-1", message: "m-1", at: clock.now)], at: clock.now)
        guard case .granted(let lease, let history)? = claims.first else {
            Issue.record("not granted")
            return
        }
        #expect(try await store.commit([commitment(lease, .done(.none), history)], at: clock.now) == [.committed])
        let told = events.withLock { $0 }
        #expect(told.count { if case .committed(1, _) = $0 { true } else { false } } == 1)
        let requests = told.compactMap { if case .exchanged(let requests) = $0 { requests } else { nil } }
        // Identities, row and writer are one transaction.
        #expect(requests.count == 2 && requests.last ?? 0 > 2, "\(told)")
        await store.close()
        await bench.close()
    }

    @Test func aRequestOfMoreThanATransactionTakesIsTooLarge() async throws {
        let bench = try await bench()
        func submission(_ count: Int) -> Submission {
            let entries = (0..<count).map { number in
                Submission.Entry(id: "p-\(count)-\(number)", draft: draft("r-\(number)"), trace: Event.Trace())
            }
            return Submission(
                peer: "p", idempotencyKey: "k-\(count)", digest: Digest(high: (1, 2), low: (3, 4)), entries: entries,
                keepUntil: clock.now + .days(1))
        }
        let failure = await #expect(throws: Failure.self) {
            try await bench.dynamo.submit(submission(50), at: clock.now)
        }
        #expect(failure?.code == .apiTooLarge)
        #expect(try await bench.dynamo.submit(submission(48), at: clock.now).count == 48)
        #expect(try await bench.dynamo.depth().rows == 48)
        await bench.close()
    }

    @Test func aFullOutboxTakesNothingFromOutside() async throws {
        let bench = try await bench()
        await bench.dynamo.limitOutbox(.init(rows: 1, bytes: 1_000_000))
        #expect(try await commit("e-1", .done(Effects(drafts: [draft("a")])), in: bench) == .committed)
        let entry = Submission.Entry(id: "p-1", draft: draft("b"), trace: Event.Trace())
        let submission = Submission(
            peer: "p", idempotencyKey: nil, digest: Digest(high: (1, 2), low: (3, 4)), entries: [entry],
            keepUntil: clock.now + .days(1))
        let failure = await #expect(throws: Failure.self) {
            try await bench.dynamo.submit(submission, at: clock.now)
        }
        #expect(failure?.code == .publishOutboxFull)
        await bench.close()
    }

    // MARK: - parts

    @Test func anEventLargerThanAnItemGoesInPartsAndLeavesNone() async throws {
        let bench = try await bench()
        let detail = Bytes("\"" + String(repeating: "x", count: 900_000) + "\"")
        #expect(try await commit("e-1", .done(Effects(drafts: [draft("a", detail: detail)])), in: bench) == .committed)
        let due = try await bench.dynamo.due(atMost: 10, excluding: [], at: clock.now)
        #expect(due.map(\.draft.detail) == [detail])
        try await bench.dynamo.settle([PublicationResult(row: try #require(due.first).row, end: .sent)], at: clock.now)
        let left = try await bench.items().filter { $0.key.partition.hasPrefix("parts#outbox") }
        #expect(left.isEmpty)
        let rows = try await bench.dynamo.rows(JournalQuery.whole)
        #expect(rows.map(\.entry.outcome) == [.done, .sent])
        #expect(rows.last?.body == detail)
        await bench.close()
    }

    // MARK: - the shelf

    @Test func whatIsGivenUpIsOnTheShelfAndGoesAgainUnderItsID() async throws {
        let bench = try await bench()
        #expect(try await commit("e-1", .done(Effects(drafts: [draft("a")])), in: bench) == .committed)
        let first = try #require(try await bench.dynamo.due(atMost: 1, excluding: [], at: clock.now).first)
        let end = PublicationResult.End.gaveUp(Failure(.publishRefused, "bus", "MalformedDetail"))
        try await bench.dynamo.settle([PublicationResult(row: first.row, end: end)], at: clock.now)
        let box = TableShelf(bench.dynamo, LetterPlace(queue: queue, box: .publications))
        let letters = try await box.take(atMost: 10)
        #expect(letters.map(\.id.text) == [first.id])
        #expect(letters.first?.failure?.contains("MalformedDetail") == true)
        #expect(letters.first?.body.text.contains("\"detailCore\":{\"a\":1}") == true)
        #expect(try await box.take(atMost: 10).isEmpty)
        let letter = RedrivenLetter(id: MessageID(first.id), body: [], attributes: [], group: nil)
        #expect(await TableOutboxTarget(bench.dynamo).send([letter]).map { try? $0.get() } == [MessageID(first.id)])
        #expect(await box.delete([MessageID(first.id)]) == [nil])
        let again = try await bench.dynamo.due(atMost: 10, excluding: [], at: clock.now)
        #expect(again.map(\.id) == [first.id])
        #expect(again.map(\.draft) == [first.draft])
        await box.release()
        #expect(try await box.take(atMost: 10).isEmpty)
        await bench.close()
    }

    @Test func aLetterIsKeptWholeUntilItIsDeleted() async throws {
        let bench = try await bench()
        let body = Bytes(String(repeating: "b", count: 1_000_000))
        let letter = DeadLetter(
            body: body, attributes: [Attribute(name: "n", value: "v")], failure: "{\"code\":\"handle.rejected\"}",
            shortFailure: "{}", group: "g", deduplicationID: "d")
        let verdict = Commitment.Verdict.dead(Failure(.handleRejected, "treasury", "no"), shelved: letter)
        #expect(try await commit("e-1", verdict, in: bench) == .committed)
        let box = TableShelf(bench.dynamo, LetterPlace(queue: queue))
        let found = try #require(try await box.take(atMost: 10).first)
        #expect(found.id == MessageID("m-e-1"))
        #expect(found.body == body)
        #expect(found.attributes == letter.attributes)
        #expect(found.group == "g")
        #expect(await box.delete([found.id]) == [nil])
        #expect(try await bench.items().allSatisfy { !$0.key.partition.hasPrefix("parts#letter") })
        await bench.close()
    }

    // MARK: - the journal

    @Test func oldRowsAreFoundByTheIndexesAndNewOnesInTheirOrder() async throws {
        let bench = try await bench()
        let other = try #require(try await bench.second() as? DynamoDBStore)
        for number in 0..<3 { #expect(try await commit("e-\(number)", in: bench) == .committed) }
        try await bench.dynamo.beat(at: bench.clock.now)
        clock.advance(by: .minutes(1))
        #expect(try await commit("e-3", in: bench) == .committed)
        func events(_ change: (inout JournalQuery) -> Void) async throws -> [String] {
            var query = JournalQuery()
            change(&query)
            return try await other.rows(query).map(\.entry.event)
        }
        #expect(try await events { $0.correlationID = "c-1" } == ["e-0", "e-1", "e-2", "e-3"])
        #expect(try await events { ($0.correlationID, $0.after) = ("c-1", 2) } == ["e-2", "e-3"])
        #expect(try await events { ($0.correlationID, $0.atMost) = ("c-1", 1) } == ["e-0"])
        #expect(try await events { $0.event = "e-1" } == ["e-1"])
        #expect(try await events { $0.event = "m-e-1" } == ["e-1"], "by the queue's own id")
        #expect(try await events { $0.since = clock.now } == ["e-3"])
        #expect(try await events { $0.event = "e-9" } == [])
        await bench.close()
    }

    @Test func aChainThatIsSilentLeavesTheListAndItsWriterBeginsAnother() async throws {
        let bench = try await bench()
        #expect(try await commit("e-0", in: bench) == .committed)
        try await bench.dynamo.beat(at: bench.clock.now)
        clock.advance(by: .hours(2))
        try await bench.dynamo.beat(at: bench.clock.now)
        #expect(try await bench.client.queryAll(Query(TableLayout.writers)).count == 1, "nobody has sealed it")
        let head = try #require(try await bench.dynamo.headToSeal(force: true, at: bench.clock.now))
        try await bench.dynamo.seal(head, nil)
        clock.advance(by: .hours(2))
        try await bench.dynamo.beat(at: bench.clock.now)
        #expect(try await bench.client.queryAll(Query(TableLayout.writers)).isEmpty)
        #expect(try await commit("e-1", in: bench) == .committed)
        let rows = try await bench.dynamo.rows(JournalQuery.whole)
        #expect(rows.map(\.number) == [1, 2])
        #expect(Set(rows.map(\.boot)).count == 2)
        #expect(try await bench.isJournalWhole())
        await bench.close()
    }

    // MARK: - idling

    @Test func anIdleSidecarAsksLessAndLess() async throws {
        let counter = Counter()
        let proxy = try CuttingProxy(to: try MiniStackServer.shared().endpoint) { _ in
            _ = counter.next()
            return nil
        }
        let bench = try await TableBench(clock, at: proxy.url)
        func requests(in seconds: Int) async throws -> Int {
            let before = counter.next()
            for _ in 0..<seconds {
                clock.advance(by: .seconds(1))
                try await bench.dynamo.beat(at: clock.now)
            }
            return counter.next() - before - 1
        }
        _ = try await requests(in: 180)
        #expect(try await requests(in: 300) <= 10, "two reads a minute")
        #expect(try await commit("e-1", in: bench) == .committed)
        #expect(try await requests(in: 1) > 0, "what it wrote itself is numbered at once")
        #expect(try await bench.client.get(TableLayout.numbers)?.integer("count") == 1)
        _ = try await requests(in: 180)
        let growth = bench.dynamo.growth()
        #expect(try await requests(in: 10) >= 20, "somebody waits for it")
        withExtendedLifetime(growth) {}
        await bench.close()
    }

    // MARK: - leases

    @Test func aLeaseIsTakenOverOnlyWhenNoClockWithinTheBoundHoldsIt() async throws {
        let bench = try await bench()
        let other = try #require(try await bench.second())
        let request = Samples.request("e-1", message: "m-1", at: clock.now)
        let claims = try await bench.dynamo.claim([request], at: clock.now)
        guard case .granted(let lease, let history)? = claims.first else {
            Issue.record("not granted")
            return
        }
        clock.advance(by: .milliseconds(30_900))
        guard case .inFlight? = try await other.claim([request], at: clock.now).first else {
            Issue.record("taken over within the bound")
            return
        }
        clock.advance(by: .milliseconds(100))
        guard case .granted? = try await other.claim([request], at: clock.now).first else {
            Issue.record("not taken over")
            return
        }
        let late = commitment(lease, .done(.none), history)
        #expect(try await bench.dynamo.commit([late], at: clock.now) == [.lostClaim])
        await bench.close()
    }

    // MARK: - trouble

    /// A cancelled transaction of so many writes, of which the first met somebody else's.
    static func conflict(_ request: TestServer.Request) -> TestServer.Reply {
        let count = (try? JSONValue.parse(request.body)["TransactItems"]?.array?.count) ?? 1
        let others = Array(repeating: "{\"Code\":\"None\"}", count: count - 1)
        let reasons = ["{\"Code\":\"TransactionConflict\"}"] + others
        return .json(
            """
            {"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",\
            "CancellationReasons":[\(reasons.joined(separator: ","))]}
            """, status: 400)
    }

    @Test func whatMetSomebodyElsesTransactionIsTriedAgain() async throws {
        let counter = Counter()
        let proxy = try CuttingProxy(to: try MiniStackServer.shared().endpoint) { request in
            guard request.headers["x-amz-target"]?.hasSuffix("TransactWriteItems") == true,
                String(decoding: request.body, as: UTF8.self).contains("journal#"), counter.next() <= 3
            else { return nil }
            return Self.conflict(request)
        }
        let bench = try await TableBench(clock, at: proxy.url)
        #expect(try await commit("e-1", .done(Effects(drafts: [draft("a")])), in: bench) == .committed)
        #expect(counter.next() == 5)
        #expect(try await bench.dynamo.depth().rows == 1)
        #expect(try await bench.isJournalWhole())
        await bench.close()
    }

    @Test func whileDynamoDBIsAwayNothingIsGrantedAndItNeedsNoRestart() async throws {
        let isAway = Mutex(false)
        let proxy = try CuttingProxy(to: try MiniStackServer.shared().endpoint) { _ in
            isAway.withLock { $0 } ? .raw([]) : nil
        }
        let bench = try await TableBench(clock, at: proxy.url, isCut: true)
        let request = Samples.request("e-1", message: "m-1", at: clock.now)
        guard case .granted(let lease, let history)? = try await bench.dynamo.claim([request], at: clock.now).first
        else {
            Issue.record("not granted")
            return
        }
        isAway.withLock { $0 = true }
        let verdict = commitment(lease, .done(.none), history)
        for call: @Sendable () async throws -> Void in [
            { _ = try await bench.dynamo.claim([Samples.request("e-2", message: "m-2", at: .newYear)], at: .newYear) },
            { _ = try await bench.dynamo.commit([verdict], at: .newYear) },
            { try await bench.dynamo.check() },
            { _ = try await bench.dynamo.rows(JournalQuery()) },
        ] {
            let failure = await #expect(throws: Failure.self) { try await call() }
            #expect(failure?.code == .storeUnavailable)
        }
        #expect(await bench.dynamo.renew([lease], until: .newYear + .minutes(1)) == [true], "nothing is known")
        isAway.withLock { $0 = false }
        #expect(try await bench.dynamo.commit([verdict], at: clock.now) == [.committed])
        try await bench.dynamo.check()
        await bench.close()
    }

    @Test func commitsOfManyTasksShareTransactionsAndOneChain() async throws {
        let bench = try await bench()
        let results = try await withThrowingTaskGroup(of: CommitResult.self) { group in
            for number in 0..<40 {
                group.addTask { try await commit("e-\(number)", .done(Effects(drafts: [draft("r")])), in: bench) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results == Array(repeating: .committed, count: 40))
        let writer = try #require(try await bench.client.queryAll(Query(TableLayout.writers)).first)
        #expect(try #require(writer.integer("turn")) < 40)
        #expect(writer.integer("place") == 40)
        #expect(try await bench.isJournalWhole())
        var sent: [Int64] = []
        while let next = try await bench.dynamo.due(atMost: 10, excluding: [], at: clock.now).first {
            sent.append(next.row)
            try await bench.dynamo.settle([PublicationResult(row: next.row, end: .sent)], at: clock.now)
        }
        #expect(sent.count == 40)
        #expect(sent == sent.sorted())
        await bench.close()
    }
}

extension JournalQuery {
    fileprivate static var whole: JournalQuery {
        var query = JournalQuery()
        query.atMost = 1_000
        query.withBodies = true
        return query
    }
}
