import Cryptography
import Events
import Foundation
import JSON
import LocalCloud
import Signatures
import Support
import Testing

/// A house of one queue: keys, folders and the sidecar's configuration, against any cloud.
struct House {
    let folder: TemporaryFolder
    let publisher: PrivateKey
    let sidecarKey: PrivateKey
    let admin = TestServer.freePort()
    private let signedAt = ISO8601DateFormatter().string(from: Date())

    init() throws {
        folder = try TemporaryFolder()
        publisher = try PrivateKey(SigningKey.generate(), keyID: "publisher")
        sidecarKey = try PrivateKey(SigningKey.generate(), keyID: "sidecar")
        try Data(KeyTool.privateDocument(sidecarKey)).write(to: URL(filePath: folder.file("sidecar.key")))
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: folder.file("sidecar.key"))
    }

    var keySet: [UInt8] { KeyTool.publicDocument([publisher, sidecarKey], as: .pqk) }

    /// An event's detail, signed and bound to its envelope.
    func detail(
        _ core: String, id: String, type: String = "Test.Done.v1", key: PrivateKey? = nil, at now: Instant = .now
    ) throws -> String {
        let header = TokenHeader(
            algorithm: .dilithium2, keyID: "", signedAt: now, source: "test.in", detailType: type, resource: "", id: id)
        let bytes = try KeyTool.signedDetail(
            core: Bytes(core), header: header, with: key ?? publisher, form: .dilithium2(.mldsa44))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The same for the bus, put together here: a debug build of ours is too slow for thousands.
    func entry(
        _ core: String, id: String, source: String = "test.in", type: String = "Test.Done.v1", key: PrivateKey? = nil
    ) throws -> BusModel.Entry {
        let header = """
            {"alg":"Dilithium2","kid":"publisher","ts":"\(signedAt)","hash":"SHA-256","typ":"QSL-JWS-PQC",\
            "src":"\(source)","dt":"\(type)","res":"","jti":"\(id)"}
            """
        let input = Self.base64(Data(header.utf8)) + "." + Self.base64(Data(core.utf8))
        let signature = try (key ?? publisher).key.sign(Array(input.utf8), as: .mldsa44)
        let detail = """
            {"version":"v1","trace":{"correlationId":"c-\(id)"},"resource":"","detailCore":\(core),\
            "sig_compact":"\(input).\(Self.base64(Data(signature)))"}
            """
        return BusModel.Entry(source: source, detailType: type, detail: detail)
    }

    private static func base64(_ data: Data) -> String {
        data.base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }

    func write(
        endpoint: String, queue: String, deadLetters: String, keys: String, bus: String = "default",
        handler: String = "deadline: 5s", store: String? = nil, durability: String = "durable", signing: String? = nil,
        stop: String = "10s", more: String = ""
    ) throws -> String {
        let signing = signing ?? "{key: \(folder.file("sidecar.key")), kid: sidecar}"
        let yaml = """
            aws: {endpoint: "\(endpoint)", region: us-east-1}
            queues:
              - {name: main, url: "\(queue)", dead-letter: "\(deadLetters)", handlers: [counting], poll-wait: 1s}
            key-sets:
              - {name: test, url: "\(keys)", sources: ["test.*"]}
            signing: \(signing)
            bus: {name: \(bus)}
            store: {path: \(store ?? folder.file("outrigger.db")), durability: \(durability), low-water: 1MiB}
            state-directory: \(folder.file("state"))
            sandbox: available
            worker: \(Fixtures.products)/outrigger-worker
            admin: {listen: "127.0.0.1:\(admin)"}
            stop: {deadline: \(stop)}
            handlers:
              - id: counting
                plugin: \(Fixtures.products)/libfixture-counting.so
                publish: [{source: test.out, detail-types: [Counted.v1]}]
                \(handler)
            \(more)
            """
        let path = folder.file("outrigger.yaml")
        try yaml.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    func start(
        _ configuration: String, environment: [String: String] = [:], launcher: [String] = []
    ) throws -> SidecarProcess {
        try SidecarProcess(
            configuration: configuration, admin: admin, log: folder.file("log"), environment: environment,
            launcher: launcher)
    }
}

extension House {
    /// The numbers that a question to a SQLite file has for an answer.
    func ask(_ database: String, _ question: String) throws -> [Int] {
        let program = "import sqlite3,sys; print(*sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone())"
        let (status, output) = try Shell.run("python3 -c '\(program)' '\(database)' \"\(question)\" 2>&1")
        try #require(status == 0, "\(output)")
        return output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    }
}

extension Instant {
    static var now: Instant { Instant(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
}

extension House {
    /// A local cloud with this house's keys, a queue `main`, its dead letters, and a queue behind the bus that gets
    /// what the handler publishes.
    static func inLocalCloud(
        visibility: Int = 30, signing: Bool = false,
        _ body: @Sendable @escaping (House, LocalCloud) async throws -> Void
    ) async throws {
        let house = try House()
        var options = LocalCloud.Options()
        let document = ArraySlice(house.keySet)
        options.keySet = { document }
        if signing {
            options.sign = { [key = house.sidecarKey] body in
                SigningEndpoint.answer(body, with: key, form: .dilithium2(.mldsa44), at: .now)
            }
        }
        try await LocalCloud.serving(options) { cloud in
            try cloud.createQueue("main", ["VisibilityTimeout": "\(visibility)"])
            try cloud.createQueue("main-dlq")
            try cloud.createQueue("published")
            try cloud.putRule("in", pattern: #"{"source":["test.in"]}"#, queue: "main")
            try cloud.putRule("out", pattern: #"{"source":["test.out"]}"#, queue: "published")
            try await body(house, cloud)
        }
    }

    func write(
        _ cloud: LocalCloud, handler: String = "deadline: 5s", store: String? = nil, durability: String = "durable",
        signing: String? = nil, stop: String = "10s", more: String = ""
    ) throws -> String {
        try write(
            endpoint: cloud.endpoint, queue: cloud.queueURL("main"), deadLetters: cloud.queueURL("main-dlq"),
            keys: cloud.endpoint + "/keys/jwks-pqc", handler: handler, store: store, durability: durability,
            signing: signing, stop: stop, more: more)
    }

    /// Details of events that count in a key of their own and publish one event each.
    func payments(_ numbers: Range<Int>) throws -> [String] {
        try numbers.map { try entry("{\"do\":\"spread\",\"n\":\($0)}", id: "payment-\($0)").detail ?? "" }
    }

    func put(_ details: [String], type: String = "Test.Done.v1", to cloud: LocalCloud) throws {
        try put(details.map { BusModel.Entry(source: "test.in", detailType: type, detail: $0) }, to: cloud)
    }

    func put(_ entries: [BusModel.Entry], to cloud: LocalCloud) throws {
        for start in stride(from: 0, to: entries.count, by: 10) {
            try cloud.putEvents(Array(entries[start..<min(start + 10, entries.count)]))
        }
    }
}

extension LocalCloud {
    func isEmpty(_ queue: String) -> Bool {
        guard let queue = statistics.queue(queue) else { return false }
        return queue.depth + queue.inFlight + queue.delayed == 0
    }

    /// The signed ids that a consumer behind the bus sees; repeats fall together.
    var publishedIDs: Set<String> {
        Set(
            peek("published").compactMap { peeked in
                guard let envelope = try? JSONValue.parse(peeked.message.body.text),
                    let token = envelope["detail"]?["sig_compact"]?.string
                else { return nil }
                return (try? CompactToken(parsing: Bytes(token)))?.header.id
            })
    }

    /// The failure codes in a dead-letter queue, with the ids of the events.
    func letters(_ queue: String) -> [(code: String, text: String)] {
        peek(queue).map { peeked in
            for attribute in peeked.message.attributes where attribute.name == "outrigger-failure" {
                if case .string(let text) = attribute.value, let start = text.range(of: #""code":""#) {
                    return (String(text[start.upperBound...].prefix { $0 != "\"" }), text)
                }
            }
            return ("", "")
        }
    }
}
