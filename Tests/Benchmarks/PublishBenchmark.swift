import Cryptography
import Events
import Foundation
import HTTP
import LocalCloud
import Signatures

/// From a request on the Unix socket to its answer, which is given when the event is on the disk: at a steady rate, and
/// as fast as one caller or eight can go. The relay signs and sends meanwhile, as it would. Cloud, sidecar and callers
/// share the machine's cores.
struct PublishBenchmark {
    let count: Int

    func run() async throws {
        print("\npublish on the socket, durable answer, milliseconds (target p50 0.5, p99 10)")
        print("  callers       p50       p99     p99.9   events/s")
        for rate in [100, 300] { try await measure(4, perSecond: rate) }
        for callers in [1, 8] { try await measure(callers, perSecond: nil) }
    }

    /// - Parameter perSecond: of all callers together; `nil`: each as soon as it has its answer.
    private func measure(_ callers: Int, perSecond: Int?) async throws {
        let folder = try SidecarUnderTest.folder("publish")
        let key = try PrivateKey(SigningKey.generate(), keyID: "bench")
        try Data(KeyTool.privateDocument(key)).write(to: URL(filePath: folder + "/key"))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder + "/key")
        var options = LocalCloud.Options()
        let document = ArraySlice(KeyTool.publicDocument([key], as: .pqk))
        options.keySet = { document }
        try await LocalCloud.serving(options) { cloud in
            try cloud.createQueue("in")
            try cloud.createQueue("dead")
            let sidecar = try await SidecarUnderTest.start(in: folder, cloud, settings(cloud, folder))
            defer { sidecar.stop() }
            _ = try await publish(200, callers, perSecond, folder + "/api.sock")
            let start = ContinuousClock.now
            let times = try await publish(count, callers, perSecond, folder + "/api.sock").sorted()
            report(callers, times, ContinuousClock.now - start)
        }
    }

    private func settings(_ cloud: LocalCloud, _ folder: String) -> String {
        """
        queues:
          - {name: in, url: "\(cloud.queueURL("in"))", dead-letter: "\(cloud.queueURL("dead"))", handlers: [counting]}
        handlers: [{id: counting, plugin: \(SidecarUnderTest.products)/libfixture-counting.so}]
        sandbox: available
        signing: {key: \(folder)/key, kid: bench}
        bus: {name: default}
        api:
          socket: \(folder)/api.sock
          admin-socket: \(folder)/admin.sock
          rate: 100000
          peers:
            - name: bench
              users: [\(geteuid())]
              roles: [publish]
              publish: [{source: test.out, detail-types: ["*"]}]
        """
    }

    /// - Returns: how long each took, in milliseconds.
    private func publish(
        _ count: Int, _ callers: Int, _ perSecond: Int?, _ socket: String
    ) async throws -> [Double] {
        let client = HTTPClient(connections: callers)
        defer { client.shutdown() }
        let filler = String(repeating: "x", count: 560)
        let start = ContinuousClock.now
        return try await withThrowingTaskGroup(of: [Double].self) { group in
            for caller in 0..<callers {
                group.addTask {
                    var times: [Double] = []
                    for n in stride(from: caller, to: count, by: callers) {
                        if let perSecond {
                            try await Task.sleep(until: start + .seconds(1) * n / perSecond, clock: .continuous)
                        }
                        let body = """
                            {"source":"test.out","detailType":"Done.v1","resource":"urn:\(n % 100)",\
                            "detailCore":{"filler":"\(filler)","n":\(n)}}
                            """
                        let request = HTTPRequest(
                            method: "POST", url: "http://localhost/v1/events",
                            headers: [HTTPHeader("Content-Type", "application/json")], body: Bytes(body),
                            unixSocket: socket)
                        let start = ContinuousClock.now
                        let response = try await client.send(request)
                        times.append((ContinuousClock.now - start) / .milliseconds(1))
                        guard response.status == 202 else {
                            throw Failure(.publishRefused, socket, String(decoding: response.body, as: UTF8.self))
                        }
                    }
                    return times
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func report(_ callers: Int, _ times: [Double], _ took: Duration) {
        func quantile(_ share: Double) -> String {
            String(format: "%10.2f", times[min(Int(Double(times.count) * share), times.count - 1)])
        }
        let rate = String(format: "%10.0f", Double(times.count) / (took / .seconds(1)))
        print("  " + pad("\(callers)", 6) + [0.5, 0.99, 0.999].map(quantile).joined() + " " + rate)
    }
}
