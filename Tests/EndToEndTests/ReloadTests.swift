import Events
import Foundation
import LocalCloud
import Pipeline
import Store
import Support
import Testing

/// Plugins and configuration replaced while events flow: the real executable, read as an operator reads it.
@Suite(.serialized, .timeLimit(.minutes(Extent.timeLimit))) struct ReloadTests {
    // MARK: - promise 8

    /// `Tests/Chaos/run reloads` does a hundred.
    @Test func reloadsUnderLoadLoseNothingRepeatNothingAndLeaveNothing() async throws {
        try await ReloadHouse.inLocalCloud { house in
            let sidecar = try await house.start()
            let load = Load(house, perSecond: 500)
            async let sending: Void = load.run()
            var footprints: [Int: Footprint] = [:]
            for reload in 1...Extent.reloads {
                // By turns: each handler sees its own plugin replaced, and the other's while its workers go on.
                try house.install(ReloadHouse.handlers[reload % 2], reload)
                let serves = await sidecar.serves(reload + 1)
                #expect(serves, "reload \(reload)\n\(sidecar.lines.suffix(3000))")
                guard serves else { break }
                if [Self.early, Extent.reloads].contains(reload) {
                    let isAlone = await eventually { await sidecar.metric("outrigger_generations_alive") == 1 }
                    #expect(isAlone)
                    footprints[reload] = try Footprint(of: sidecar.id)
                }
            }
            load.stop()
            try await sending
            let sent = load.sent
            let counted = sent["counting"] ?? 0
            let ended = await eventually(within: .seconds(120)) {
                guard ReloadHouse.handlers.allSatisfy({ house.cloud.isEmpty($0) }) else { return false }
                return await sidecar.metric("outrigger_outbox_events") == 0 && house.published.count >= counted
            }
            #expect(ended, "\(sidecar.lines.suffix(3000))")
            #expect(sidecar.stop() == 0)
            try await Self.check(house, sent)
            try Self.check(footprints)
        }
    }

    /// Done exactly once, by the journal, by the state that each event wrote, and by what went out.
    private static func check(_ house: ReloadHouse, _ sent: [String: Int]) async throws {
        let options = StoreOptions(path: house.file("outrigger.db"), durability: .durable)
        let store = try SQLiteStore.open(options)
        var done: [String: Int] = [:]
        var generations: Set<Int> = []
        var query = JournalQuery()
        query.atMost = Limits.journalPage
        while let rows = try? await store.rows(query), let end = rows.last {
            query.after = end.number
            for row in rows where row.entry.kind == .event && row.entry.outcome == .done {
                done[row.entry.event, default: 0] += 1
                generations.insert(row.entry.generation)
            }
        }
        let expected = Set(sent.flatMap { handler, count in (0..<count).map { "\(handler)-\($0)" } })
        #expect(expected.subtracting(done.keys).isEmpty, "lost")
        #expect(done.filter { $0.value != 1 }.isEmpty, "repeated")
        #expect(done.count == expected.count)
        #expect(generations.count > Extent.reloads / 2, "events ran in generation after generation")
        let counted = sent["counting"] ?? 0
        let keys = (0..<counted).map { Bytes("event:counting-\($0)") }
        for start in stride(from: 0, to: keys.count, by: 100) {
            let part = Array(keys[start..<min(start + 100, keys.count)])
            let values = try await store.read(part, of: HandlerID("counting"), at: .now)
            #expect(values.allSatisfy { $0.value.text == "1" })
        }
        let greeted = try await store.read([Bytes("greeted")], of: HandlerID("hello-swift"), at: .now)
        #expect(greeted.first?.value.text == "{\"count\":\(sent["hello-swift"] ?? 0)}")
        #expect(house.published.count == counted)
        for handler in ReloadHouse.handlers { #expect(house.cloud.peek(handler + "-dlq").isEmpty) }
        await store.close()
    }

    /// By then what is made once was made.
    private static let early = Extent.reloads / 5

    /// Processes are the same. A worker that is being replaced at the moment has six descriptors of its own;
    /// connections to the cloud come and go with the load, and are not counted; a thread more or less is the runtime's
    /// business. Memory may move by what the allocator keeps and SQLite's cache of pages takes in between. Had each of
    /// eighty reloads kept one descriptor or one plugin, it would be far more.
    private static func check(_ footprints: [Int: Footprint]) throws {
        let early = try #require(footprints[early])
        let late = try #require(footprints[Extent.reloads])
        #expect(late.children == early.children && late.children == ReloadHouse.handlers.count, "\(early) -> \(late)")
        #expect(late.descriptors <= early.descriptors + 6, "\(early) -> \(late)")
        #expect(late.threads <= early.threads + 2, "\(early) -> \(late)")
        #expect(late.memory <= early.memory + 48 * 1_048_576, "\(early) -> \(late)")
    }

    // MARK: - what is seen

    @Test func aConfigurationThatIsRenamedOverTheOldOneServes() async throws {
        try await ReloadHouse.inLocalCloud { house in
            let sidecar = try await house.start()
            let before = await sidecar.metric("outrigger_worker_starts_total")
            try house.configure { $0.replacing("stop:", with: "log: {level: debug}\nstop:") }
            #expect(await sidecar.serves(2))
            #expect(await sidecar.metric("outrigger_worker_starts_total") == before, "the workers go on")
            #expect(sidecar.lines.contains(#""kept":"counting,hello-swift""#))
            #expect(try await house.works(0))
            #expect(sidecar.lines.contains(#""level":"debug""#), "and so does the new level")
            // The same content again is no reload.
            try house.configure { $0.replacing("stop:", with: "log: {level: debug}\n# a comment\nstop:") }
            try house.install("counting", 1)
            #expect(await sidecar.serves(3))
            #expect(await sidecar.metric("outrigger_reloads_total", #"result="switched""#) == 2)
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func aConfigMapWhoseDataIsSwappedServes() async throws {
        try await ReloadHouse.inLocalCloud { house in
            for handler in ReloadHouse.handlers { try house.install(handler, 0) }
            let mount = house.file("mount")
            for (version, deadline) in [("..1", "10s"), ("..2", "11s")] {
                try FileManager.default.createDirectory(
                    atPath: "\(mount)/\(version)", withIntermediateDirectories: true)
                let yaml = house.yaml { $0.replacing("stop: {deadline: 10s}", with: "stop: {deadline: \(deadline)}") }
                try yaml.write(toFile: "\(mount)/\(version)/outrigger.yaml", atomically: false, encoding: .utf8)
            }
            #expect(symlink("..1", mount + "/..data") == 0)
            #expect(symlink("..data/outrigger.yaml", mount + "/outrigger.yaml") == 0)
            let sidecar = try house.house.start(mount + "/outrigger.yaml")
            #expect(await sidecar.serves(1))
            // As the kubelet does it.
            #expect(symlink("..2", mount + "/..data_tmp") == 0)
            #expect(rename(mount + "/..data_tmp", mount + "/..data") == 0)
            try FileManager.default.removeItem(atPath: mount + "/..1")
            #expect(await sidecar.serves(2))
            #expect(try await house.works(0))
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func aHangupLooksAndSaysWhatItFound() async throws {
        try await ReloadHouse.inLocalCloud { house in
            let sidecar = try await house.start()
            sidecar.hangUp()
            #expect(await eventually { await sidecar.metric("outrigger_reloads_total", #"result="unchanged""#) == 1 })
            #expect(sidecar.lines.contains("nothing has changed"))
            #expect(await sidecar.metric("outrigger_generation") == 1)
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func aNewBuildIsCopiedOverThePluginInPlace() async throws {
        try await ReloadHouse.inLocalCloud { house in
            let sidecar = try await house.start()
            try house.build("counting", 1).write(to: URL(filePath: house.file("counting.so")))
            #expect(await sidecar.serves(2))
            #expect(try await house.works(0))
            #expect(sidecar.stop() == 0)
        }
    }

    // MARK: - what is refused

    @Test func aBrokenConfigurationLeavesTheLastGoodOneAndTheNextGoodOneServes() async throws {
        try await ReloadHouse.inLocalCloud { house in
            let sidecar = try await house.start()
            try house.configure { $0.replacing("deadline: 5s", with: "deadline: soon") }
            #expect(await sidecar.refuses("settings.invalid"))
            // Every problem with its line, once.
            let problems = sidecar.lines.split(separator: "\n").filter { $0.contains("outrigger.yaml:") }
            #expect(problems.contains { $0.contains("handlers[counting].deadline") })
            #expect(problems.contains { $0.contains("handlers[hello-swift].deadline") })
            #expect(await sidecar.get("/readyz")?.status == 200)
            #expect(try await house.works(0))
            try house.configure { $0.replacing("deadline: 5s", with: "deadline: 6s") }
            #expect(await sidecar.serves(2))
            #expect(try await house.works(1))
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func aHalfWrittenPluginIsRefusedAndTheWholeOneServes() async throws {
        try await ReloadHouse.inLocalCloud { house in
            let sidecar = try await house.start()
            let whole = try house.build("counting", 1)
            let file = try #require(FileHandle(forWritingAtPath: house.file("counting.so")))
            try file.truncate(atOffset: 0)
            // What the loader needs is not whole in it: the half of a debug build would be.
            try file.write(contentsOf: whole.prefix(6_000))
            // Who copies has not closed it yet: an operator asks for a look.
            sidecar.hangUp()
            #expect(await sidecar.refuses("plugin.not-loadable"))
            #expect(try await house.works(0))
            try file.write(contentsOf: whole.dropFirst(6_000))
            try file.close()
            #expect(await sidecar.serves(2))
            #expect(try await house.works(1))
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func whatIsNoPluginIsRefusedEachForItsReasonAndNothingIsLeftOfIt() async throws {
        try await ReloadHouse.inLocalCloud { house in
            let sidecar = try await house.start()
            let before = try Footprint(of: sidecar.id)
            let path = house.file("counting.so")
            try Data("no library".utf8).write(to: URL(filePath: path), options: .atomic)
            #expect(await sidecar.refuses("plugin.not-loadable"))
            try FileManager.default.removeItem(atPath: path)
            #expect(await sidecar.refuses("plugin.unreadable"))
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            #expect(await eventually { sidecar.lines.contains("not a regular file") })
            try FileManager.default.removeItem(atPath: path)
            // A library for another machine: the field says ARM, or x86 on ARM.
            var foreign = try house.build("counting", 1)
            foreign[18] = foreign[18] == 0xB7 ? 0x3E : 0xB7
            try foreign.write(to: URL(filePath: path), options: .atomic)
            #expect(await sidecar.refuses("plugin.not-loadable", times: 2))
            #expect(try await house.works(0), "all the while the first generation serves")
            try house.install("counting", 2)
            #expect(await sidecar.serves(2))
            #expect(await eventually { await sidecar.metric("outrigger_generations_alive") == 1 })
            let after = try Footprint(of: sidecar.id)
            #expect(after.children == before.children && after.descriptors <= before.descriptors + 6)
            #expect(sidecar.stop() == 0)
        }
    }

    // MARK: - what is live, and what is not

    @Test func queuesComeAndGoAndWhatNeedsARestartIsNamedAndKept() async throws {
        try await ReloadHouse.inLocalCloud { house in
            let sidecar = try await house.start()
            let whole = house.yaml()
            let queues = try #require(whole.range(of: "  - name: hello-swift\n    url"))
            let end = try #require(whole.range(of: "key-sets:"))
            let handlers = try #require(whole.range(of: "  - id: hello-swift\n"))
            var small = whole
            small.removeSubrange(handlers.lowerBound...)
            small.removeSubrange(queues.lowerBound..<end.lowerBound)
            let without = small.replacing("admin: {listen: \"127.0.0.1:", with: "admin: {listen: \"127.0.0.2:")
            try house.configure { _ in without }
            #expect(await sidecar.serves(2))
            #expect(sidecar.lines.contains("settings.needs-restart") && sidecar.lines.contains("admin.listen"))
            try house.put("counting", 0..<10)
            try house.put("hello-swift", 0..<10)
            #expect(await eventually { house.cloud.isEmpty("counting") })
            #expect(await eventually { await sidecar.metric("outrigger_workers") == 1 })
            #expect(house.cloud.statistics.queue("hello-swift")?.deleted == 0, "nobody takes them now")
            try house.configure()
            #expect(await sidecar.serves(3))
            #expect(await eventually { house.cloud.isEmpty("hello-swift") })
            #expect(house.cloud.statistics.queue("hello-swift")?.deleted == 10)
            #expect(sidecar.stop() == 0)
        }
    }
}

extension SidecarProcess {
    /// Until this generation is in force.
    func serves(_ generation: Int) async -> Bool {
        await eventually(within: .seconds(60), every: .milliseconds(20)) {
            await metric("outrigger_generation") == Double(generation)
        }
    }

    /// Until so many reloads were refused for this reason.
    func refuses(_ code: String, times: Int = 1) async -> Bool {
        await eventually {
            await metric("outrigger_reloads_total", "result=\"refused\",code=\"\(code)\"") >= Double(times)
        }
    }
}
