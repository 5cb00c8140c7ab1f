import Events
import Foundation
import Glibc
import Pipeline
import StoreConformance
import Support
import Testing

@testable import PostgreSQL

extension PostgreSQLTests {
    @Suite struct OpeningTests {
        private func open(
            _ connection: String, schema: String = PostgreSQLServer.freshName(), migrates: Bool = true,
            patience: Duration = .seconds(10)
        ) async throws -> PostgreSQLStore {
            let options = PostgreSQLOptions(
                connection: connection, schema: schema, connections: 1, patience: patience, migrates: migrates)
            return try await PostgreSQLStore.open(options, clock: TestClock())
        }

        @Test func manyThatOpenAtOnceMakeTheSchemaOnce() async throws {
            let connection = try PostgreSQLServer.shared().connection()
            let schema = PostgreSQLServer.freshName()
            let stores = try await withThrowingTaskGroup(of: PostgreSQLStore.self) { group in
                for _ in 0..<6 { group.addTask { try await open(connection, schema: schema) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(stores.map(\.id)).count == 1)
            #expect(Set(stores.map(\.boot)).count == 6)
            for store in stores { await store.close() }
            // An upgraded schema is found as it is, also by who may not make one.
            let late = try await open(connection, schema: schema, migrates: false)
            await late.close()
        }

        @Test func aSchemaThatIsNotThereIsMissed() async throws {
            let connection = try PostgreSQLServer.shared().connection()
            let missing = await failure { try await open(connection, migrates: false) }
            #expect(missing?.code == .storeUnfit)
            #expect(missing?.cause.contains("outrigger store migrate") == true)
        }

        @Test func aNewerSchemaIsLeftAlone() async throws {
            let bench = try await Bench()
            try await bench.postgres.check()
            try await bench.ask("UPDATE meta SET value = '99' WHERE key = 'version'")
            let newer = await failure { try await open(bench.server.connection(), schema: bench.schema) }
            #expect(newer?.code == .storeNewer)
            #expect(newer?.cause.contains("schema 99") == true)
            // Who has connections goes on with them; one that connects anew is refused.
            try await bench.postgres.check()
            bench.proxy.isDown = true
            bench.proxy.isDown = false
            _ = await failure { try await bench.postgres.check() }
            #expect(await failure { try await bench.postgres.check() }?.code == .storeNewer)
            await bench.close()
        }

        @Test func aNameThatIsNoneIsRefused() async throws {
            for name in ["", "Outrigger", "a;b", "1a", String(repeating: "a", count: 49)] {
                #expect(await failure { try await open("host=/nowhere", schema: name) }?.code == .settingsInvalid)
            }
        }

        @Test func wrongCredentialsAreNamedAndNoPasswordIs() async throws {
            let server = try PostgreSQLServer.shared()
            let name = PostgreSQLServer.freshName()
            try server.administer("CREATE ROLE \(name) LOGIN; CREATE SCHEMA \(name)")
            let stranger = "host=\(server.folder) user=nobody_\(name) password=geheim dbname=postgres"
            let unknown = try #require(await failure { try await open(stranger) })
            #expect(unknown.code == .storeUnavailable)
            #expect(unknown.cause.contains("nobody_\(name)") && !unknown.description.contains("geheim"))
            // A user who may connect, and may not make a schema.
            let poor = "host=\(server.folder) user=\(name) dbname=postgres"
            let denied = try #require(await failure { try await open(poor) })
            #expect(denied.code == .storeUnfit)
            #expect(denied.cause.contains("42501") && denied.cause.contains("grant"))
            #expect(await failure { try await open("dbname=none host=\(server.folder) user=outrigger") } != nil)
            #expect(await failure { try await open("host") }?.code == .storeUnavailable)
        }

        @Test func aServerThatTakesNoWritesIsNamedAsSuch() async throws {
            let server = try PostgreSQLServer.shared()
            let readOnly = server.connection(through: nil, "options='-c default_transaction_read_only=on'")
            let refused = await failure { try await open(readOnly) }
            #expect(refused?.code == .storeUnavailable)
            #expect(refused?.cause.contains("replica") == true)
        }

        @Test func aServerThatIsNotThereOrSaysNothingIsAwayInBoundedTime() async throws {
            #expect(await failure { try await open("host=/nowhere/at/all") }?.code == .storeUnavailable)
            let bench = try await Bench()
            bench.proxy.isSilent = true
            let through = bench.server.connection(through: bench.proxy.folder.path)
            let silent = await failure { try await open(through, schema: bench.schema, patience: .milliseconds(300)) }
            #expect(silent?.code == .storeUnavailable)
            await bench.close()
        }
    }
}
