import Foundation
import HTTP
import JSON
import LocalCloud
import Support
import Testing

/// A sidecar and the service beside it, which is killed and comes back: nothing is lost, nothing is booked twice.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ServiceTests {
    @Test func aServiceThatComesAndGoesBooksEachPaymentOnce() async throws {
        try await ServiceHouse.inLocalCloud { house in
            let sidecar = try house.start()
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(3000))")

            // Nobody is there yet: events wait, and the circuit opens.
            try house.put(0..<3)
            #expect(await eventually { await sidecar.metric("outrigger_service_circuit") == 2 })
            #expect(await sidecar.metric("outrigger_service_calls_total", "call.unavailable") > 0)

            var service = try LedgerProcess(in: house)
            #expect(await eventually(within: .seconds(90)) { await house.booked().count == 6 })
            #expect(await eventually { await sidecar.metric("outrigger_service_circuit") == 0 })

            // It is killed while it books, and comes back.
            try house.put(3..<80)
            #expect(await eventually { await house.booked().count >= 30 })
            service.kill()
            #expect(await eventually { await sidecar.metric("outrigger_service_circuit") > 0 })
            service = try LedgerProcess(in: house)
            #expect(
                await eventually(within: .seconds(120)) { ServiceHouse.queues.allSatisfy { house.cloud.isEmpty($0) } })

            let expected = (0..<80).flatMap { ["/entries p-\($0)", "/events p-\($0)"] }.sorted()
            #expect(await house.booked().sorted() == expected)
            for queue in ServiceHouse.queues { #expect(house.cloud.letters(queue + "-dlq").isEmpty) }
            #expect(sidecar.lines.contains("circuit breaker of a service is open"))
            #expect(sidecar.stop() == 0)
            service.kill()
        }
    }

    @Test func aReloadMovesAServiceHandlerToAnotherPathUnderTheSameKeys() async throws {
        try await ServiceHouse.inLocalCloud { house in
            let service = try LedgerProcess(in: house)
            let sidecar = try house.start()
            #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(3000))")
            try house.put(0..<10)
            #expect(await eventually { await house.booked().count == 20 })
            try house.configure(path: "/v2/events")
            sidecar.hangUp()
            #expect(await eventually { await sidecar.metric("outrigger_generation") == 2 })
            try house.put(10..<20)
            #expect(await eventually { await house.booked().count == 40 })
            let moved = await house.booked().filter { $0.hasPrefix("/v2/events") }
            #expect(moved == (10..<20).map { "/v2/events p-\($0)" })
            #expect(sidecar.stop() == 0)
            service.kill()
        }
    }

    @Test func checkNamesWhatIsWrongWithServices() async throws {
        try await ServiceHouse.inLocalCloud { house in
            let (status, output) = try house.check()
            #expect(status == 0, "\(output)")
            #expect(output.contains("services.ledger.socket"))
            try house.configure(path: "/events", service: "lodger")
            let (refused, words) = try house.check()
            #expect(refused != 0)
            #expect(words.contains("Did you mean \"ledger\"?"))
        }
    }
}

/// Two queues: one whose handler is a service, one whose handler is a plugin that calls it.
private struct ServiceHouse {
    static let queues = ["booking", "calling"]

    let house: House
    let cloud: LocalCloud
    private let client = HTTPClient(connections: 2)

    static func inLocalCloud(_ body: @Sendable @escaping (ServiceHouse) async throws -> Void) async throws {
        let house = try House()
        var options = LocalCloud.Options()
        let document = ArraySlice(house.keySet)
        options.keySet = { document }
        try await LocalCloud.serving(options) { cloud in
            for (name, type) in zip(queues, ["Booking.Asked.v1", "Thing.Asked.v1"]) {
                try cloud.createQueue(name, ["VisibilityTimeout": "30"])
                try cloud.createQueue(name + "-dlq")
                try cloud.putRule(name, pattern: "{\"detail-type\":[\"\(type)\"]}", queue: name)
            }
            let services = ServiceHouse(house: house, cloud: cloud)
            try services.configure(path: "/events")
            try await body(services)
        }
    }

    var socket: String { house.folder.file("ledger.sock") }
    var database: String { house.folder.file("ledger.db") }

    func configure(path: String, service: String = "ledger") throws {
        let queues = Self.queues.map { name in
            """
              - {name: \(name), url: "\(cloud.queueURL(name))", dead-letter: "\(cloud.queueURL(name + "-dlq"))", \
            handlers: [\(name)], poll-wait: 1s}
            """
        }
        let yaml = """
            aws: {endpoint: "\(cloud.endpoint)", region: us-east-1}
            queues:
            \(queues.joined(separator: "\n"))
            key-sets:
              - {name: test, url: "\(cloud.endpoint)/keys/jwks-pqc", sources: ["test.*"]}
            store: {path: \(house.folder.file("outrigger.db")), durability: durable, low-water: 1MiB}
            state-directory: \(house.folder.file("state"))
            sandbox: available
            worker: \(Fixtures.products)/outrigger-worker
            admin: {listen: "127.0.0.1:\(house.admin)"}
            services:
              ledger: {socket: \(socket), timeout: 5s, breaker: {failures: 3, open: 200ms, open-at-most: 1s}}
            handlers:
              - id: booking
                service: {name: \(service), path: \(path)}
                routes: [{source: test.in, detail-type: Booking.Asked.v1}]
                retry: {attempts: 20, base: 200ms, cap: 1s}
              - id: calling
                plugin: \(Fixtures.products)/libfixture-calling.so
                calls: [ledger]
                deadline: 10s
                retry: {attempts: 20, base: 200ms, cap: 1s}
            """
        try yaml.write(toFile: house.folder.file("outrigger.yaml"), atomically: true, encoding: .utf8)
    }

    func start() throws -> SidecarProcess { try house.start(house.folder.file("outrigger.yaml")) }

    func check() throws -> (status: Int32, output: String) {
        try Shell.run(
            "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test "
                + "\(Fixtures.products)/outrigger check \(house.folder.file("outrigger.yaml"))")
    }

    /// The same payments for both handlers.
    func put(_ numbers: Range<Int>) throws {
        for (name, type) in zip(Self.queues, ["Booking.Asked.v1", "Thing.Asked.v1"]) {
            let details = try numbers.map {
                try house.detail(#"{"do":"book","payment":"p-\#($0)"}"#, id: "\(name)-\($0)", type: type)
            }
            try house.put(details, type: type, to: cloud)
        }
    }

    /// Path and payment of each entry of the ledger, from the service itself; empty while it is away.
    func booked() async -> [String] {
        let request = HTTPRequest(url: "http://ledger/ledger", timeout: .seconds(5), unixSocket: socket)
        guard let response = try? await client.send(request), let value = try? JSONValue.parse(response.body) else {
            return []
        }
        return value["entries"]?.array?.compactMap(\.string) ?? []
    }
}

/// The service, in a process of its own.
private final class LedgerProcess {
    private let process: ChildProcess

    init(in house: ServiceHouse) throws {
        process = try ChildProcess([
            "python3", Fixtures.repository + "/Tests/Fixtures/services/ledger.py", house.socket, house.database,
        ])
    }

    func kill() {
        process.kill()
        _ = process.end()
    }
}
