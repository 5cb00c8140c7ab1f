import Cryptography
import Events
import Foundation
import LocalCloud
import Pipeline
import Signatures
import Store
import Support
import Testing

/// `outrigger journal`, on a file that a store has open, and on what somebody made of it.
@Suite(.timeLimit(.minutes(5))) struct JournalCommandTests {
    private static func outrigger(_ arguments: String) throws -> (status: Int32, output: String) {
        try Shell.run("\(Fixtures.products)/outrigger \(arguments) 2>&1")
    }

    /// What somebody does who can write the file.
    private static func change(_ path: String, _ sql: String) throws {
        let program = "import sqlite3,sys; c = sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()"
        #expect(try Shell.run("python3 -c '\(program)' '\(path)' \"\(sql)\"").status == 0)
    }

    @Test func soundChangedAndCutJournalsAreToldApart() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("outrigger.db")
        let key = try PrivateKey(SigningKey.generate(), keyID: "house-1")
        let keys = folder.file("keys.json")
        try Data(KeyTool.publicDocument([key], as: .akp)).write(to: URL(filePath: keys))
        let store = try SQLiteStore.open(
            StoreOptions(path: path, durability: .durable, journal: JournalOptions(segment: 4)))
        let signer = JournalSigner(key)
        let now = Instant(unixSeconds: 1_790_000_000)
        for generation in 1...10 {
            try await store.record(.promoted, of: HandlerID("treasury"), generation: generation, at: now)
            guard let head = try await store.headToSeal(force: generation == 10, at: now) else { continue }
            try await store.seal(head, try await signer.sign(head.statement))
        }
        let sound = try Self.outrigger("journal verify \(path) --keys \(keys)")
        #expect(sound.status == 0 && sound.output.contains("10 rows, 1 to 10"), "\(sound.output)")
        #expect(sound.output.contains("all signed") && sound.output.contains("sound: "), "\(sound.output)")
        let head = try Self.outrigger("journal head \(path)")
        #expect(head.status == 0 && head.output.hasPrefix("10:"))
        let expect = head.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try Self.outrigger("journal verify \(path) --expect \(expect) --json").status == 0)
        await store.close()

        try FileManager.default.copyItem(atPath: path, toPath: folder.file("changed.db"))
        try Self.change(
            folder.file("changed.db"), "UPDATE journal SET entry = CAST(entry || x'00' AS BLOB) WHERE number = 3")
        let changed = try Self.outrigger("journal verify \(folder.file("changed.db")) --keys \(keys)")
        #expect(changed.status == 1 && changed.output.contains("row 3 was changed"), "\(changed.output)")
        #expect(changed.output.contains("journal.broken"))

        try FileManager.default.copyItem(atPath: path, toPath: folder.file("cut.db"))
        let newest = "(SELECT max(number) FROM heads)"
        try Self.change(
            folder.file("cut.db"), "DELETE FROM journal WHERE number = 10; DELETE FROM heads WHERE number = \(newest)")
        #expect(try Self.outrigger("journal verify \(folder.file("cut.db")) --keys \(keys)").status == 0)
        let cut = try Self.outrigger("journal verify \(folder.file("cut.db")) --keys \(keys) --expect \(expect)")
        #expect(cut.status == 1 && cut.output.contains("row 10 is not there"), "\(cut.output)")

        let other = try PrivateKey(SigningKey.generate(), keyID: "house-1")
        try Data(KeyTool.publicDocument([other], as: .akp)).write(to: URL(filePath: keys))
        let forged = try Self.outrigger("journal verify \(path) --keys \(keys)")
        #expect(forged.status == 1 && forged.output.contains("a bad signature by key house-1"), "\(forged.output)")
        #expect(try Self.outrigger("journal verify \(folder.file("none.db"))").status == 1)
    }

    /// A sidecar whose only handler is the journal: no plugin, no worker, and every event with its payload.
    @Test func aSidecarMayBeAJournalerOfAQueue() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(cloud, more: "journal: {payloads: keep, segment: 10, seal: 1s}")
            let plugin = "plugin: \(Fixtures.products)/libfixture-counting.so"
            let publish = "    publish: [{source: test.out, detail-types: [Counted.v1]}]\n"
            let text = try String(contentsOfFile: path, encoding: .utf8).replacing(publish, with: "")
                .replacing(plugin, with: "journal: {}\n    routes: [{source: test.in}]")
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let details = try (0..<25).map { try house.detail("{\"n\":\($0)}", id: "e-\($0)") }
            try house.put(details + [details[3], details[4]], to: cloud)
            let stranger = try PrivateKey(SigningKey.generate(), keyID: "publisher")
            try house.put([try house.detail("{\"forged\":true}", id: "f-1", key: stranger)], to: cloud)
            let sidecar = try house.start(path)
            #expect(await eventually { cloud.isEmpty("main") && cloud.peek("main-dlq").count == 1 })
            #expect(sidecar.stop() == 0)
            #expect(sidecar.lines.contains("journal sealed"))

            let store = try SQLiteStore.open(
                StoreOptions(path: house.folder.file("outrigger.db"), durability: .durable))
            var query = JournalQuery()
            query.withBodies = true
            let rows = try await store.rows(query)
            let done = rows.filter { $0.entry.outcome == .done }
            #expect(Set(done.map(\.entry.event)) == Set((0..<25).map { "e-\($0)" }))
            #expect(done.count == 25 && done.allSatisfy { $0.entry.handler == "counting" })
            #expect(done.allSatisfy { $0.body?.text.hasPrefix("{\"n\":") == true })
            #expect(rows.filter { $0.entry.outcome == .duplicate }.count == 2)
            let refused = try #require(rows.first { $0.entry.outcome == .refused })
            #expect(refused.entry.code == "verify.bad-signature" && refused.body?.text.contains("forged") == true)
            await store.close()

            let keys = house.folder.file("keys.json")
            try Data(house.keySet).write(to: URL(filePath: keys))
            let file = house.folder.file("outrigger.db")
            let verified = try Self.outrigger("journal verify \(file) --keys \(keys)")
            #expect(verified.status == 0 && verified.output.contains("all signed"), "\(verified.output)")
            #expect(verified.output.contains("0 rows behind it"), "\(verified.output)")
        }
    }
}
