import Events
import Foundation
import LocalCloud
import Pipeline
import Store
import Support
import Testing

/// A second build beside the first: as a shadow it changes nothing and its differences are told; as a canary its
/// failures cost no event, and it ends by itself.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TrialTests {
    @Test func aCanaryThatFailsIsRolledBackByItselfAndNoEventPaysForIt() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(
                cloud, handler: Self.trial("canary", "{refuse: true}", "share: 30, least-events: 20"))
            var sidecar = try house.start(path)
            try house.put(try house.payments(0..<300), to: cloud)
            let isOver = await eventually {
                let decided = await sidecar.metric("outrigger_trial_decisions_total", "rolled-back")
                return decided == 1 && cloud.isEmpty("main")
            }
            #expect(isOver, "\(sidecar.lines.suffix(2000))")
            let isSent = await eventually { cloud.statistics.queue("published")?.sent == 300 }
            #expect(isSent)
            #expect(cloud.publishedIDs.count == 300)
            #expect(cloud.peek("main-dlq").isEmpty)
            #expect(sidecar.lines.contains("plugin.rolled-back"))
            #expect(await sidecar.metric("outrigger_trial_events_total", "failed") >= 20)
            #expect(sidecar.stop() == 0)
            try await Self.expectJournal(of: house, .rolledBack)

            // The decision outlives the process.
            sidecar = try house.start(path)
            try house.put(try house.payments(300..<400), to: cloud)
            let isDone = await eventually { cloud.publishedIDs.count == 400 && cloud.isEmpty("main") }
            #expect(isDone, "\(sidecar.lines.suffix(2000))")
            #expect(await sidecar.metric("outrigger_trial_events_total") == 0)
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func aCanaryThatDoesWellGoesOnAndEachEventIsDoneOnce() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(
                cloud, handler: Self.trial("canary", "{new: true}", "share: 50, least-events: 10"))
            let sidecar = try house.start(path)
            try house.put(try house.payments(0..<200), to: cloud)
            let isDone = await eventually { cloud.publishedIDs.count == 200 && cloud.isEmpty("main") }
            #expect(isDone, "\(sidecar.lines.suffix(2000))")
            let share = await sidecar.metric("outrigger_trial_events_total", "\"done\"")
            #expect((50...150).contains(share), "\(share) of 200 at 50 %")
            #expect(await sidecar.metric("outrigger_trial_decisions_total") == 0)
            #expect(cloud.statistics.queue("published")?.sent == 200)
            #expect(sidecar.stop() == 0)
        }
    }

    @Test(arguments: [("refuse", "outcome", "done became reject test.refused"), ("crash", "failed", "it crashed")])
    func aShadowsDifferenceIsCountedAndExplainedAndChangesNothing(
        mistake: String, result: String, explanation: String
    ) async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(cloud, handler: Self.trial("shadow", "{\(mistake): true}", "share: 100"))
            let sidecar = try house.start(path)
            try house.put(try house.payments(0..<60), to: cloud)
            let isDone = await eventually { cloud.publishedIDs.count == 60 && cloud.isEmpty("main") }
            #expect(isDone, "\(sidecar.lines.suffix(2000))")
            let isTold = await eventually {
                let told = await sidecar.metric("outrigger_trial_events_total", "\"\(result)\"")
                return told >= 1 && sidecar.lines.contains(explanation)
            }
            #expect(isTold, "\(sidecar.lines.suffix(2000))")
            #expect(cloud.peek("main-dlq").isEmpty)
            #expect(await sidecar.isReady(), "a shadow is no part of readiness")
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func promotedTheSecondBuildServesAndRolledBackTheFirst() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(cloud, handler: Self.trial("shadow", "{refuse: true}", "share: 1"))
            let sidecar = try house.start(path)
            #expect(await sidecar.isReady())
            let promoted = try Self.outrigger("promote counting --config \(path) --reason tried")
            #expect(promoted.status == 0, "\(promoted.output)")
            let isPromoted = await eventually { await sidecar.metric("outrigger_generation") == 2 }
            #expect(isPromoted, "\(sidecar.lines.suffix(2000))")
            try house.put(try house.payments(0..<5), to: cloud)
            let isRefused = await eventually { cloud.peek("main-dlq").count == 5 }
            #expect(isRefused, "\(sidecar.lines.suffix(2000))")

            let back = try Self.outrigger("rollback counting --config \(path)")
            #expect(back.status == 0, "\(back.output)")
            let isBack = await eventually { await sidecar.metric("outrigger_generation") == 3 }
            #expect(isBack, "\(sidecar.lines.suffix(2000))")
            try house.put(try house.payments(5..<10), to: cloud)
            let isDone = await eventually { cloud.publishedIDs.count == 5 }
            #expect(isDone, "\(sidecar.lines.suffix(2000))")
            #expect(sidecar.stop() == 0)
            try await Self.expectJournal(of: house, .promoted, .rolledBack)
        }
    }

    @Test func whoDecidesOnNoTrialIsToldWhatIsMissing() async throws {
        let house = try House()
        let nobody = "http://127.0.0.1:1/000000000000/"
        let path = try house.write(
            endpoint: "http://127.0.0.1:1", queue: nobody + "main", deadLetters: nobody + "main-dlq",
            keys: "http://127.0.0.1:1/keys")
        let none = try Self.outrigger("promote counting --config \(path)")
        #expect(none.status != 0 && none.output.contains("tries no second build"), "\(none.output)")
        let unknown = try Self.outrigger("rollback nobody --config \(path)")
        #expect(unknown.status != 0 && unknown.output.contains("no handler nobody"), "\(unknown.output)")
    }

    // MARK: -

    private static func trial(_ kind: String, _ config: String, _ more: String) -> String {
        let plugin = "\(Fixtures.products)/libfixture-counting.so"
        return "trial: {kind: \(kind), plugin: \(plugin), config: \(config), \(more)}"
    }

    private static func outrigger(_ arguments: String) throws -> (status: Int32, output: String) {
        try Shell.run("\(Fixtures.products)/outrigger \(arguments) 2>&1")
    }

    private static func expectJournal(of house: House, _ outcomes: JournalEntry.Outcome...) async throws {
        let store = try SQLiteStore.open(StoreOptions(path: house.folder.file("outrigger.db"), durability: .durable))
        var found: [JournalRow] = []
        for outcome in Set(outcomes) {
            var query = JournalQuery()
            query.outcome = outcome
            found += try await store.rows(query).filter { $0.entry.kind == .trial }
        }
        #expect(found.sorted { $0.number < $1.number }.map(\.entry.outcome) == outcomes)
        await store.close()
    }
}
