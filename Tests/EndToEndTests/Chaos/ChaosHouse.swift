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
    let house: House
    let proxy: FaultProxy
    let volume: SmallVolume
    private let clouds: [LocalCloud]
    private let forger: PrivateKey
    private(set) var sidecar: SidecarProcess
    private(set) var ledger: ChildProcess
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
        for cloud in clouds { try cloud.createStormQueues() }
        proxy = try FaultProxy(to: try Self.port(of: clouds[0]))
        volume = try SmallVolume(of: house, megabytes: 128)
        configuration = house.folder.file("outrigger.yaml")
        try Self.write(to: configuration, house, proxy, volume, admin: house.admin)
        ledger = try ChaosSettings.startLedger(house)
        sidecar = try house.start(configuration, launcher: volume.launcher)
    }

    private static func port(of cloud: LocalCloud) throws -> Int {
        try #require(cloud.endpoint.split(separator: ":").last.flatMap { Int($0) })
    }

    private static func write(
        to path: String, _ house: House, _ proxy: FaultProxy, _ volume: SmallVolume, admin: Int
    ) throws {
        let store = "{path: \(volume.path)/outrigger.db, durability: durable, low-water: 1MiB}"
        try ChaosSettings(house: house, endpoint: proxy.endpoint, store: store, admin: admin).write(to: path)
    }

    // MARK: - processes

    func killLedger() {
        ledger.signal(SIGKILL)
        _ = ledger.end()
    }

    func startLedger() throws { ledger = try ChaosSettings.startLedger(house) }

    func killSidecar() throws {
        sidecar.kill()
        sidecar = try house.start(configuration, launcher: volume.launcher)
    }

    /// Another sidecar of the same store, as a deployment starts that does not know of the first.
    func second() throws -> SidecarProcess {
        let admin = TestServer.freePort()
        let path = house.folder.file("second.yaml")
        try Self.write(to: path, house, proxy, volume, admin: admin)
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
            return [
                try house.payment(number, isPoison: isPoison(number), key: key),
                try house.count(number, isPoison: isPoison(number), key: key),
            ]
        }
        entries += more
        sent += count
        let repeats = (0..<count / 5).map { _ in entries[Int.random(in: entries.indices, using: &random)] }
        again += repeats.count
        try house.put(more + repeats, to: cloud)
    }

    /// What the queues hold now: visible, in flight or delayed.
    var backlog: Int { ChaosSettings.queues.reduce(0) { $0 + cloud.backlog($1) } }

    /// Messages that left the queues for good.
    var settled: Int { ChaosSettings.queues.reduce(0) { $0 + (cloud.statistics.queue($1)?.deleted ?? 0) } }

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
        clouds.reduce(into: [:]) { $0.merge($1.numberedLetters(queue)) { $0.union($1) } }
    }

    var published: Int { clouds[0].publishedIDs.union(clouds[1].publishedIDs).count }
}
