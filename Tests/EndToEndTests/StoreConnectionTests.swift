import Foundation
import LocalCloud
import Support
import Testing

/// How a sidecar comes to its PostgreSQL: by a service file, and over TLS to a server that proves who it is.
@Suite(.serialized, .timeLimit(.minutes(5))) struct StoreConnectionTests {
    @Test func aServiceFileSaysWhereTheServerIs() async throws {
        let server = try PostgreSQLServer.shared()
        try await House.inLocalCloud { house, cloud in
            let schema = PostgreSQLServer.freshName()
            let section = "{kind: postgresql, postgresql: {connection: service=orders, schema: \(schema)}}"
            var shared = StoreHouse(house, cloud, section)
            let file = house.folder.file("services")
            shared.environment["PGSERVICEFILE"] = file
            try shared.write(0)
            let sidecar = try shared.start(0)
            let isSaid = await eventually {
                let answer = await sidecar.get("/readyz")
                return answer?.status == 503 && answer?.text.contains("service file \"\(file)\" not found") == true
            }
            #expect(isSaid, "\(sidecar.lines.suffix(1000))")
            let unfit = try await shared.unfit()
            #expect(unfit.contains { $0.contains("PGSERVICEFILE") }, "\(unfit)")

            try "[orders]\nhost=\(server.folder)\nuser=outrigger\ndbname=postgres\n".write(
                toFile: file, atomically: true, encoding: .utf8)
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(1000))")
            try house.put(try house.payments(0..<2), to: cloud)
            #expect(await eventually { cloud.publishedIDs.count == 2 && cloud.isEmpty("main") })
            #expect(try await shared.unfit() == [])
            #expect(try server.ask("SELECT count(*) FROM \(schema).ledger") == "2")
            #expect(sidecar.stop() == 0)
        }
    }

    /// An authority of one's own, a certificate of it, and a server that shows that.
    private static func encrypted(as name: String, in folder: TemporaryFolder) throws -> PostgreSQLServer {
        var options = PostgreSQLServer.Options()
        options.port = TestServer.freePort()
        let server = try PostgreSQLServer(options)
        let (status, said) = try Shell.run(
            """
            set -e
            cd '\(folder.path)'
            authority() {
                openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.crt"
            }
            authority ours
            authority others
            openssl req -newkey rsa:2048 -nodes -subj '/CN=\(name)' -keyout server.key -out server.csr
            echo 'subjectAltName=DNS:\(name)' >names
            openssl x509 -req -in server.csr -CA ours.crt -CAkey ours.key -CAcreateserial -days 2 -extfile names \
                -out server.crt
            cp server.key server.crt '\(server.folder)'
            chmod 600 '\(server.folder)/server.key'
            chown --reference='\(server.folder)/data' '\(server.folder)/server.key'
            """)
        try #require(status == 0, "\(said)")
        try server.administer(
            """
            ALTER SYSTEM SET ssl_cert_file = '\(server.folder)/server.crt';
            ALTER SYSTEM SET ssl_key_file = '\(server.folder)/server.key';
            ALTER SYSTEM SET ssl = on
            """)
        try server.restart("INT")
        return server
    }

    @Test func aServerMustProveWhoItIs() async throws {
        try await House.inLocalCloud { house, cloud in
            let server = try Self.encrypted(as: "database.test", in: house.folder)
            let (port, schema) = (try #require(server.port), PostgreSQLServer.freshName())
            let root = house.folder.file("root.crt")
            let way = { (name: String) in
                """
                {kind: postgresql, postgresql: {schema: \(schema), connection: "host=\(name) hostaddr=127.0.0.1 \
                port=\(port) user=outrigger dbname=postgres sslmode=verify-full sslrootcert=\(root)"}}
                """
            }
            // Vouched for by somebody whom nobody trusts.
            try FileManager.default.copyItem(atPath: house.folder.file("others.crt"), toPath: root)
            let shared = StoreHouse(house, cloud, way("database.test"))
            try shared.write(0)
            let sidecar = try shared.start(0)
            let isRefused = await eventually {
                let answer = await sidecar.get("/readyz")
                return answer?.status == 503 && answer?.text.contains("certificate verify failed") == true
            }
            #expect(isRefused, "\(sidecar.lines.suffix(1000))")
            let stranger = try await shared.unfit()
            #expect(stranger.contains { $0.contains("sslrootcert") }, "\(stranger)")
            try house.put(try house.payments(0..<2), to: cloud)
            #expect(cloud.publishedIDs.isEmpty)

            try FileManager.default.removeItem(atPath: root)
            try FileManager.default.copyItem(atPath: house.folder.file("ours.crt"), toPath: root)
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(1000))")
            #expect(await eventually { cloud.publishedIDs.count == 2 && cloud.isEmpty("main") })
            let check = try await shared.outrigger("store check \(house.folder.file("outrigger-0.yaml"))")
            #expect(check.status == 0 && check.output.contains(", encrypted"), "\(check.output)")
            // Each of its connections.
            let plain = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) "
                + "WHERE a.application_name = 'outrigger' AND NOT s.ssl"
            #expect(try server.ask(plain) == "0")
            #expect(sidecar.stop() == 0)

            // The right authority, and another's name.
            let other = StoreHouse(house, cloud, way("elsewhere.test"))
            try other.write(0)
            let misnamed = try await other.unfit()
            #expect(misnamed.contains { $0.contains("does not match host name") && $0.contains("its certificate") })
        }
    }
}
