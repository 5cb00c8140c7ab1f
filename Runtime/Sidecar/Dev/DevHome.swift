import Cryptography
import Events
import Foundation
import LocalCloud
import Settings
import Signatures

/// The folder of `outrigger dev`: keys, configuration, store and log, made anew at each start.
struct DevHome: Sendable {
    struct Keys: Sendable {
        /// Signs the sample events; its public half is in the key set.
        let publisher: PrivateKey
        /// The sidecar's own, for what handlers publish.
        let sidecar: PrivateKey
        /// Claims to be the publisher, and is not.
        let forger: PrivateKey
    }

    static let bus = "qsl-events"
    /// The queues, and the events that the bus sends to each.
    static let queues: [(handler: String, pattern: String)] = [
        ("treasury", #"{"source":["qsl.payments","qsl.workflows"]}"#),
        ("compliance", #"{"source":["qsl.payments"],"detail-type":["Payment.Initiated.v1"]}"#),
        (
            "notification",
            #"{"detail-type":["Payment.Settled.v1","Compliance.Blocked.v1","Token.Confirmed.v1"]}"#
        ),
        ("token", #"{"source":["qsl.tokens"],"detail-type":[{"prefix":"Token."}]}"#),
    ]

    let keys: Keys
    private let folder: String

    init(_ folder: String) throws {
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        self.folder = URL(filePath: folder).path
        keys = Keys(
            publisher: try PrivateKey(SigningKey.generate(), keyID: "publisher-1"),
            sidecar: try PrivateKey(SigningKey.generate(), keyID: "sidecar-1"),
            forger: try PrivateKey(SigningKey.generate(), keyID: "publisher-1"))
    }

    func path(_ name: String) -> String { folder + "/" + name }

    /// Credentials that LocalCloud does not look at.
    var environment: [String: String] {
        [
            "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "eu-central-1",
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "",
        ]
    }

    func cloudOptions() -> LocalCloud.Options {
        var options = LocalCloud.Options()
        let document = ArraySlice(KeyTool.publicDocument([keys.publisher, keys.sidecar], as: .pqk))
        options.keySet = { document }
        return options
    }

    /// Queues, rules, key files and the configuration; returns what the sidecar runs with.
    func setUp(_ cloud: LocalCloud) throws -> Configuration {
        for (name, pattern) in Self.queues {
            try cloud.createQueue("\(name)-dlq", ["MessageRetentionPeriod": "1209600"])
            try cloud.createQueue(name, ["MessageRetentionPeriod": "345600"])
            try cloud.putRule(name, bus: Self.bus, pattern: pattern, queue: name)
        }
        try cloud.createQueue(Story.queue)
        try cloud.putRule(Story.queue, bus: Self.bus, pattern: Story.pattern, queue: Story.queue)
        try write(KeyTool.privateDocument(keys.sidecar), to: "sidecar.key")
        try write(KeyTool.privateDocument(keys.publisher), to: "publisher.key")
        try write(KeyTool.publicDocument([keys.publisher, keys.sidecar], as: .pqk), to: "keys.json")
        try write(Array(DevConfiguration.yaml(home: self, cloud: cloud).utf8), to: "outrigger.yaml")
        let (configuration, problems) = Configuration.load(path: path("outrigger.yaml"), environment: [:])
        guard let configuration else {
            throw Failure(
                .settingsInvalid, path("outrigger.yaml"), problems.map(\.description).joined(separator: "\n"))
        }
        return configuration
    }

    private func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(filePath: path(name)))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path(name))
    }

    func whatNext(_ cloud: LocalCloud, admin port: Int) -> String {
        """

        Everything is still running. In another terminal:
          curl http://127.0.0.1:\(port)/readyz
          curl http://127.0.0.1:\(port)/metrics
          tail -f \(path("outrigger.log"))
          cat \(path("outrigger.yaml"))
          aws --endpoint-url \(cloud.endpoint) --region eu-central-1 sqs receive-message \\
              --message-attribute-names All --queue-url \(cloud.queueURL("treasury-dlq"))
        Any AWS credentials will do. Ctrl-C ends it.
        """
    }
}
