import Events
import LocalCloud
import Store
import Support
import Testing

/// Events that meet in one key: none of them is lost, none counts twice.
@Suite(.serialized, .timeLimit(.minutes(5))) struct StateTests {
    @Test(arguments: ["versioned", "blind"])
    func aThousandIncrementsOfOneKeyAreAThousand(how: String) async throws {
        try await House.inLocalCloud { house, cloud in
            let count = 1_000
            let details = try (0..<count).map { number in
                try house.entry("{\"do\":\"\(how)\",\"n\":\(number)}", id: "\(how)-\(number)")
            }
            try house.put(details, to: cloud)
            let sidecar = try house.start(try house.write(cloud))
            let ended = await eventually(within: .seconds(180)) { cloud.isEmpty("main") }
            #expect(ended, "left: \(String(describing: cloud.statistics.queue("main")))\n\(sidecar.lines.suffix(2000))")
            #expect(sidecar.stop() == 0)
            #expect(cloud.peek("main-dlq").isEmpty)
            let options = StoreOptions(path: house.folder.file("outrigger.db"), durability: .durable)
            let store = try SQLiteStore.open(options)
            let value = try await store.read([Bytes(how)], of: HandlerID("counting"), at: .now)
            #expect(value.first?.value.text == "\(count)")
            await store.close()
        }
    }
}
