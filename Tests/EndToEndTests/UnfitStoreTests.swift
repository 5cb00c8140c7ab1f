import Foundation
import JSON
import LocalCloud
import Support
import Testing

/// A shared store that cannot be worked with: the sidecar says what and what to do, waits, and goes on by itself when
/// it is mended; `outrigger store check` says the same.
@Suite(.serialized, .timeLimit(.minutes(5))) struct UnfitStoreTests {
    /// Live, not ready, and what it is, in its own words; no message was touched.
    private func refuses(_ shared: StoreHouse, _ words: String..., mend: () throws -> Void) async throws {
        try shared.write(0)
        try shared.house.put(try shared.house.payments(0..<2), to: shared.cloud)
        let sidecar = try shared.start(0)
        let isSaid = await eventually {
            let answer = await sidecar.get("/readyz")
            return answer?.status == 503 && words.allSatisfy { answer?.text.contains($0) == true }
        }
        let said = await sidecar.get("/readyz")
        #expect(isSaid, "\(String(describing: said)) \(sidecar.lines.suffix(1000))")
        #expect(await sidecar.get("/healthz")?.status == 200)
        #expect(shared.cloud.statistics.queue("main")?.inFlight == 0)
        let unfit = try await shared.unfit()
        #expect(!unfit.isEmpty)
        try mend()
        #expect(await sidecar.isReady(within: .seconds(90)), "\(sidecar.lines.suffix(1000))")
        #expect(await eventually { shared.cloud.publishedIDs.count == 2 })
        #expect(try await shared.unfit() == [])
        #expect(sidecar.stop() == 0)
    }

    @Test func aUserWhoMayNotIsWaitedForUntilHeMay() async throws {
        let server = try PostgreSQLServer.shared()
        let name = PostgreSQLServer.freshName()
        let section = StoreHouse.postgreSQL(server, as: name)
        try await House.inLocalCloud { house, cloud in
            try await refuses(StoreHouse(house, cloud, section), "store: store.unavailable", "\"\(name)\"") {
                try server.administer("CREATE ROLE \(name) LOGIN; GRANT CREATE ON DATABASE postgres TO \(name)")
            }
        }
    }

    @Test func aSchemaThatSomebodyElseMakesIsWaitedFor() async throws {
        let server = try PostgreSQLServer.shared()
        try await House.inLocalCloud { house, cloud in
            let shared = StoreHouse(house, cloud, StoreHouse.postgreSQL(server, ", migrate: false"))
            let file = try shared.write(0)
            try await refuses(shared, "store.unfit", "outrigger store migrate") {
                let (status, said) = try Shell.run("\(Fixtures.products)/outrigger store migrate \(file)")
                #expect(status == 0, "\(said)")
            }
        }
    }

    @Test func aServerThatTakesNoWritesIsWaitedFor() async throws {
        let server = try PostgreSQLServer.shared()
        let name = PostgreSQLServer.freshName()
        try server.administer(
            """
            CREATE ROLE \(name) LOGIN; GRANT CREATE ON DATABASE postgres TO \(name);
            ALTER ROLE \(name) SET default_transaction_read_only = on
            """)
        let section = StoreHouse.postgreSQL(server, as: name)
        try await House.inLocalCloud { house, cloud in
            try await refuses(StoreHouse(house, cloud, section), "takes no writes", "target_session_attrs") {
                try server.administer("ALTER ROLE \(name) RESET default_transaction_read_only")
            }
        }
    }

    @Test func aNewerSchemaEndsTheSidecarAndIsLeftAlone() async throws {
        let server = try PostgreSQLServer.shared()
        try await House.inLocalCloud { house, cloud in
            let shared = StoreHouse(house, cloud, StoreHouse.postgreSQL(server))
            let file = try shared.write(0)
            #expect(try await shared.outrigger("store migrate \(file)").status == 0)
            let schema = try #require(shared.section.components(separatedBy: "schema: ").last?.prefix { $0 != "}" })
            try server.administer("UPDATE \(schema).meta SET value = '99' WHERE key = 'version'")
            let sidecar = try shared.start(0)
            #expect(sidecar.end() == 1)
            #expect(sidecar.lines.contains("store.newer") && sidecar.lines.contains("schema 99"))
            #expect(try await shared.unfit().contains { $0.contains("at 99") && $0.contains("newer") })
            let migrated = try await shared.outrigger("store migrate \(file)")
            #expect(migrated.status == 1 && migrated.output.contains("store.newer"), "\(migrated.output)")
        }
    }

    @Test func aTableThatLacksIndexAndTimeToLiveIsNamed() async throws {
        let moto = try ForeignCloud(.moto)
        let table = PostgreSQLServer.freshName()
        try await House.inLocalCloud { house, cloud in
            let shared = StoreHouse(house, cloud, StoreHouse.dynamoDB(moto.endpoint, table: table))
            let file = try shared.write(0)
            let absent = try await shared.unfit()
            #expect(absent.count == 1 && absent[0].contains("store migrate --create"), "\(absent)")
            let plan = try await shared.outrigger("store migrate \(file)")
            #expect(plan.status == 0 && plan.output.contains("aws cloudformation deploy"), "\(plan.output)")
            _ = try moto.boto(
                """
                boto3.client('dynamodb', endpoint_url='\(moto.endpoint)', region_name='us-east-1',
                    aws_access_key_id='test', aws_secret_access_key='test').create_table(
                    TableName='\(table)', BillingMode='PAY_PER_REQUEST',
                    KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}, {'AttributeName': 'sk', 'KeyType': 'RANGE'}],
                    AttributeDefinitions=[{'AttributeName': n, 'AttributeType': 'S'} for n in ('pk', 'sk')])
                """)
            let bare = try await shared.unfit()
            #expect(bare.count == 3, "\(bare)")
            let sidecar = try shared.start(0)
            let isSaid = await eventually {
                let text = await sidecar.get("/readyz")?.text ?? ""
                return ["store.unfit", "by-due", "by-event", "time to live"].allSatisfy(text.contains)
            }
            #expect(isSaid, "\(sidecar.lines.suffix(1000))")
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func aFileIsLookedAtBesideItsSidecar() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = house.folder.file("outrigger.db")
            let shared = StoreHouse(house, cloud, "{path: \(path), durability: durable, low-water: 1MiB}")
            let file = try shared.write(0)
            #expect(try await shared.unfit() == [], "the file is not there yet")
            let sidecar = try shared.start(0)
            #expect(await sidecar.isReady())
            try house.put(try house.payments(0..<3), to: cloud)
            #expect(await eventually { cloud.publishedIDs.count == 3 && cloud.isEmpty("main") })
            let check = try await shared.outrigger("store check \(file)")
            #expect(check.status == 0 && check.output.contains("a sidecar has it"), "\(check.output)")
            let stats = try await shared.json("store stats \(file)")
            #expect(stats["tables"]?["ledger"]?.int == 3 && stats["tables"]?["outbox"]?.int == 0, "\(stats)")
            #expect(try await shared.outrigger("store migrate \(file)").output.contains("a sidecar has it"))
            #expect(sidecar.stop() == 0)
            try Data("not a database, and long enough to be seen as none".utf8).write(to: URL(filePath: path))
            #expect(try await shared.unfit().count == 1)
        }
    }

    @Test func aPasswordComesFromAFileAndIsNowhereShown() async throws {
        let server = try PostgreSQLServer.shared()
        try await House.inLocalCloud { house, cloud in
            let file = house.folder.file("password")
            try "geheim\n".write(toFile: file, atomically: true, encoding: .utf8)
            let shared = StoreHouse(house, cloud, StoreHouse.postgreSQL(server, ", password-file: \(file)"))
            try shared.write(0)
            let sidecar = try shared.start(0)
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(1000))")
            let shown = try Shell.run(
                "curl -s --unix-socket \(shared.socket(0)) http://localhost/v1/config").output
            #expect(shown.contains("password-file") && !shown.contains("geheim"), "\(shown)")
            #expect(!sidecar.lines.contains("geheim"))
            #expect(sidecar.stop() == 0)
        }
    }
}
