import Cryptography
import Events
import Foundation
import LocalCloud
import Signatures

/// The sidecar beside what users write today, in turns: one core for the consumer and all that it needs, the queue on
/// another. `peers/run` installs them and says where they are.
struct PeersBenchmark {
    private static let turns = 3
    /// Events that count: the first ones are for warming up.
    let count: Int
    private var warmUp: Int { count / 4 }

    private struct Peer {
        let name: String
        let script: String
        var needsRedis = false
    }
    private struct Figures {
        var cost: [Double] = []
        var rate: [Double] = []
        var memory: [Int] = []
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let peers = environment["PEERS"], let python = environment["PYTHON"] else {
            return print("peers: run Tests/Benchmarks/peers/run")
        }
        let key = try PrivateKey(SigningKey.generate(), keyID: "bench")
        let details = try await SidecarUnderTest.details(0..<(count + warmUp), signedBy: key)
        let others = [
            Peer(name: "boto3, no dedup", script: "boto3_consumer.py"),
            Peer(name: "Powertools, Redis", script: "powertools_consumer.py", needsRedis: true),
        ]
        var own = Figures()
        var theirs = others.map { _ in Figures() }
        for _ in 0..<Self.turns {
            try await measure(details, key, into: &own) { cloud, folder in try await sidecar(cloud, folder) }
            for (index, peer) in others.enumerated() {
                try await measure(details, key, into: &theirs[index]) { cloud, folder in
                    try start(peer, python, peers, cloud, folder, environment)
                }
            }
        }
        print("\npeers: \(count) events a turn, \(Self.turns) turns, one core; median (least to most)")
        print("                        CPU us an event           events/s                  memory MB")
        show("Outrigger, dedup", own)
        for (peer, figures) in zip(others, theirs) { show(peer.name, figures) }
    }

    private func measure(
        _ details: [String], _ key: PrivateKey, into figures: inout Figures,
        _ start: (LocalCloud, String) async throws -> [Process]
    ) async throws {
        var options = LocalCloud.Options()
        let document = ArraySlice(KeyTool.publicDocument([key], as: .pqk))
        options.keySet = { document }
        let folder = try SidecarUnderTest.folder("peers")
        try Data(document).write(to: URL(filePath: folder + "/keys.json"))
        let all = details.count
        figures = try await LocalCloud.serving(options) { [warmUp, figures] cloud in
            var figures = figures
            try cloud.createQueue("bench", ["VisibilityTimeout": "60"])
            try cloud.createQueue("bench-dlq")
            try cloud.putRule("bench", pattern: #"{"source":["test.in"]}"#, queue: "bench")
            for detail in details { try cloud.putEvents([SidecarUnderTest.entry(detail)]) }
            let processes = try await start(cloud, folder)
            defer { for process in processes.reversed() { stop(process) } }
            func deleted() -> Int { cloud.statistics.queue("bench")?.deleted ?? 0 }
            func spent() -> Double { everyone(processes).map(Machine.microseconds(of:)).reduce(0, +) }
            while deleted() < warmUp { try await Task.sleep(for: .milliseconds(5)) }
            let (first, cpu, begin) = (deleted(), spent(), ContinuousClock.now)
            while deleted() < all {
                try await Task.sleep(for: .milliseconds(5))
                guard processes.allSatisfy(\.isRunning), ContinuousClock.now - begin < .seconds(300) else {
                    throw Failure(.settingsInvalid, folder, "a consumer does not come to its end")
                }
            }
            let seconds = Double((ContinuousClock.now - begin).milliseconds) / 1000
            figures.cost.append((spent() - cpu) / Double(all - first))
            figures.rate.append(Double(all - first) / seconds)
            figures.memory.append(Machine.memory(of: everyone(processes)).whole / 1024)
            return figures
        }
    }

    private func everyone(_ processes: [Process]) -> [Int32] {
        processes.flatMap { [$0.processIdentifier] + Machine.children(of: $0.processIdentifier) }
    }

    private func stop(_ process: Process) {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    // MARK: - consumers

    private func sidecar(_ cloud: LocalCloud, _ folder: String) async throws -> [Process] {
        let settings = """
            sandbox: available
            queues:
              - {name: bench, url: "\(cloud.queueURL("bench"))", dead-letter: "\(cloud.queueURL("bench-dlq"))",
                 handlers: [counting]}
            handlers: [{id: counting, plugin: \(SidecarUnderTest.products)/libfixture-counting.so}]
            """
        return [try await SidecarUnderTest.start(in: folder, cloud, settings, cores: "1").process]
    }

    private func start(
        _ peer: Peer, _ python: String, _ peers: String, _ cloud: LocalCloud, _ folder: String,
        _ environment: [String: String]
    ) throws -> [Process] {
        var processes: [Process] = []
        let socket = folder + "/redis.sock"
        if peer.needsRedis {
            // What is remembered must survive, as it does in the sidecar's ledger.
            let arguments = [
                "redis-server", "--port", "0", "--unixsocket", socket, "--dir", folder, "--appendonly", "yes",
                "--appendfsync", "everysec", "--save", "",
            ]
            processes.append(try run(arguments, folder, ["PATH": "/usr/bin:/bin"]))
            while !FileManager.default.fileExists(atPath: socket) { usleep(10_000) }
        }
        let variables = [
            "PATH": "/usr/bin:/bin", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
            "ENDPOINT": cloud.endpoint, "QUEUE_URL": cloud.queueURL("bench"), "KEY_SET": folder + "/keys.json",
            "VERIFIER": environment["VERIFIER"] ?? "", "REDIS": socket,
        ]
        processes.append(try run([python, "\(peers)/\(peer.script)"], folder, variables))
        return processes
    }

    private func run(_ command: [String], _ folder: String, _ environment: [String: String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["taskset", "-c", "1"] + command
        process.environment = environment
        let log = folder + "/peer.log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardError = FileHandle(forWritingAtPath: log)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }

    // MARK: - the table

    private func show(_ name: String, _ figures: Figures) {
        func range(_ values: [Double]) -> String {
            let sorted = values.sorted()
            guard let least = sorted.first, let most = sorted.last else { return "-" }
            return String(format: "%.0f (%.0f to %.0f)", sorted[sorted.count / 2], least, most)
        }
        let columns = [range(figures.cost), range(figures.rate), range(figures.memory.map(Double.init))]
        let padded = columns.map { $0.padding(toLength: 26, withPad: " ", startingAt: 0) }
        print("  " + name.padding(toLength: 22, withPad: " ", startingAt: 0) + padded.joined())
    }
}
