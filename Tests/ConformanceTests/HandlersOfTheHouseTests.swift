import Conformance
import Events
import Foundation
import JSON
import Plugins
import Support
import Testing
import Yams

/// Every handler and example of the repository keeps every rule.
@Suite struct HandlersOfTheHouseTests {
    private func expectEveryRule(
        _ setting: BenchSetting, events: [(name: String, content: [UInt8])], _ location: SourceLocation
    ) async throws {
        let report = try await Check(setting, files: events, repeats: 100).run()
        for verdict in report.failures {
            Issue.record("\(verdict.rule.name): \(verdict.detail)", sourceLocation: location)
        }
        let passed = report.verdicts.count { $0.result == .pass }
        #expect(passed >= Rule.all.count - 8, sourceLocation: location)
    }

    @Test(arguments: ["treasury", "compliance", "notification", "token"])
    func aHandlerOfTheHouseKeepsEveryRule(_ name: String) async throws {
        var setting = Library.setting("lib\(name).so")
        setting.configuration = try Library.sample(name)
        let plugin = try await Inspection(setting).plugin
        let events = try Library.events().filter { event in
            plugin.handlers[0].routes.contains { "\($0.detailType).json" == event.name }
        }
        try await expectEveryRule(setting, events: events, #_sourceLocation)
    }

    @Test(arguments: [("hello-c", nil), ("hello-swift", #"{"greeting":"Good morning"}"#)])
    func anExampleKeepsEveryRule(_ name: String, _ config: String?) async throws {
        var setting = Library.setting("lib\(name).so")
        setting.configuration = config.map { Bytes($0) }
        try await expectEveryRule(setting, events: [], #_sourceLocation)
    }

    @Test func theExampleInCKeepsEveryRuleInline() async throws {
        var setting = Library.setting("libhello-c.so")
        setting.isolation = .inline
        try await expectEveryRule(setting, events: [], #_sourceLocation)
    }

    private static let common = "-shared -fPIC -fvisibility=hidden -I Handlers/ABI/include "
        + "-Wl,--version-script=Handlers/exports.map"

    @Test(arguments: [
        "c++ -std=c++17 \(common) -static-libstdc++ -static-libgcc examples/4-hello-cpp/hello.cpp",
        "rustc --edition 2021 --crate-type cdylib -C panic=abort examples/5-hello-rust/hello.rs",
        "cc -std=c11 \(common) examples/8-business-key/orders.c",
        "cc -std=c11 \(common) -DVERSION='\"1.0.0\"' examples/9-reload-while-running/greeter.c",
    ]) func anExampleInAnotherLanguageKeepsEveryRule(_ command: String) async throws {
        let tool = String(command.prefix { $0 != " " })
        guard try Shell.run("command -v \(tool)").status == 0 else { return }
        let folder = try TemporaryFolder()
        let path = folder.file("example.so")
        let build = try Shell.run("cd \(Fixtures.repository) && \(command) -o \(path)")
        try #require(build.status == 0, "\(build.output)")
        var setting = Library.setting("")
        setting.plugin = path
        try await expectEveryRule(setting, events: [], #_sourceLocation)
    }
}

/// Where the libraries are, and what they are tried with.
enum Library {
    static func setting(_ name: String) -> BenchSetting {
        var setting = BenchSetting(
            worker: Fixtures.products + "/outrigger-worker", plugin: "\(Fixtures.products)/\(name)")
        setting.grace = .milliseconds(300)
        return setting
    }

    static func events() throws -> [(name: String, content: [UInt8])] {
        let folder = Fixtures.repository + "/examples/1-quickstart/events"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
            (name, [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))))
        }
    }

    /// A handler's configuration as its sample has it.
    static func sample(_ name: String) throws -> Bytes {
        let text = try String(contentsOfFile: "\(Fixtures.repository)/config/samples/\(name).yaml", encoding: .utf8)
        let node = try #require(try Yams.compose(yaml: text)?["handlers"]?[0]?["config"])
        return json(node).serialised()[...]
    }

    private static func json(_ node: Node) -> JSONValue {
        switch node {
        case .mapping(let members): .object(members.map { JSONMember($0.key.string ?? "", json($0.value)) })
        case .sequence(let elements): .array(elements.map(json))
        case .scalar(let scalar):
            switch (scalar.style, Int64(scalar.string), scalar.string) {
            case (.plain, let number?, _): .integer(number)
            case (.plain, _, "true"): .bool(true)
            case (.plain, _, "false"): .bool(false)
            default: .string(scalar.string)
            }
        default: .null
        }
    }
}
