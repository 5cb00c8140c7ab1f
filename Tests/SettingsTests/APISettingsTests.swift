// The sockets, and who may do what on them.
import Events
import Foundation
import JSON
import Settings
import Support
import Testing

struct APISettingsTests {
    private static let api = """
        api:
          socket: /run/outrigger/api.sock
          admin-socket: /run/outrigger/admin.sock
          mode: "0600"
          group: 2000
          peers:
            - name: orders
              users: [1000]
              groups: [2000]
              roles: [publish, read]
              publish:
                - source: com.example.orders
                  detail-types: [Order.*.v1]
              sources: [com.example.*]
              tenants: [acme]
            - {name: operators, groups: [3000], roles: [operate]}

        """

    /// The base with this section.
    private func load(_ api: String = api) -> (Configuration?, [Problem]) { Base.load(Base.yaml + api) }

    private func replacing(_ old: String, _ new: String) -> [Problem] {
        load(Self.api.replacing(old, with: new)).1.filter { $0.severity != .note }
    }

    @Test func everySettingIsRead() throws {
        let (configuration, problems) = load()
        #expect(problems.filter { $0.severity != .note } == [])
        let api = try #require(configuration?.api)
        #expect(api.mode.bits == 0o600)
        #expect(api.group == 2000)
        #expect(api.peers.map(\.name) == ["orders", "operators"])
        #expect(api.peers[0].publish[0].detailTypes == ["Order.*.v1"])
        #expect(api.peers[0].roles == [.publish, .read])
        #expect(api.rate == 1_000 && api.body == 1_048_576 && api.streams == 32 && api.idempotency == .hours(24))
    }

    @Test func withoutTheSectionThereIsNoSocket() {
        #expect(Base.load(Base.yaml).0?.api == nil)
    }

    @Test func withoutPeersItIsSaidWhoMayDoWhat() {
        let (configuration, problems) = load("api:\n  rate: 5\n")
        #expect(configuration?.api?.peers == [])
        #expect(problems.contains { $0.path == "api.peers" && $0.severity == .note })
    }

    @Test(arguments: [
        ("\"0600\"", "\"0680\"", "api.mode"), ("\"0600\"", "\"10660\"", "api.mode"), ("\"0600\"", "rw", "api.mode"),
        ("group: 2000", "group: nobody", "api.group"), ("group: 2000", "group: 65534", "api.group"),
        ("users: [1000]", "users: [65534]", "api.peers[orders].users[0]"),
        ("users: [1000]", "users: [4294967295]", "api.peers[orders].users[0]"),
        ("users: [1000]", "users: [-1]", "api.peers[orders].users[0]"),
        ("users: [1000]", "users: [alice]", "api.peers[orders].users[0]"),
        ("[publish, read]", "[]", "api.peers[orders].roles"),
        ("[publish, read]", "[publish, write]", "api.peers[orders].roles[1]"),
        ("[publish, read]", "[read]", "api.peers[orders].publish"),
        ("Order.*.v1", "Order*", "api.peers[orders].publish[0].detail-types[0]"),
        ("groups: [3000], ", "", "api.peers[operators].users"),
        ("name: operators", "name: orders", "api.peers[orders].name"),
        ("admin.sock", "api.sock", "api.admin-socket"),
        ("admin.sock", String(repeating: "a", count: 90), "api.admin-socket"),
    ])
    func whatCannotWorkIsRefusedWhereItStands(old: String, new: String, path: String) {
        let problems = replacing(old, new)
        #expect(problems.contains { $0.path == path && $0.severity == .error }, "\(problems)")
    }

    @Test func publishingNeedsAKeyAndABus() {
        let text = Base.replacing("bus:\n  name: default\n", "")
        let problems = Base.load(text + Self.api).1
        #expect(problems.contains { $0.path == "api.peers[orders].roles" && $0.why.contains("`bus`") })
    }

    @Test func aSocketForEverybodyAndAPublisherOfNothingAreWarnedOf() {
        #expect(replacing("\"0600\"", "\"0666\"").map(\.path) == ["api.mode"])
        let silent = "- {name: orders, users: [1], roles: [publish]}"
        let problems = load("api:\n  peers:\n    \(silent)\n").1
        #expect(problems.contains { $0.path == "api.peers[orders].publish" && $0.severity == .warning })
    }

    @Test func checkWarnsOfPeersThatAreTheSidecarItself() throws {
        let configuration = try #require(load().0)
        #expect(configuration.peerWarnings(user: 1, file: "f").isEmpty)
        let warnings = configuration.peerWarnings(user: 1000, file: "f")
        #expect(warnings.map(\.path) == ["api.peers[orders].users"])
        #expect(warnings.first?.severity == .warning)
    }

    // MARK: - reload

    @Test func peersChangeByReloadAndSocketsByRestart() throws {
        let running = try #require(load().0)
        var new = try #require(
            load(Self.api.replacing("users: [1000]", with: "users: [1001]").replacing("api.sock", with: "b.sock")).0)
        #expect(new.keep(running) == ["api.socket"])
        #expect(new.api?.socket == "/run/outrigger/api.sock")
        #expect(new.api?.peers.first?.users == [1001])
    }

    @Test func socketsComeAndGoByRestart() throws {
        let (with, without) = (try #require(load().0), try #require(Base.load(Base.yaml).0))
        var new = with
        #expect(new.keep(without) == ["api"])
        #expect(new.api == nil)
        new = without
        #expect(new.keep(with) == ["api"])
        #expect(new.api == with.api)
    }

    // MARK: - what others see of it

    @Test func theSectionIsFoundInAFileThatIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("outrigger.yaml")
        try (Base.replacing("hold: 1m", "hold: never") + Self.api)
            .write(toFile: path, atomically: true, encoding: .utf8)
        #expect(Configuration.load(path: path, environment: [:]).0 == nil)
        #expect(APISettings.find(in: path, environment: [:]).adminSocket == "/run/outrigger/admin.sock")
        let moved = APISettings.find(in: path, environment: ["OUTRIGGER_API_SOCKET": "/run/other.sock"])
        #expect(moved.socket == "/run/other.sock")
        #expect(APISettings.find(in: "/nowhere", environment: [:]) == APISettings())
    }

    @Test func whatIsDisclosedHasTheFilesShapeAndNoSecrets() throws {
        let text = Base.replacing(
            "currency: EUR", "currency: EUR\n      token: {value: s3cr3t, ports: [8080, true]}\n    environment:\n"
                + "      PASSWORD: hunter2")
        let configuration = try #require(Base.load(text + Self.api).0)
        let shown = configuration.disclosed
        #expect(shown["sandbox"]?.string == "required")
        #expect(shown["queues"]?[0]?["name"]?.string == "orders")
        #expect(shown["queues"]?[0]?["hold"]?.string == "1m")
        #expect(shown["handlers"]?[0]?["workers"]?.int == 1)
        #expect(shown["handlers"]?[0]?["require-binding"]?.bool == true)
        #expect(shown["handlers"]?[0]?["config"]?["token"]?["value"]?.string == "(hidden)")
        #expect(shown["handlers"]?[0]?["config"]?["token"]?["ports"]?.array?.count == 2)
        #expect(shown["handlers"]?[0]?["environment"]?["PASSWORD"]?.string == "(hidden)")
        #expect(shown["api"]?["peers"]?[0]?["users"]?[0]?.int == 1000)
        #expect(shown["api"]?["mode"]?.string == "0600")
        let all = String(decoding: shown.serialised(), as: UTF8.self)
        for secret in ["s3cr3t", "hunter2", "8080", "EUR"] { #expect(!all.contains(secret)) }
    }
}
