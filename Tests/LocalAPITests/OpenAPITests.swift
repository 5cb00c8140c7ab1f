import Events
import Foundation
import HTTP
import Pipeline
import Support
import Synchronization
import Testing
import Yams

@testable import LocalAPI

/// The description, held against the server.
@Suite struct OpenAPITests {
    private static func operations() throws -> [String: [String: Any]] {
        let document = try Yams.load(yaml: OpenAPI.document) as? [String: Any]
        let paths = document?["paths"] as? [String: [String: Any]] ?? [:]
        var operations: [String: [String: Any]] = [:]
        for (path, methods) in paths {
            for (method, operation) in methods where method != "parameters" {
                operations["\(method.uppercased()) \(path)"] = operation as? [String: Any]
            }
        }
        return operations
    }

    private var routes: Routes {
        let events = EventRoutes(
            journal: EmptyJournal(), publishing: nil, standing: { _ in [] }, keep: { .hours(24) }, clock: Epoch())
        return LocalAPI.routes(ScriptedOperations(), events, ScriptedOffice(), ScriptedReplays())
    }

    @Test func theFileInConfigIsTheDocumentThatIsServed() throws {
        #expect(try Snapshot.difference(of: OpenAPI.document, from: "config/openapi.yaml") == nil)
    }

    @Test func everyRouteIsDescribedAndNothingElse() throws {
        #expect(try Self.operations().keys.sorted() == routes.list)
    }

    @Test func itIsValidByTheSpecification() async throws {
        let script = """
            import sys, yaml
            from openapi_spec_validator import validate
            validate(yaml.safe_load(open(sys.argv[1])))
            """
        let path = Fixtures.repository + "/config/openapi.yaml"
        let result = try await shell("python3 -c '\(script)' '\(path)'")
        #expect(result.status == 0, "\(result.output)")
    }

    /// One request of each kind that ends in each way, against what is said of its path.
    @Test func everyAnswerHasADescribedStatus() async throws {
        // Those of operators, which the bench serves: the statuses of each, and the types that are described in place.
        let operations = try Self.operations().filter { !$0.key.contains("/v1/ev") && !$0.key.contains("/v1/ex") }
            .mapValues { operation in
                (operation["responses"] as? [String: [String: Any]] ?? [:]).mapValues { response in
                    (response["content"] as? [String: Any])?.keys.sorted() ?? []
                }
            }
        let bench = SocketBench()
        bench.operations.next.withLock { $0 = .refused(Failure(.pluginPin, "b.so", "another"), []) }
        try await bench.serving { _ in
            for (name, described) in operations {
                let words = name.split(separator: " ").map(String.init)
                let answer = try await bench.ask(words[0], words[1])
                let types = described["\(answer.status)"]
                #expect(types != nil, "\(name) answers \(answer.status)")
                guard let types, !types.isEmpty else { continue }
                let type = answer.headers["Content-Type"]?.split(separator: ";").first.map(String.init) ?? ""
                #expect(types.contains(type), "\(name) answers \(type)")
            }
        }
    }
}

private struct Epoch: WallClock {
    var now: Instant { Instant(unixSeconds: 0) }
}

private struct EmptyJournal: JournalReader {
    func rows(_ query: JournalQuery) async throws(Failure) -> [JournalRow] { [] }
    func newest() async throws(Failure) -> Int64 { 0 }
    func growth() -> AsyncStream<Void> { AsyncStream { $0.finish() } }
    func accounts(of event: String) async throws(Failure) -> [LedgerAccount] { [] }
}
