import Events
import Foundation
import Pipeline
import Support
import Testing

@testable import Store

/// A process that dies at any instruction, SIGKILL included, keeps what was answered and nothing else.
@Suite struct CrashTests {
    private static let variable = "OUTRIGGER_CRASHING_STORE"

    /// What the child does: commits without end, and says so on its standard output when each is answered.
    @Test(.enabled(if: ProcessInfo.processInfo.environment[CrashTests.variable] != nil))
    func crashingChild() async throws {
        let path = try #require(ProcessInfo.processInfo.environment[Self.variable])
        let store = try SQLiteStore.open(StoreOptions(path: path, durability: .durable))
        let bench = try Bench()
        for index in 0..<1_000_000 {
            let lease = try #require(
                try await store.claim([bench.request(bench.event("e-\(index)"))], at: bench.now)[0].lease)
            let seen = try await store.read([Bytes("n")], of: bench.handler, at: bench.now)[0]
            let next = Bytes("\((Int(seen.value.text) ?? 0) + 1)")
            let effects = Effects(
                writes: [StateWrite(key: Bytes("n"), value: next, expected: seen.version)],
                drafts: [bench.draft("r", detail: String(repeating: "x", count: 5_000))])
            _ = try await store.commit([bench.commitment(lease, .done(effects))], at: bench.now)
            try FileHandle.standardOutput.write(contentsOf: Data("committed \(index)\n".utf8))
        }
    }

    @Test func whatAKilledProcessWasAnsweredIsThereOnceAndWhole() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("store.sqlite")
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path
        let child = try ChildProcess(
            [program, "--testing-library", "swift-testing", "--filter", "crashingChild"],
            environment: ProcessInfo.processInfo.environment.merging([Self.variable: path]) { $1 }, output: .pipe)
        let output = try #require(child.output)
        var said = ""
        while answers(said) < 50 {
            guard case .bytes(let bytes) = output.read(within: .seconds(60)) else { break }
            said += String(decoding: bytes, as: UTF8.self)
        }
        try #require(answers(said) >= 50, "the child ended by itself: \(said)")
        child.kill()
        while case .bytes(let bytes) = output.read(within: .seconds(60)) {
            said += String(decoding: bytes, as: UTF8.self)
        }
        try #require(child.end() == .signal(SIGKILL))
        try await check(path, answers: answers(said))
    }

    private func answers(_ said: String) -> Int {
        said.split(separator: "\n").filter { $0.hasPrefix("committed") }.count
    }

    /// Ledger, state, outbox and journal agree, and hold all that was answered: at most the last one more.
    private func check(_ path: String, answers: Int) async throws {
        let bench = try Bench()
        let store = try SQLiteStore.open(StoreOptions(path: path, durability: .durable))
        let statistics = try await store.statistics()
        let value = try await store.read([Bytes("n")], of: bench.handler, at: bench.now)[0].value.text
        #expect(statistics.ledger == statistics.journal)
        #expect(statistics.ledger == statistics.outbox)
        #expect(value == "\(statistics.ledger)")
        #expect(statistics.ledger == answers || statistics.ledger == answers + 1)
        for index in 0..<answers {
            let claim = try await store.claim([bench.request(bench.event("e-\(index)"))], at: bench.now)[0]
            #expect(claim.word == "done")
        }
        await store.close()
    }
}
