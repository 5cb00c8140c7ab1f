import Events
import Foundation
import LocalCloud
import Support
import Testing

/// Sidecars on the same queues and one store, as in the pods of one service.
final class SharedHouse {
    static let count = Extent.sidecars

    let house: House
    let cloud: LocalCloud
    let store: SharedStore
    private(set) var sidecars: [SidecarProcess] = []
    private let admins = (0..<count).map { _ in TestServer.freePort() }
    private(set) var ledger: ChildProcess

    /// What was put on the bus so far, by number, and once more.
    private(set) var sent = 0
    private(set) var again = 0
    /// Payments that came as another event as well.
    private(set) var renamed = 0
    private var entries: [BusModel.Entry] = []

    /// Every so many events is one that ledger and plugin refuse; goes to the plugin as well; and comes again under
    /// another id, as the same piece of business.
    private static let poisonEvery = 50
    private static let countedEvery = 4
    private static let renamedEvery = 10

    init(_ house: House, _ cloud: LocalCloud, _ store: SharedStore) async throws {
        self.house = house
        self.cloud = cloud
        self.store = store
        try cloud.createStormQueues()
        ledger = try ChaosSettings.startLedger(house)
        for number in 0..<Self.count {
            let settings = ChaosSettings(
                house: house, endpoint: cloud.endpoint, store: store.section, admin: admins[number], number: number)
            try settings.write(to: configuration(number))
            sidecars.append(try start(number))
        }
        for sidecar in sidecars { #expect(await sidecar.isReady(), "\(sidecar.lines.suffix(2000))") }
    }

    private func configuration(_ number: Int) -> String { house.folder.file("outrigger-\(number).yaml") }

    private func start(_ number: Int) throws -> SidecarProcess {
        try SidecarProcess(
            configuration: configuration(number), admin: admins[number], log: house.folder.file("log-\(number)"))
    }

    /// `kill -9`, and another in its place after a while.
    func kill(_ numbers: [Int], for time: Duration) async throws {
        for number in numbers { sidecars[number].kill() }
        // Cancelled: the storm is over.
        try? await Task.sleep(for: time)
        for number in numbers { sidecars[number] = try start(number) }
    }

    // MARK: - events

    func isPoison(_ number: Int) -> Bool { number % Self.poisonEvery == 7 }
    private func isCounted(_ number: Int) -> Bool { number % Self.countedEvery == 0 }
    /// What neither handler refuses.
    var booked: Set<Int> { Set((0..<sent).filter { !isPoison($0) }) }
    var counted: Set<Int> { booked.filter(isCounted) }
    /// The poison of each queue.
    func refused(_ queue: String) -> Set<Int> {
        Set((0..<sent).filter { isPoison($0) && (queue == "payments" || isCounted($0)) })
    }

    /// So many more, and a fifth of them once more: as they are, or as another event of the same payment.
    func publish(_ count: Int, _ random: inout SeededGenerator) throws {
        var more: [BusModel.Entry] = []
        for number in sent..<sent + count {
            more.append(try house.payment(number, isPoison: isPoison(number)))
            if isCounted(number) { more.append(try house.count(number, isPoison: isPoison(number))) }
            if number % Self.renamedEvery == 3 {
                more.append(try house.payment(number, isPoison: isPoison(number), id: "renamed-\(number)"))
                again += 1
                renamed += 1
            }
        }
        entries += more
        sent += count
        let repeats = (0..<count / 10).map { _ in entries[Int.random(in: entries.indices, using: &random)] }
        again += repeats.count
        try house.put(more + repeats, to: cloud)
    }

    var backlog: Int { ChaosSettings.queues.reduce(0) { $0 + cloud.backlog($1) } }
    var settled: Int { ChaosSettings.queues.reduce(0) { $0 + (cloud.statistics.queue($1)?.deleted ?? 0) } }

    /// Nothing is left in a queue, nor in the outbox.
    func isAtRest() async -> Bool {
        guard backlog == 0 else { return false }
        return cloud.publishedIDs.count >= counted.count
    }

    /// The last words of each.
    var words: String { sidecars.map { String($0.lines.suffix(1_500)) }.joined(separator: "\n---\n") }
}
