import Cryptography
import Events
import Foundation
import JSON
import LocalCloud
import Signatures
import Support
import Testing

/// The whole house for a storm: payments for the ledger service of the examples and events for a plugin, each with a
/// queue of its own, behind a network that breaks, with the store on a small volume.
///
/// There are two clouds. In the middle of the storm the first one is lost with all that it held; whoever publishes then
/// sends everything again to the second, as from an outbox of his own.
final class ChaosHouse {
    static let queues = ["payments", "counting"]

    let house: House
    let proxy: FaultProxy
    let volume: SmallVolume
    private let clouds: [LocalCloud]
    private let forger: PrivateKey
    private(set) var sidecar: SidecarProcess
    private(set) var ledger: Process
    private let configuration: String

    /// What was put on the bus so far, of each queue, by number.
    private(set) var sent = 0
    /// What was put on the bus once more.
    private(set) var again = 0
    private var entries: [BusModel.Entry] = []
    private var isFirstCloudLost = false

    /// Every so many events is one that the ledger and the plugin refuse, and one that was forged.
    private static let poisonEvery = 50
    private static let forgedEvery = 70

    init(_ house: House, _ clouds: [LocalCloud]) throws {
        self.house = house
        self.clouds = clouds
        forger = try PrivateKey(SigningKey.generate(), keyID: "publisher")
        for cloud in clouds {
            try cloud.createQueue("published")
            try cloud.putRule("out", pattern: #"{"source":["test.out"]}"#, queue: "published")
            for (queue, source) in zip(Self.queues, ["qsl.payments", "test.in"]) {
                try cloud.createQueue(queue, ["VisibilityTimeout": "6"])
                try cloud.createQueue(queue + "-dlq")
                try cloud.putRule(queue, pattern: "{\"source\":[\"\(source)\"]}", queue: queue)
            }
        }
        proxy = try FaultProxy(to: try Self.port(of: clouds[0]))
        volume = try SmallVolume(of: house, megabytes: 128)
        configuration = house.folder.file("outrigger.yaml")
        try Self.yaml(house, proxy.endpoint, store: volume.path + "/outrigger.db", admin: house.admin)
            .write(toFile: configuration, atomically: true, encoding: .utf8)
        ledger = try Self.startLedger(house)
        sidecar = try house.start(configuration, launcher: volume.launcher)
    }

    private static func port(of cloud: LocalCloud) throws -> Int {
        try #require(cloud.endpoint.split(separator: ":").last.flatMap { Int($0) })
    }

    private static func yaml(_ house: House, _ endpoint: String, store: String, admin: Int) -> String {
        let queues = Self.queues.map { name in
            """
              - {name: \(name), url: "\(endpoint)/000000000000/\(name)", handlers: [\(name)], poll-wait: 2s, \
            dead-letter: "\(endpoint)/000000000000/\(name)-dlq"}
            """
        }
        return """
            aws: {endpoint: "\(endpoint)", region: us-east-1}
            queues:
            \(queues.joined(separator: "\n"))
            key-sets:
              - {name: test, url: "\(endpoint)/keys/jwks-pqc", sources: ["test.*", "qsl.*"]}
            signing: {key: \(house.folder.file("sidecar.key")), kid: sidecar}
            bus: {name: default}
            store: {path: \(store), durability: durable, low-water: 1MiB}
            state-directory: \(house.folder.file("state"))
            sandbox: available
            worker: \(Fixtures.products)/outrigger-worker
            admin: {listen: "127.0.0.1:\(admin)"}
            stop: {deadline: 15s}
            services:
              ledger:
                socket: \(house.folder.file("ledger.sock"))
                timeout: 5s
                breaker: {failures: 3, open: 200ms, open-at-most: 1s}
            handlers:
              - id: payments
                service: {name: ledger, path: /events}
                routes: [{source: qsl.payments, detail-type: "*"}]
                retry: {attempts: 100, base: 200ms, cap: 1s}
              - id: counting
                plugin: \(Fixtures.products)/libfixture-counting.so
                workers: 2
                deadline: 2s
                publish: [{source: test.out, detail-types: [Counted.v1]}]
                retry: {attempts: 100, base: 200ms, cap: 1s}
            """
    }

    // MARK: - processes

    private static func startLedger(_ house: House) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: Fixtures.products + "/ledger-service")
        process.arguments = [
            "--socket", house.folder.file("ledger.sock"), "--database", house.folder.file("ledger.db"),
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    func killLedger() {
        kill(ledger.processIdentifier, SIGKILL)
        ledger.waitUntilExit()
    }

    func startLedger() throws { ledger = try Self.startLedger(house) }

    func killSidecar() throws {
        sidecar.kill()
        sidecar = try house.start(configuration, launcher: volume.launcher)
    }

    /// Another sidecar of the same store, as a deployment starts that does not know of the first.
    func second() throws -> SidecarProcess {
        let admin = TestServer.freePort()
        let path = house.folder.file("second.yaml")
        try Self.yaml(house, proxy.endpoint, store: volume.path + "/outrigger.db", admin: admin)
            .write(toFile: path, atomically: true, encoding: .utf8)
        return try SidecarProcess(
            configuration: path, admin: admin, log: house.folder.file("second.log"), launcher: volume.launcher)
    }

    // MARK: - events

    private var cloud: LocalCloud { clouds[isFirstCloudLost ? 1 : 0] }

    func isPoison(_ number: Int) -> Bool { number % Self.poisonEvery == 7 }
    func isForged(_ number: Int) -> Bool { number % Self.forgedEvery == 11 }

    /// So many more for each queue, and some of the earlier ones again.
    func publish(_ count: Int, _ random: inout SeededGenerator) throws {
        let more = try (sent..<sent + count).flatMap { number in
            let key = isForged(number) ? forger : nil
            let amount = isPoison(number) ? "0" : "\(number + 1).50"
            let payment = """
                {"account":"main","amount":"\(amount)","currency":"EUR","direction":"debit","paymentId":"P-\(number)"}
                """
            let act = isPoison(number) ? "reject" : "spread"
            return [
                try house.entry(
                    payment, id: "payment-\(number)", source: "qsl.payments", type: "Payment.Settled.v1", key: key),
                try house.entry("{\"do\":\"\(act)\",\"n\":\(number)}", id: "count-\(number)", key: key),
            ]
        }
        entries += more
        sent += count
        let repeats = (0..<count / 5).map { _ in entries[Int.random(in: entries.indices, using: &random)] }
        again += repeats.count
        try house.put(more + repeats, to: cloud)
    }

    /// What the queues hold now: visible, in flight or delayed.
    var backlog: Int {
        Self.queues.reduce(0) { sum, name in
            let queue = cloud.statistics.queue(name)
            return sum + (queue.map { $0.depth + $0.inFlight + $0.delayed } ?? 0)
        }
    }

    /// Messages that left the queues for good.
    var settled: Int { Self.queues.reduce(0) { $0 + (cloud.statistics.queue($1)?.deleted ?? 0) } }

    func inFlight(_ queue: String) -> Int { cloud.statistics.queue(queue)?.inFlight ?? 0 }

    /// The cloud is gone with all its queues; after a while another one has its place, and gets everything again.
    func loseTheCloud() throws {
        isFirstCloudLost = true
        proxy.lead(to: try Self.port(of: clouds[1]))
        again += entries.count
        try house.put(entries, to: cloud)
    }

    /// Of the cloud that serves.
    func setFaults(_ faults: Faults) { cloud.setFaults(faults) }

    // MARK: - what came of it

    /// What neither handler refuses, nor the verifier.
    var good: Set<Int> { Set((0..<sent).filter { !isPoison($0) && !isForged($0) }) }

    /// The numbers of the dead letters of a queue, by code, in both clouds.
    func letters(_ queue: String) -> [String: Set<Int>] {
        var letters: [String: Set<Int>] = [:]
        for cloud in clouds {
            for (letter, failure) in zip(cloud.peek(queue + "-dlq"), cloud.letters(queue + "-dlq")) {
                letters[failure.code, default: []].insert(Self.number(letter.message.body.text) ?? -1)
            }
        }
        return letters
    }

    private static func number(_ body: Bytes) -> Int? {
        guard let core = (try? JSONValue.parse(body))?["detail"]?["detailCore"] else { return nil }
        if let number = core["n"]?.int { return Int(number) }
        return core["paymentId"]?.string.flatMap { Int($0.dropFirst(2)) }
    }

    var published: Int { clouds[0].publishedIDs.union(clouds[1].publishedIDs).count }
}
