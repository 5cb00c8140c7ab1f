import Events
import Foundation
import JSON
import LocalCloud
import Signatures
import Support
import Synchronization
import Testing

/// A house with a handler in C and one in Swift, each with a queue of its own, whose plugins and configuration a test
/// replaces as deployments do.
struct ReloadHouse {
    static let handlers = ["counting", "hello-swift"]

    let house: House
    let cloud: LocalCloud

    static func inLocalCloud(_ body: @Sendable @escaping (ReloadHouse) async throws -> Void) async throws {
        let house = try House()
        var options = LocalCloud.Options()
        let document = ArraySlice(house.keySet)
        options.keySet = { document }
        try await LocalCloud.serving(options) { cloud in
            try cloud.createQueue("published")
            try cloud.putRule("out", pattern: #"{"source":["test.out"]}"#, queue: "published")
            for (name, source) in zip(handlers, ["test.in", "qsl.payments"]) {
                try cloud.createQueue(name)
                try cloud.createQueue(name + "-dlq")
                try cloud.putRule(name, pattern: "{\"source\":[\"\(source)\"]}", queue: name)
            }
            try await body(ReloadHouse(house: house, cloud: cloud))
        }
    }

    func file(_ name: String) -> String { house.folder.file(name) }

    // MARK: - deployments

    /// A build of its own: what follows an ELF file changes its hash and nothing else.
    func build(_ handler: String, _ number: Int) throws -> Data {
        let name = handler == "counting" ? "libfixture-counting.so" : "libhello-swift.so"
        return try Data(contentsOf: URL(filePath: Fixtures.products + "/" + name)) + Data("build \(number)".utf8)
    }

    /// By rename over the old one: the file is whole or not there.
    func install(_ handler: String, _ number: Int) throws {
        try build(handler, number).write(to: URL(filePath: file(handler + ".so")), options: .atomic)
    }

    func yaml(_ change: (String) -> String = { $0 }) -> String {
        let queues = Self.handlers.map { name in
            """
              - name: \(name)
                url: "\(cloud.queueURL(name))"
                dead-letter: "\(cloud.queueURL(name + "-dlq"))"
                handlers: [\(name)]
                poll-wait: 1s
            """
        }
        return change(
            """
            aws: {endpoint: "\(cloud.endpoint)", region: us-east-1}
            queues:
            \(queues.joined(separator: "\n"))
            key-sets:
              - {name: test, url: "\(cloud.endpoint)/keys/jwks-pqc", sources: ["test.*", "qsl.*"]}
            signing: {key: \(file("sidecar.key")), kid: sidecar}
            bus: {name: default}
            store: {path: \(file("outrigger.db")), durability: durable, low-water: 1MiB}
            state-directory: \(file("state"))
            sandbox: available
            worker: \(Fixtures.products)/outrigger-worker
            admin: {listen: "127.0.0.1:\(house.admin)"}
            stop: {deadline: 10s}
            handlers:
              - id: counting
                plugin: \(file("counting.so"))
                deadline: 5s
                publish: [{source: test.out, detail-types: [Counted.v1]}]
              - id: hello-swift
                plugin: \(file("hello-swift.so"))
                deadline: 5s

            """)
    }

    @discardableResult
    func configure(_ change: (String) -> String = { $0 }) throws -> String {
        try yaml(change).write(toFile: file("outrigger.yaml"), atomically: true, encoding: .utf8)
        return file("outrigger.yaml")
    }

    /// Both plugins, the configuration, and a sidecar that serves them.
    func start() async throws -> SidecarProcess {
        for handler in Self.handlers { try install(handler, 0) }
        let sidecar = try house.start(try configure())
        let isReady = await sidecar.isReady()
        #expect(isReady, "\(sidecar.lines.suffix(3000))")
        return sidecar
    }

    // MARK: - events

    private func entry(_ handler: String, _ number: Int) throws -> BusModel.Entry {
        let isCounting = handler == "counting"
        let (source, type) = isCounting ? ("test.in", "Test.Done.v1") : ("qsl.payments", "Payment.Settled.v1")
        let core = isCounting ? "{\"do\":\"spread\",\"n\":\(number)}" : "{\"paymentId\":\"p-\(number)\"}"
        return try house.entry(core, id: "\(handler)-\(number)", source: source, type: type)
    }

    func put(_ handler: String, _ numbers: Range<Int>) throws {
        try cloud.putEvents(numbers.map { try entry(handler, $0) })
    }

    /// Sends one event to each handler, and waits until both are done.
    func works(_ number: Int) async throws -> Bool {
        for handler in Self.handlers { try put(handler, number..<number + 1) }
        return await eventually { Self.handlers.allSatisfy { cloud.isEmpty($0) } }
    }

    /// The signed ids that a consumer behind the bus sees; repeats fall together.
    var published: Set<String> {
        Set(
            cloud.peek("published").compactMap { peeked in
                guard let envelope = try? JSONValue.parse(peeked.message.body.text),
                    let token = envelope["detail"]?["sig_compact"]?.string
                else { return nil }
                return (try? CompactToken(parsing: Bytes(token)))?.header.id
            })
    }
}

/// A stream of events that goes on until it is told to stop: at most so many a second, from two lanes, since signing is
/// the slow part of a debug build.
final class Load: Sendable {
    private struct Content {
        var sent: [String: Int] = [:]
        var isStopped = false
    }
    private let content = Mutex(Content())
    let house: ReloadHouse
    let perSecond: Int

    init(_ house: ReloadHouse, perSecond: Int) {
        self.house = house
        self.perSecond = perSecond
    }

    /// How many each handler was sent, under the numbers from 0.
    var sent: [String: Int] { content.withLock { $0.sent } }
    func stop() { content.withLock { $0.isStopped = true } }

    func run() async throws {
        try await withThrowingTaskGroup { group in
            for handler in ReloadHouse.handlers { group.addTask { try await self.run(handler) } }
            try await group.waitForAll()
        }
    }

    private func run(_ handler: String) async throws {
        let pause = Duration.seconds(10) * ReloadHouse.handlers.count / perSecond
        var next = ContinuousClock.now
        while !content.withLock({ $0.isStopped }) {
            let first = content.withLock { $0.sent[handler] ?? 0 }
            try house.put(handler, first..<first + 10)
            content.withLock { $0.sent[handler] = first + 10 }
            next = max(next + pause, .now)
            try await Task.sleep(until: next)
        }
    }
}

/// What the machine sees of a process and its children.
struct Footprint: CustomStringConvertible {
    /// Bytes of the process itself: its own pages, and its share of those that it shares.
    let memory: Int
    /// Without TCP: connections come and go with the load.
    let descriptors: Int
    let threads: Int
    let children: Int

    init(of process: Int32) throws {
        let rollup = try String(contentsOfFile: "/proc/\(process)/smaps_rollup", encoding: .utf8)
        let line = try #require(rollup.split(separator: "\n").first { $0.hasPrefix("Pss:") })
        memory = (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
        let folder = "/proc/\(process)/fd"
        let connections = try ["tcp", "tcp6"].flatMap { table -> [String] in
            // The kernel gives a table page by page: it is read to its end.
            let file = try #require(FileHandle(forReadingAtPath: "/proc/\(process)/net/\(table)"))
            let rows = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self).split(separator: "\n")
            return rows.dropFirst().compactMap { row in
                row.split(separator: " ").dropFirst(9).first.map { "socket:[\($0)]" }
            }
        }
        let targets = try FileManager.default.contentsOfDirectory(atPath: folder).map { name in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + name)) ?? ""
        }
        descriptors = targets.filter { !connections.contains($0) }.count
        let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
        threads = tasks.count
        // Each thread has the children that it spawned.
        children = tasks.reduce(0) { sum, task in
            let path = "/proc/\(process)/task/\(task)/children"
            let list = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            return sum + list.split(separator: " ").count
        }
    }

    var description: String {
        "\(memory / 1_048_576) MiB, \(descriptors) descriptors, \(threads) threads, \(children) children"
    }
}
