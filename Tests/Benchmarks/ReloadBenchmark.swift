import Cryptography
import Events
import Foundation
import LocalCloud
import Signatures

/// A hundred reloads under 500 events a second, a plugin in C and one in Swift by turns: what was sent, done, lost and
/// repeated, and what the sidecar has of memory, processes and descriptors before and after. The events are signed
/// beforehand; cloud, sidecar and workers share the machine's cores.
struct ReloadBenchmark {
    private static let reloads = 100
    private static let perSecond = 500
    /// Of each handler: a reload takes the longer of its own time and this share of the load.
    private static let perReload = 100
    /// How often it is looked what the sidecar has: after so many reloads.
    private static let look = 20
    private static let handlers = [
        (name: "counting", source: "test.in", library: "libfixture-counting.so"),
        (name: "hello-swift", source: "qsl.payments", library: "libhello-swift.so"),
    ]

    private let key: PrivateKey
    private let own: PrivateKey
    private let folder: String

    static func run() async throws {
        let bench = ReloadBenchmark(
            key: try PrivateKey(SigningKey.generate(), keyID: "bench"),
            own: try PrivateKey(SigningKey.generate(), keyID: "sidecar"), folder: try SidecarUnderTest.folder("reload"))
        try await bench.run()
    }

    private func run() async throws {
        let details = try await Self.handlers.concurrentMap { handler in try self.details(of: handler.name) }
        var options = LocalCloud.Options()
        let document = ArraySlice(KeyTool.publicDocument([key, own], as: .pqk))
        options.keySet = { document }
        try await LocalCloud.serving(options) { cloud in
            try cloud.createQueue("published")
            try cloud.putRule("out", pattern: #"{"source":["test.out"]}"#, queue: "published")
            for handler in Self.handlers {
                try cloud.createQueue(handler.name, ["VisibilityTimeout": "60"])
                try cloud.createQueue(handler.name + "-dlq")
                try cloud.putRule(handler.name, pattern: "{\"source\":[\"\(handler.source)\"]}", queue: handler.name)
                try install(handler.library, as: handler.name, build: 0)
            }
            let path = folder + "/sidecar.key"
            try Data(KeyTool.privateDocument(own)).write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            let sidecar = try await SidecarUnderTest.start(in: folder, cloud, settings(cloud))
            defer { sidecar.stop() }
            try await drive(sidecar, cloud, details)
        }
    }

    // MARK: - the load

    /// Sends what is due by the clock, and installs another build each time so many more were sent; the last events go
    /// out after the last reload.
    private func drive(_ sidecar: SidecarUnderTest, _ cloud: LocalCloud, _ details: [[String]]) async throws {
        let before = footprint(sidecar)
        let start = ContinuousClock.now
        var sent = 0
        var reload = 0
        let total = details.map(\.count).min() ?? 0
        while sent < total {
            let due = Int((ContinuousClock.now - start).milliseconds) * Self.perSecond / 1_000 / Self.handlers.count
            while sent < min(due, total) {
                for (handler, all) in zip(Self.handlers, details) {
                    try cloud.putEvents(all[sent..<min(sent + 10, total)].map { entry($0, handler.source) })
                }
                sent += 10
            }
            if reload < Self.reloads, sent >= reload * Self.perReload, await generation(sidecar) == reload + 1 {
                if reload > 0, reload % Self.look == 0 { print("  after reload \(reload)  \(footprint(sidecar))") }
                reload += 1
                let handler = Self.handlers[reload % Self.handlers.count]
                try install(handler.library, as: handler.name, build: reload)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        let offered = seconds(since: start)
        let isEmpty = try await poll { Self.handlers.allSatisfy { isSettled($0.name, cloud, total) } }
        let sustained = seconds(since: start)
        _ = try await poll { published(cloud).count >= total }
        let served = await generation(sidecar) - 1
        print("  after reload \(served)  \(footprint(sidecar))")
        _ = try await poll { sidecar.workers.count == Self.handlers.count }
        let after = footprint(sidecar)
        report(cloud, await sidecar.metrics(), total: total, isEmpty: isEmpty)
        print("  reloads           \(served) of \(Self.reloads)")
        let rates = (Double(2 * total) / offered, Double(2 * total) / sustained)
        print(String(format: "  events per second %.0f offered, %.0f settled", rates.0, rates.1))
        print("  before            \(before)\n  after             \(after)")
    }

    private func report(_ cloud: LocalCloud, _ metrics: String, total: Int, isEmpty: Bool) {
        let done = sum(metrics, "outrigger_settled_total", "as=\"done\"")
        let letters = Self.handlers.reduce(0) { $0 + (cloud.statistics.queue($1.name + "-dlq")?.depth ?? 0) }
        let ids = published(cloud)
        print("\nreload: \(Self.reloads) reloads, a plugin in C and one in Swift by turns")
        print("  sent \(2 * total), done \(done), lost \(2 * total - done), dead letters \(letters)")
        print("  published \(ids.count), of them repeated \(ids.count - Set(ids).count)")
        if !isEmpty { print("  the queues are not empty") }
    }

    private func isSettled(_ queue: String, _ cloud: LocalCloud, _ count: Int) -> Bool {
        (cloud.statistics.queue(queue)?.deleted ?? 0) >= count
    }

    private func poll(_ isSo: () -> Bool) async throws -> Bool {
        for _ in 0..<1_200 {
            if isSo() { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    private func generation(_ sidecar: SidecarUnderTest) async -> Int {
        sum(await sidecar.metrics(), "outrigger_generation ", "")
    }

    private func sum(_ metrics: String, _ name: String, _ label: String) -> Int {
        metrics.split(separator: "\n").filter { $0.hasPrefix(name) && (label.isEmpty || $0.contains(label)) }
            .reduce(0) { $0 + Int(Double($1.split(separator: " ").last ?? "") ?? 0) }
    }

    private func seconds(since start: ContinuousClock.Instant) -> Double {
        Double((ContinuousClock.now - start).milliseconds) / 1000
    }

    private func footprint(_ sidecar: SidecarUnderTest) -> String {
        let processes = sidecar.workers.count + 1
        return "\(sidecar.memory.text); \(processes) processes, \(Machine.descriptors(of: sidecar.id)) descriptors"
    }

    // MARK: - events

    private func details(of handler: String) throws -> [String] {
        let now = Instant(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        let isCounting = handler == "counting"
        let (source, type) = (isCounting ? "test.in" : "qsl.payments", "Payment.Settled.v1")
        return try (0..<Self.reloads * Self.perReload + 1_000).map { number in
            let header = TokenHeader(
                algorithm: .dilithium2, keyID: "", signedAt: now, source: source, detailType: type, resource: "",
                id: "\(handler)-\(number)")
            let core = isCounting ? "{\"do\":\"spread\",\"n\":\(number)}" : "{\"paymentId\":\"p-\(number)\"}"
            let detail = try KeyTool.signedDetail(
                core: Bytes(core), header: header, with: key, form: .dilithium2(.mldsa44))
            return String(decoding: detail, as: UTF8.self)
        }
    }

    private func entry(_ detail: String, _ source: String) -> BusModel.Entry {
        SidecarUnderTest.entry(detail, source: source)
    }

    /// The signed ids that a consumer behind the bus sees.
    private func published(_ cloud: LocalCloud) -> [String] {
        cloud.peek("published").compactMap { peeked in
            let body = String(decoding: peeked.message.body.text, as: UTF8.self)
            guard let start = body.range(of: "\"sig_compact\":\"") else { return nil }
            let token = body[start.upperBound...].prefix { $0 != "\"" }
            return (try? CompactToken(parsing: Bytes(token.utf8)))?.header.id
        }
    }

    // MARK: - deployments

    /// A build of its own: what follows an ELF file changes its hash and nothing else.
    private func install(_ library: String, as name: String, build: Int) throws {
        let content = try Data(contentsOf: URL(filePath: SidecarUnderTest.products + "/" + library))
        try (content + Data("build \(build)".utf8)).write(to: URL(filePath: "\(folder)/\(name).so"), options: .atomic)
    }

    private func settings(_ cloud: LocalCloud) -> String {
        let queues = Self.handlers.map { handler in
            """
              - {name: \(handler.name), url: "\(cloud.queueURL(handler.name))", handlers: [\(handler.name)],
                 dead-letter: "\(cloud.queueURL(handler.name + "-dlq"))"}
            """
        }
        return """
            sandbox: available
            signing: {key: \(folder)/sidecar.key, kid: sidecar}
            bus: {name: default}
            queues:
            \(queues.joined(separator: "\n"))
            handlers:
              - {id: counting, plugin: \(folder)/counting.so,
                 publish: [{source: test.out, detail-types: [Counted.v1]}]}
              - {id: hello-swift, plugin: \(folder)/hello-swift.so}
            """
    }
}

extension Array {
    /// In order.
    fileprivate func concurrentMap<Result: Sendable>(
        _ transform: @escaping @Sendable (Element) throws -> Result
    ) async throws -> [Result] where Element: Sendable {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            for (index, element) in enumerated() { group.addTask { (index, try transform(element)) } }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}
