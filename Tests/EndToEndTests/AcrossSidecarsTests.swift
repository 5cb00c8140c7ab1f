import Foundation
import JSON
import LocalCloud
import Support
import Testing

/// Two sidecars of one store, of which one only handles: the other answers for what it did.
@Suite(.serialized, .timeLimit(.minutes(5))) struct AcrossSidecarsTests {
    /// A stream of one correlation at a sidecar's socket, as a service reads it.
    private struct Reader {
        private let output: String
        private let curl: ChildProcess

        init(_ shared: StoreHouse, at number: Int, behind last: String? = nil) throws {
            output = shared.house.folder.file("stream-\(UUID().uuidString)")
            let place = last.map { ["-H", "Last-Event-ID: \($0)"] } ?? []
            curl = try ChildProcess(
                ["curl", "-sS", "-N", "-o", output, "--unix-socket", shared.service(number)] + place
                    + ["http://localhost/v1/events/stream?correlationId=order-7"])
        }

        func end() { curl.kill() }
        var text: String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }
        var isOpen: Bool { text.contains("retry:") }

        /// The rows that came, with their numbers.
        var rows: [(id: String, row: JSONValue)] {
            text.components(separatedBy: "\n\n").compactMap { block in
                let lines = block.split(separator: "\n")
                guard let id = lines.first(where: { $0.hasPrefix("id: ") })?.dropFirst(4),
                    let data = lines.first(where: { $0.hasPrefix("data: ") })?.dropFirst(6),
                    let row = try? JSONValue.parse(String(data))
                else { return nil }
                return (String(id), row)
            }
        }
        var outcomes: [String] { rows.compactMap { $0.row["outcome"]?.string } }
        /// Whose rows those of an outcome are.
        func boots(_ outcome: String) -> Set<Int64?> {
            Set(rows.filter { $0.row["outcome"]?.string == outcome }.map { $0.row["boot"]?.int })
        }
    }

    @Test func whoPublishesAtOneIsToldThereWhatTheOtherDid() async throws {
        let server = try PostgreSQLServer.shared()
        try await House.inLocalCloud { house, cloud in
            try cloud.createQueue("idle")
            let shared = StoreHouse(house, cloud, StoreHouse.postgreSQL(server))
            // The first one's queue has nothing in it: what it tells it knows from the second.
            try shared.write(0, queue: "idle")
            try shared.write(1)
            let (first, second) = (try shared.start(0), try shared.start(1))
            #expect(await first.isReady(), "\(first.lines.suffix(2000))")
            #expect(await second.isReady(), "\(second.lines.suffix(2000))")
            let reader = try Reader(shared, at: 0)
            defer { reader.end() }
            #expect(await eventually { reader.isOpen })

            let ask = "OUTRIGGER_SOCKET=\(shared.service(0)) \(Fixtures.products)/outrigger"
            let payload = #"{"do":"spread","n":7}"#
            let words = "publish --source test.in --detail-type Test.Done.v1 --correlation-id order-7 --json -"
            let published = try await offPool { try Shell.run("echo '\(payload)' | \(ask) \(words)") }
            let event = try JSONValue.parse(published.output)["events"]?[0]?["id"]?.string
            let id = try #require(event, "\(published.output)")
            // Taken, sent, handled, and what the handler published, sent: without a question in between.
            let isTold = await eventually {
                reader.outcomes.count { $0 == "sent" } == 2 && reader.outcomes.contains("done")
            }
            #expect(isTold, "\(reader.text)\n\(second.lines.suffix(2000))")
            let rows = reader.rows
            #expect(reader.boots("done").isDisjoint(with: reader.boots("accepted")), "\(rows)")
            #expect(await first.metric("outrigger_handled_total") == 0)
            #expect(await second.metric("outrigger_handled_total") == 1)

            // A reader that comes to the other one goes on where it was: the numbers are those of both.
            let start = try #require(rows.first?.id)
            let again = try Reader(shared, at: 1, behind: start)
            defer { again.end() }
            #expect(await eventually { again.rows.map(\.id) == rows.dropFirst().map(\.id) }, "\(again.text)")

            let explained = try await shared.outrigger("explain \(id) --socket \(shared.socket(0))")
            #expect(explained.output.contains("handler counting: It is done."), "\(explained.output)")
            let timeline = try await shared.outrigger("events order-7 --json --socket \(shared.socket(0))").output
            let told = try timeline.split(separator: "\n").map { try JSONValue.parse(String($0))["outcome"]?.string }
            #expect(told == rows.map { $0.row["outcome"]?.string }, "\(timeline)")
            #expect(first.stop() == 0)
            #expect(second.stop() == 0)
        }
    }
}
