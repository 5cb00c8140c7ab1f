import Events
import Foundation
import JSON
import LocalCloud
import Signatures
import Support

/// The configuration of a sidecar in a storm: payments for the ledger service of the examples, and events for a plugin
/// that counts them and publishes.
struct ChaosSettings {
    static let queues = ["payments", "counting"]

    let house: House
    /// Of the cloud.
    let endpoint: String
    /// The section `store`.
    let store: String
    let admin: Int
    /// Which of several sidecars it is.
    var number = 0

    private var yaml: String {
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
            store: \(store)
            state-directory: \(house.folder.file("state-\(number)"))
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
                business-key: [/paymentId]
                retry: {attempts: 100, base: 200ms, cap: 1s}
              - id: counting
                plugin: \(Fixtures.products)/libfixture-counting.so
                workers: 2
                deadline: 2s
                publish: [{source: test.out, detail-types: [Counted.v1]}]
                retry: {attempts: 100, base: 200ms, cap: 1s}
            """
    }

    func write(to path: String) throws { try yaml.write(toFile: path, atomically: true, encoding: .utf8) }

    static func startLedger(_ house: House) throws -> ChildProcess {
        try ChildProcess([
            Fixtures.products + "/ledger-service", "--socket", house.folder.file("ledger.sock"), "--database",
            house.folder.file("ledger.db"),
        ])
    }
}

extension House {
    /// A payment for the ledger, which refuses one of nothing.
    func payment(
        _ number: Int, isPoison: Bool, id: String? = nil, key: PrivateKey? = nil
    ) throws -> BusModel.Entry {
        let amount = isPoison ? "0" : "\(number + 1).50"
        let core = """
            {"account":"main","amount":"\(amount)","currency":"EUR","direction":"debit","paymentId":"P-\(number)"}
            """
        return try entry(
            core, id: id ?? "payment-\(number)", source: "qsl.payments", type: "Payment.Settled.v1", key: key)
    }

    /// An event for the plugin.
    func count(_ number: Int, isPoison: Bool, key: PrivateKey? = nil) throws -> BusModel.Entry {
        let act = isPoison ? "reject" : "spread"
        return try entry("{\"do\":\"\(act)\",\"n\":\(number)}", id: "count-\(number)", key: key)
    }
}

extension LocalCloud {
    /// The queues of a storm with their dead letters, and one behind the bus that gets what the plugin publishes.
    func createStormQueues() throws {
        try createQueue("published")
        try putRule("out", pattern: #"{"source":["test.out"]}"#, queue: "published")
        for (queue, source) in zip(ChaosSettings.queues, ["qsl.payments", "test.in"]) {
            try createQueue(queue, ["VisibilityTimeout": "6"])
            try createQueue(queue + "-dlq")
            try putRule(queue, pattern: "{\"source\":[\"\(source)\"]}", queue: queue)
        }
    }

    /// What a queue holds: visible, in flight or delayed.
    func backlog(_ name: String) -> Int { statistics.queue(name).map { $0.depth + $0.inFlight + $0.delayed } ?? 0 }

    /// The numbers of the events in a dead-letter queue, by code.
    func numberedLetters(_ queue: String) -> [String: Set<Int>] {
        zip(peek(queue + "-dlq"), letters(queue + "-dlq")).reduce(into: [:]) { letters, next in
            letters[next.1.code, default: []].insert(Self.number(next.0.message.body.text) ?? -1)
        }
    }

    private static func number(_ body: Bytes) -> Int? {
        guard let core = (try? JSONValue.parse(body))?["detail"]?["detailCore"] else { return nil }
        if let number = core["n"]?.int { return Int(number) }
        return core["paymentId"]?.string.flatMap { Int($0.dropFirst(2)) }
    }
}
