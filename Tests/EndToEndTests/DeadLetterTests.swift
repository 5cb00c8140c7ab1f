import Cryptography
import Events
import Foundation
import JSON
import LocalCloud
import Pipeline
import Signatures
import Store
import Support
import Testing

/// What failed, as an operator finds it, understands it, and sends it back: by the command, beside the real sidecar.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DeadLetterTests {
    private static let refuses = "config: {refuse: true}"
    private static let works = "deadline: 5s"
    private static let rejected = "handle.rejected/counting/Test.Done.v1"

    @Test func aGroupIsRedrivenOnceItsHandlerWorksAndACanaryStopsItBefore() async throws {
        try await House.inLocalCloud { house, cloud in
            let desk = try LetterCommand(house, try house.write(cloud, handler: Self.refuses, more: house.sockets))
            let sidecar = try house.start(desk.configuration)
            try house.put(try house.payments(0..<5), to: cloud)
            let stranger = try PrivateKey(SigningKey.generate(), keyID: "publisher")
            try house.put(
                try (0..<3).map { try house.detail("{\"n\":\($0)}", id: "forged-\($0)", key: stranger) }, to: cloud)
            try house.put(
                try (0..<2).map { try house.detail("{\"n\":\($0)}", id: "old-\($0)", at: .now - .days(2)) }, to: cloud)
            #expect(await eventually { cloud.letters("main-dlq").count == 10 }, "\(sidecar.lines.suffix(2000))")

            for _ in 0..<2 { try await desk.finds([Self.rejected: 5, "verify.bad-signature": 3, "dedup.expired": 2]) }
            #expect(cloud.statistics.queue("main-dlq")?.depth == 10, "looking gives everything back")

            let words = "redrive --group \(Self.rejected) --canary 2 --reason 'is it fixed?'"
            let unasked = try await desk.run(words)
            #expect(unasked.status == 1 && unasked.output.contains("--yes"), "\(unasked.output)")
            let stopped = try await desk.run(words + " --yes")
            #expect(stopped.status == 2 && stopped.output.contains("Stopped: of the canary of 2"), "\(stopped.output)")
            #expect(await eventually { cloud.letters("main-dlq").count == 10 }, "the canary is a dead letter again")

            _ = try house.write(cloud, handler: Self.works, more: house.sockets)
            sidecar.hangUp()
            #expect(await eventually { await sidecar.metric("outrigger_generation") == 2 })
            let dry = try await desk.run("redrive --all --dry-run")
            #expect(dry.status == 0 && dry.output.contains("10 letters would go back"), "\(dry.output)")
            let redriven = try await desk.run(words + " --yes")
            #expect(redriven.status == 0, "\(redriven.output)")
            #expect(redriven.output.contains("5 letters sent back.\nThe canary of 2 passed"), "\(redriven.output)")
            #expect(await eventually { cloud.publishedIDs.count == 5 && cloud.isEmpty("main") })
            #expect(cloud.peek("published").count == 5, "each was processed exactly once")
            try await desk.finds(["verify.bad-signature": 3, "dedup.expired": 2])

            // What was done beside the sidecar was told to it; and now nobody has the store.
            #expect(sidecar.stop() == 0)
            let moved = try await house.journal(of: .redriven)
            #expect(moved.count == 7 && moved.allSatisfy { $0.event.hasPrefix("payment-") })
            #expect(moved.allSatisfy { $0.cause == "by peer own-user (uid \(geteuid())): is it fixed?" })
            let discarded = try await desk.run("discard --all --reason obsolete --yes")
            #expect(discarded.status == 0 && discarded.output.contains("5 letters deleted."), "\(discarded.output)")
            #expect(cloud.letters("main-dlq").isEmpty)
            let rows = try await house.journal(of: .discarded)
            #expect(rows.filter { $0.code == "dedup.expired" }.count == 2)
            #expect(rows.filter { $0.code == "verify.bad-signature" }.count == 3 && rows.count == 5)
            #expect(rows.allSatisfy { $0.cause.contains("(uid \(geteuid())): obsolete") }, "\(rows.map(\.cause))")
        }
    }

    @Test func aThousandLettersGoBackAtARateAfterACanaryThatStoppedThem() async throws {
        try await House.inLocalCloud { house, cloud in
            let desk = try LetterCommand(house, try house.write(cloud, handler: Self.refuses))
            let sidecar = try house.start(desk.configuration)
            try house.put(try house.payments(0..<1_000), to: cloud)
            let isDead = await eventually(within: .seconds(300)) { cloud.letters("main-dlq").count == 1_000 }
            #expect(isDead, "\(sidecar.lines.suffix(2000))")

            let words = "redrive --all --rate 250/s --canary 20 --yes"
            let stopped = try await desk.run(words)
            #expect(stopped.status == 2 && stopped.output.contains("20 letters sent back."), "\(stopped.output)")
            #expect(await eventually { cloud.letters("main-dlq").count == 1_000 && cloud.isEmpty("main") })

            _ = try house.write(cloud, handler: Self.works)
            sidecar.hangUp()
            #expect(await eventually { await sidecar.metric("outrigger_generation") == 2 })
            let redriven = try await desk.run(words)
            #expect(redriven.status == 0, "\(redriven.output)")
            #expect(redriven.output.contains("  1000 of 1000\n1000 letters sent back."), "\(redriven.output)")
            let isDone = await eventually(within: .seconds(300)) { cloud.publishedIDs.count == 1_000 }
            #expect(isDone, "\(cloud.publishedIDs.count)")
            #expect(cloud.peek("published").count == 1_000 && cloud.letters("main-dlq").isEmpty)
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func anOverrideRunsOnceWhatDedupAndAgeRefuse() async throws {
        try await House.inLocalCloud { house, cloud in
            let desk = try LetterCommand(house, try house.write(cloud, more: house.sockets))
            let sidecar = try house.start(desk.configuration)
            try house.put(try house.payments(0..<1), to: cloud)
            #expect(await eventually { cloud.publishedIDs.count == 1 }, "\(sidecar.lines.suffix(2000))")
            // From now on a copy of everything becomes a letter: of the payment that is done, of one that is too old,
            // which is refused beside it, and of one that nobody signed.
            try cloud.putRule("copy", pattern: #"{"source":["test.in"]}"#, queue: "main-dlq")
            let stranger = try PrivateKey(SigningKey.generate(), keyID: "publisher")
            try house.put(try house.payments(0..<1), to: cloud)
            try house.put([try house.detail("{\"do\":\"spread\"}", id: "old", at: .now - .days(2))], to: cloud)
            try house.put([try house.detail("{\"do\":\"spread\"}", id: "forged", key: stranger)], to: cloud)
            #expect(await eventually { cloud.letters("main-dlq").count == 5 }, "\(sidecar.lines.suffix(2000))")

            let unexplained = try await desk.run("redrive --all --override --yes")
            #expect(unexplained.status != 0 && unexplained.output.contains("--reason"), "\(unexplained.output)")
            let words = "redrive --all --override --reason 'the bank lost them' --yes"
            let redriven = try await desk.run(words)
            #expect(redriven.output.contains("3 letters sent back."), "\(redriven.output)")
            #expect(redriven.output.contains("2 letters stay") && redriven.output.contains("verify.bad-signature"))
            #expect(await eventually { cloud.peek("published").count == 3 }, "\(sidecar.lines.suffix(2000))")
            #expect(await eventually { cloud.isEmpty("main") })
            #expect(cloud.publishedIDs.count == 2, "a second run publishes under the ids of the first")

            // Used up: the next copies are duplicates.
            _ = try await desk.run("discard --all --reason forged --yes")
            try house.put(try house.payments(0..<1), to: cloud)
            #expect(await eventually { cloud.letters("main-dlq").count == 1 && cloud.isEmpty("main") })
            let again = try await desk.run("redrive --all --yes")
            #expect(again.status == 0 && again.output.contains("1 letter sent back."), "\(again.output)")
            #expect(await eventually { cloud.isEmpty("main") })
            #expect(cloud.peek("published").count == 3)
            #expect(sidecar.stop() == 0)

            let permitted = try await house.journal(of: .permitted)
            #expect(Set(permitted.map(\.event)) == ["payment-0", "old"])
            #expect(permitted.allSatisfy { $0.cause.contains("(uid \(geteuid())): the bank lost them") })
            let done = try await house.journal(of: .done)
            #expect(done.map(\.cause).sorted() == ["", "permitted by override", "permitted by override"])
            try house.put(try house.payments(0..<1), to: cloud)
            let alone = try await desk.run(words)
            #expect(alone.status == 1 && alone.output.contains("needs the running sidecar"), "\(alone.output)")
        }
    }

    @Test func aParkedGroupStandsUntilItsHeadWasRedrivenOrAnOperatorFreesIt() async throws {
        try await House.inLocalCloud { house, cloud in
            try cloud.createOrders()
            let desk = try LetterCommand(house, try house.writeOrders(cloud, handler: Self.refuses))
            let sidecar = try house.start(desk.configuration)
            try house.put(try house.orders(0..<1, "Test.A.v1"), type: "Test.A.v1", to: cloud)
            #expect(await eventually { cloud.letters("orders-dlq.fifo").count == 1 }, "\(sidecar.lines.suffix(2000))")
            _ = try house.writeOrders(cloud)
            sidecar.hangUp()
            #expect(await eventually { await sidecar.metric("outrigger_generation") == 2 })
            try house.put(try house.orders(1..<3, "Test.A.v1"), type: "Test.A.v1", to: cloud)
            try house.put(try house.orders(3..<4, "Test.B.v1"), type: "Test.B.v1", to: cloud)
            #expect(await eventually { cloud.letters("orders-dlq.fifo").count == 3 }, "\(sidecar.lines.suffix(2000))")
            #expect(await eventually { cloud.publishedIDs.count == 1 }, "the other group goes on")
            #expect(cloud.letters("orders-dlq.fifo").map(\.code) == ["handle.rejected", "dedup.parked", "dedup.parked"])

            let list = try await desk.run("list")
            #expect(list.output.contains("PARKED GROUP") && list.output.contains("payment-0"), "\(list.output)")
            let status = try await desk.outrigger("status")
            #expect(status.output.contains("1 FIFO group parked"), "\(status.output)")
            let redriven = try await desk.run("redrive --all --yes")
            #expect(redriven.status == 0, "\(redriven.output)")
            #expect(await eventually { cloud.publishedIDs.count == 4 }, "\(sidecar.lines.suffix(2000))")
            #expect(try await !desk.run("list").output.contains("PARKED GROUP"))

            try house.put(
                [try house.detail("{\"do\":\"reject\"}", id: "bad", type: "Test.A.v1")], type: "Test.A.v1", to: cloud)
            #expect(await eventually { cloud.letters("orders-dlq.fifo").count == 1 })
            try house.put(try house.orders(4..<5, "Test.A.v1"), type: "Test.A.v1", to: cloud)
            #expect(await eventually { cloud.letters("orders-dlq.fifo").count == 2 })
            let other = try await desk.run("free --group z --reason x")
            #expect(other.status == 1 && other.output.contains("api.not-found"), "\(other.output)")
            let freed = try await desk.run("free --group a --reason 'settled by hand'")
            #expect(freed.status == 0 && freed.output.contains("a is free"), "\(freed.output)")
            let rest = try await desk.run("redrive --group dedup.parked/counting/Test.A.v1 --yes")
            #expect(rest.status == 0, "\(rest.output)")
            #expect(await eventually { cloud.publishedIDs.count == 5 }, "\(sidecar.lines.suffix(2000))")
            #expect(sidecar.stop() == 0)
            let done = try await house.journal(of: .done).filter { $0.detailType == "Test.A.v1" }.map(\.event)
            #expect(done == ["payment-0", "payment-1", "payment-2", "payment-4"], "in order")
            let rows = try await house.journal(of: .freed)
            #expect(rows.map(\.event) == ["bad"] && rows.allSatisfy { $0.cause.hasSuffix(": settled by hand") })
        }
    }

    @Test func discardingTheLetterOfAPoisonousHeadFreesItsGroup() async throws {
        try await House.inLocalCloud { house, cloud in
            try cloud.createOrders()
            let desk = try LetterCommand(house, try house.writeOrders(cloud))
            let sidecar = try house.start(desk.configuration)
            try house.put(
                [try house.detail("{\"do\":\"reject\"}", id: "bad", type: "Test.A.v1")], type: "Test.A.v1", to: cloud)
            #expect(await eventually { cloud.letters("orders-dlq.fifo").count == 1 }, "\(sidecar.lines.suffix(2000))")
            try house.put(try house.orders(0..<2, "Test.A.v1"), type: "Test.A.v1", to: cloud)
            #expect(await eventually { cloud.letters("orders-dlq.fifo").count == 3 }, "\(sidecar.lines.suffix(2000))")

            // The letter of one that stands behind it is no head's.
            let behind = try JSONValue.parse(try await desk.run("list --code dedup.parked --json").output)
            let last = try #require(behind["letters"]?.array?.last?["id"]?.string)
            #expect(try await desk.run("discard \(last) --reason x --yes").status == 0)
            #expect(try await desk.run("list").output.contains("PARKED GROUP"))

            let discarded = try await desk.run("discard --group handle.rejected/counting/Test.A.v1 --reason y --yes")
            #expect(discarded.status == 0 && discarded.output.contains("1 letter deleted."), "\(discarded.output)")
            #expect(try await !desk.run("list").output.contains("PARKED GROUP"))
            let rest = try await desk.run("redrive --all --yes")
            #expect(rest.status == 0 && rest.output.contains("1 letter sent back."), "\(rest.output)")
            #expect(await eventually { cloud.publishedIDs.count == 1 }, "\(sidecar.lines.suffix(2000))")
            try house.put(try house.orders(2..<3, "Test.A.v1"), type: "Test.A.v1", to: cloud)
            #expect(await eventually { cloud.publishedIDs.count == 2 }, "\(sidecar.lines.suffix(2000))")
            #expect(cloud.letters("orders-dlq.fifo").isEmpty)
            #expect(sidecar.stop() == 0)
            #expect(try await house.journal(of: .discarded).map(\.event).sorted() == ["bad", "payment-1"])
        }
    }

    @Test func aReplayShowsWhatAHandlerWouldMakeOfTheSameEventsNow() async throws {
        try await House.inLocalCloud { house, cloud in
            let more = house.sockets + "\njournal: {payloads: keep}"
            let desk = try LetterCommand(house, try house.write(cloud, more: more))
            let sidecar = try house.start(desk.configuration)
            try house.put(try house.payments(0..<3), to: cloud)
            #expect(await eventually { cloud.publishedIDs.count == 3 }, "\(sidecar.lines.suffix(2000))")
            let words = "replay --from -1h --to 2100-01-01T00:00:00Z"
            let same = try await desk.outrigger(words)
            #expect(same.status == 0, "\(same.output)")
            #expect(same.output.contains("3 events: 3 done, 0 otherwise than then (*).\nNothing of it stays."))

            _ = try house.write(cloud, handler: Self.refuses, more: more)
            sidecar.hangUp()
            #expect(await eventually { await sidecar.metric("outrigger_generation") == 2 })
            let other = try await desk.outrigger(words)
            #expect(other.output.contains("3 events: 3 reject, 3 otherwise than then (*)."), "\(other.output)")
            #expect(other.output.contains("test.refused"))
            let unexplained = try await desk.outrigger(words + " --apply --yes")
            #expect(unexplained.status != 0 && unexplained.output.contains("--reason"), "\(unexplained.output)")
            let refused = try await desk.outrigger(words + " --apply --reason why --yes")
            #expect(refused.status == 0 && refused.output.contains("Nothing of it stays."), "\(refused.output)")
            #expect(cloud.peek("published").count == 3)

            _ = try house.write(cloud, more: more)
            sidecar.hangUp()
            #expect(await eventually { await sidecar.metric("outrigger_generation") == 3 })
            let applied = try await desk.outrigger(words + " --apply --reason why --yes")
            #expect(applied.status == 0 && applied.output.contains("3 were committed."), "\(applied.output)")
            #expect(await eventually { cloud.peek("published").count == 6 }, "\(sidecar.lines.suffix(2000))")
            #expect(cloud.publishedIDs.count == 3, "under the ids of the first time")
            #expect(sidecar.stop() == 0)
            let permitted = try await house.journal(of: .permitted)
            #expect(permitted.count == 6 && permitted.allSatisfy { $0.cause.hasPrefix("a replay, by peer own-user") })
            #expect(try await house.journal(of: .done).count { $0.cause == "permitted by override" } == 3)
        }
    }

    @Test func lettersInTheStoreAreReachedByTheSocketAndAPoisonousOneIsEdited() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(cloud, more: house.sockets)
            try String(contentsOfFile: path, encoding: .utf8)
                .replacing("dead-letter: \"\(cloud.queueURL("main-dlq"))\"", with: "dead-letter: none")
                .write(toFile: path, atomically: true, encoding: .utf8)
            let desk = try LetterCommand(house, path)
            let sidecar = try house.start(path)
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))")
            try house.put([try house.detail("{\"do\":\"reject\",\"n\":1}", id: "poison")], to: cloud)
            let stranger = try PrivateKey(SigningKey.generate(), keyID: "publisher")
            try house.put([try house.detail("{\"n\":1}", id: "forged", key: stranger)], to: cloud)
            let isThere = try await eventually { try await desk.groups().count == 2 }
            #expect(isThere, "\(sidecar.lines.suffix(2000))")

            // A forged one is forged again: by the socket, and in the journal under the peer's name.
            let redriven = try await desk.run("redrive --group verify.bad-signature/-/Test.Done.v1 --reason why --yes")
            #expect(redriven.status == 0, "\(redriven.output)")
            let isBack = try await eventually { try await desk.groups().count == 2 }
            #expect(isBack)

            let list = try JSONValue.parse(try await desk.run("list --code handle.rejected --json").output)
            let letter = try #require(list["letters"]?[0])
            #expect(letter["eventId"]?.string == "poison" && letter["verified"]?.bool == true)
            let shown = try await desk.run("show \(letter["id"]?.string ?? "")")
            #expect(shown.output.contains("test.reject") && shown.output.contains(#""do":"reject""#), "\(shown.output)")
            try "{\"do\":\"spread\", \"n\":1}".write(
                toFile: house.folder.file("core.json"), atomically: true, encoding: .utf8)
            let edited = try await desk.run(
                "edit \(letter["id"]?.string ?? "") \(house.folder.file("core.json")) --reason typo --yes")
            #expect(edited.status == 0 && edited.output.contains("a new event"), "\(edited.output)")
            #expect(await eventually { cloud.publishedIDs.count == 1 }, "\(sidecar.lines.suffix(2000))")
            #expect(try await desk.groups().count == 1)

            #expect(sidecar.stop() == 0)
            #expect(try await desk.groups().count == 1, "by the store's file, where no sidecar has it")
            let rows = try await house.journal(of: .edited)
            #expect(rows.map(\.parent) == ["poison"] && rows.allSatisfy { !$0.event.isEmpty && $0.event != "poison" })
            #expect(rows.allSatisfy { $0.cause.hasPrefix("by peer own-user (uid \(geteuid())): typo") })
            let sent = try await house.journal(of: .redriven)
            #expect(sent.map(\.code) == ["verify.bad-signature"] && sent.allSatisfy { $0.cause.hasSuffix(": why") })
        }
    }
}

extension House {
    fileprivate var sockets: String { "api: {socket: \(folder.file("s")), admin-socket: \(folder.file("a"))}" }

    fileprivate func orders(_ numbers: Range<Int>, _ type: String) throws -> [String] {
        try numbers.map { try detail("{\"do\":\"spread\",\"n\":\($0)}", id: "payment-\($0)", type: type) }
    }

    /// FIFO groups whose poisonous heads park them.
    fileprivate func writeOrders(_ cloud: LocalCloud, handler: String = "deadline: 5s") throws -> String {
        let path = try write(
            endpoint: cloud.endpoint, queue: cloud.queueURL("orders.fifo"),
            deadLetters: cloud.queueURL("orders-dlq.fifo"), keys: cloud.endpoint + "/keys/jwks-pqc", handler: handler,
            more: sockets)
        try String(contentsOfFile: path, encoding: .utf8)
            .replacing("handlers: [counting]", with: "handlers: [counting], poisonous-head: park-group")
            .write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// What operators did, from the store's file.
    fileprivate func journal(of outcome: JournalEntry.Outcome) async throws -> [JournalEntry] {
        let store = try SQLiteStore.open(StoreOptions(path: folder.file("outrigger.db"), durability: .durable))
        var query = JournalQuery()
        query.outcome = outcome
        query.atMost = Limits.journalPage
        let rows = try await store.rows(query)
        await store.close()
        return rows.map(\.entry)
    }
}

extension LocalCloud {
    /// A FIFO queue with two groups, by detail type, and its dead letters.
    fileprivate func createOrders() throws {
        let fifo = ["FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "30"]
        try createQueue("orders.fifo", fifo)
        try createQueue("orders-dlq.fifo", fifo)
        for group in ["a", "b"] {
            let pattern = #"{"detail-type":["Test.\#(group.uppercased()).v1"]}"#
            try putRule("orders-\(group)", pattern: pattern, queue: "orders.fifo", group: group)
        }
    }
}

/// `outrigger dead-letters`, as an operator with credentials types it.
private struct LetterCommand: Sendable {
    let configuration: String

    init(_ house: House, _ configuration: String) throws { self.configuration = configuration }

    func run(_ words: String) async throws -> (status: Int32, output: String) {
        try await outrigger("dead-letters " + words)
    }

    /// Any command. On a thread of its own: the cloud needs the others.
    func outrigger(_ words: String) async throws -> (status: Int32, output: String) {
        let script = """
            export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_EC2_METADATA_DISABLED=true
            \(Fixtures.products)/outrigger \(words) --config \(configuration) </dev/null
            """
        return try await offPool { try Shell.run(script) }
    }

    /// Letters by fingerprint.
    func groups() async throws -> [String: Int] {
        let answer = try JSONValue.parse(try await run("group --json").output)
        return (answer["groups"]?.array ?? []).reduce(into: [:]) { groups, group in
            groups[group["fingerprint"]?.string ?? ""] = Int(group["count"]?.int ?? 0)
        }
    }

    /// Exactly these groups, by the beginnings of their fingerprints, and as many lines of a list.
    func finds(_ expected: [String: Int]) async throws {
        let groups = try await groups()
        #expect(groups.count == expected.count, "\(groups)")
        for (name, count) in expected {
            #expect(groups.first { $0.key.hasPrefix(name) }?.value == count, "\(groups)")
        }
        let list = try await run("list")
        let total = expected.values.reduce(0, +)
        #expect(list.status == 0 && list.output.split(separator: "\n").count == total + 1, "\(list.output)")
    }
}
