import Cryptography
@_spi(Verification) import Events
import Foundation
import Pipeline
import Store

/// A store with a million rows in its journal, filled by the way that events take: what a commit of ten costs there,
/// and how long a timeline and a search take, alone and beside a writer that never rests.
struct JournalBenchmark {
    let count: Int
    private static let perCorrelation = 20
    private let folder = FileManager.default.temporaryDirectory.appending(path: "outrigger-benchmark-journal").path

    func run() async throws {
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/outrigger.db"
        print("\njournal: \(count) rows, \(Self.perCorrelation) of a correlation, a durable store")
        var store = try SQLiteStore.open(StoreOptions(path: path, durability: .ephemeral))
        let start = ContinuousClock.now
        for first in stride(from: 0, to: count, by: 256) {
            try await write(first..<min(first + 256, count), to: store)
        }
        let took = ContinuousClock.now - start
        print("  filled by claim and commit in \(took.milliseconds / 1000) s, synchronous off")
        await store.close()
        let opening = ContinuousClock.now
        store = try SQLiteStore.open(StoreOptions(path: path, durability: .durable))
        print("  opened again, checked whole, in \((ContinuousClock.now - opening).milliseconds) ms")
        let statistics = try await store.statistics()
        print("  \(statistics.bytes / 1_048_576) MiB in all: ledger and journal of \(statistics.journal) rows each")
        try await commits(store)
        try await questions(store, "alone")
        try await beside(store)
        let walk = ContinuousClock.now
        await store.close()
        let report = try JournalCheck(path: path).run()
        let seconds = (ContinuousClock.now - walk).milliseconds
        print("  verify: \(report.rows) rows, \(report.findings.count) findings, in \(seconds) ms")
    }

    // MARK: - writing

    private func event(_ number: Int) -> Event {
        let payload = Hash.sha256(Array("\(number)".utf8))
        let correlation = number / Self.perCorrelation
        return Event(
            id: EventID(issuer: "sigsvc-2025-09", text: "0195c7e2-\(payload.hexadecimal.prefix(28))"), tokenDigest: nil,
            payloadDigest: payload, source: number % 5 == 0 ? "qsl.token" : "qsl.treasury",
            detailType: "Payment.Settled.v1", resource: "urn:qsl:treasury:payment:\(number % 50_000)",
            detail: Bytes("{\"n\":\(number)}"), keyID: "sigsvc-2025-09", signedAt: time(number), isBound: true,
            trace: Event.Trace(
                correlationID: "corr-\(Hash.sha256(Array("c\(correlation)".utf8)).hexadecimal.prefix(32))",
                userID: "user-\(number % 5_000)", tenantID: "tenant-1"))
    }

    private func time(_ number: Int) -> Instant {
        Instant(unixSeconds: 1_790_000_000) + .milliseconds(Int64(number) * 100)
    }

    private func write(_ numbers: Range<Int>, to store: SQLiteStore) async throws {
        let now = time(numbers.upperBound)
        let requests = numbers.map { number in
            ClaimRequest(
                consumer: QueueName("payments"), messageID: MessageID("m-\(number)"), event: event(number),
                handler: HandlerID("treasury"), businessKey: nil, sentAt: now,
                rules: AgeRules(maximumAge: .hours(25), window: .days(5)), lease: .seconds(30))
        }
        let claims = try await store.claim(requests, at: now)
        let commitments = claims.compactMap { claim -> Commitment? in
            guard case .granted(let lease, let history) = claim else { return nil }
            return Commitment(
                lease: lease, verdict: .done(.none), history: history, keepUntil: now + .days(5), generation: 1,
                run: RunRecord(deliveries: 1, waited: .milliseconds(2), took: .milliseconds(3)))
        }
        _ = try await store.commit(commitments, at: now)
    }

    private func commits(_ store: SQLiteStore) async throws {
        var times: [Duration] = []
        for batch in 0..<1_000 {
            let first = count + batch * 10
            let start = ContinuousClock.now
            try await write(first..<first + 10, to: store)
            times.append(ContinuousClock.now - start)
        }
        print("  " + line("claim and commit of ten", times))
    }

    // MARK: - reading

    private func questions(_ store: SQLiteStore, _ how: String) async throws {
        var random = SystemRandomNumberGenerator()
        func query(_ change: (inout JournalQuery) -> Void) -> JournalQuery {
            var query = JournalQuery()
            change(&query)
            return query
        }
        func some() -> Event { event(Int.random(in: 0..<count, using: &random)) }
        let kinds: [(String, Int, () -> JournalQuery)] = [
            ("timeline", 2_000, { query { $0.correlationID = some().trace.correlationID } }),
            ("by event", 2_000, { query { $0.event = some().id.text } }),
            ("by resource", 1_000, { query { $0.resource = some().resource } }),
            ("by user, a hundred", 500, { query { $0.userID = some().trace.userID } }),
            (
                "an hour's tokens", 200,
                {
                    let since = time(Int.random(in: 0..<count, using: &random))
                    return query {
                        $0.source = "qsl.token"
                        $0.since = since
                        $0.until = since + .hours(1)
                    }
                }
            ),
            ("one that looks at all", 3, { query { $0.outcome = .dead } }),
        ]
        for (name, times, make) in kinds {
            var taken: [Duration] = []
            var rows = 0
            for _ in 0..<times {
                let query = make()
                let start = ContinuousClock.now
                rows += try await store.rows(query).count
                taken.append(ContinuousClock.now - start)
            }
            print("  " + line("\(name), \(how)", taken) + ", \(rows / times) rows")
        }
    }

    private func beside(_ store: SQLiteStore) async throws {
        let writer = Task {
            var (written, next) = (0, count + 20_000)
            while !Task.isCancelled {
                try await write(next..<next + 10, to: store)
                (written, next) = (written + 10, next + 10)
            }
            return written
        }
        let start = ContinuousClock.now
        try await questions(store, "beside a writer")
        writer.cancel()
        let seconds = Double((ContinuousClock.now - start).milliseconds) / 1000
        print(String(format: "  which wrote %.0f events a second meanwhile", Double(try await writer.value) / seconds))
    }

    private func line(_ name: String, _ times: [Duration]) -> String {
        let sorted = times.sorted()
        func at(_ share: Double) -> Double {
            let index = min(sorted.count - 1, Int(Double(sorted.count) * share))
            return Double(sorted[index].components.attoseconds) / 1e15 + Double(sorted[index].components.seconds) * 1000
        }
        let padded = name.padding(toLength: 38, withPad: " ", startingAt: 0)
        return padded + String(format: "p50 %.2f ms, p99 %.2f ms", at(0.5), at(0.99))
    }
}
