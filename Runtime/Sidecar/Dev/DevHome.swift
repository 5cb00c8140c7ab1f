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
    private static let queues: [(handler: String, pattern: String)] = [
        ("treasury", #"{"source":["qsl.payments","qsl.workflows"]}"#),
        (
            "compliance",
            #"{"detail-type":["Payment.Initiated.v1","Payment.Settled.v1","Payment.Failed.v1","Payment.Released.v1","#
                + #""User.Registered.v1","User.Updated.v1"]}"#
        ),
        (
            "notification",
            #"{"detail-type":["Payment.Settled.v1","Compliance.Blocked.v1","Token.Confirmed.v1"]}"#
        ),
        ("token", #"{"source":["qsl.tokens"],"detail-type":[{"prefix":"Token."}]}"#),
    ]
    private static let ledgerQueue = (handler: LedgerProcess.name, pattern: #"{"source":["qsl.payments"]}"#)

    let keys: Keys
    /// Schemas of what is published over the socket; `nil` where the folder is not there.
    let schemas: String?
    /// Whether there is a service next door; without one, handlers have stand-ins.
    let hasService: Bool
    private let folder: String

    /// The queues, and the events that the bus sends to each.
    var queues: [(handler: String, pattern: String)] { Self.queues + (hasService ? [Self.ledgerQueue] : []) }

    init(_ folder: String, schemas: String, hasService: Bool) throws {
        self.hasService = hasService
        self.schemas = FileManager.default.fileExists(atPath: schemas) ? URL(filePath: schemas).path : nil
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

    /// The socket for the service, and the one for operators.
    var socket: String { path("outrigger.sock") }
    var adminSocket: String { path("outrigger-admin.sock") }

    /// A file to be written from its beginning.
    func emptyFile(_ name: String) throws -> URL {
        try write([], to: name)
        return URL(filePath: path(name))
    }

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
        for (name, pattern) in queues {
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

    /// - Parameter event: one that the story has published
    func whatNext(_ cloud: LocalCloud, admin port: Int, event: String) -> String {
        let service = hasService
            ? """
              What the service next door made of it, and of all others:
                curl -s --unix-socket \(path("ledger.sock")) http://ledger/ledger/TRY-1
                curl -s --unix-socket \(path("ledger.sock")) http://ledger/ledger
              """
            : """
              There is no service next door: notifications go nowhere, and networks are simulated.
                swift build --product ledger-service
              """
        return """

        Everything is still running. In another terminal, with curl alone, as the service next door does:

        Publish a payment; follow what becomes of it; its timeline; and what became of one event of the story:
          S=\(socket)
          curl -s --unix-socket $S http://outrigger/v1/events -H 'Content-Type: application/json' -d '
            {"source": "qsl.payments", "detailType": "Payment.Initiated.v1", "resource": "urn:qsl:payments:TRY-1",
             "trace": {"correlationId": "TRY-1"}, "detailCore": {"paymentId": "TRY-1", "userId": "U-1",
             "account": "main", "direction": "debit", "amount": "12.50", "currency": "EUR",
             "payer": {"name": "Ann Lee"}, "payee": {"name": "Bo Chen"}}}'; echo
          curl -sN --unix-socket $S 'http://outrigger/v1/events/stream?correlationId=TRY-1&lastEventId=0'
          curl -s --unix-socket $S http://outrigger/v1/events/TRY-1; echo
          curl -s --unix-socket $S -H 'Accept: text/plain' http://outrigger/v1/explain/\(event)

        The same, and more, by command:
          export OUTRIGGER_SOCKET=$S
          outrigger events TRY-1
          outrigger explain \(event)
          outrigger status --socket \(adminSocket)

        \(service)

        Metrics, log, configuration, dead letters:
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
