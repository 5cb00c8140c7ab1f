import Events
import Pipeline
import Testing

@testable import Store

/// What an event published is found by the event, in the file's index and in memory.
@Suite struct JournalPublisherTests {
    /// One event in a hundred publishes, each time under a correlation of its own.
    private func entry(_ index: Int) -> JournalEntry {
        let isPublication = index % 100 == 50
        var entry = JournalEntry(
            time: Bench.start + .seconds(Int64(index)), kind: isPublication ? .publication : .event,
            direction: isPublication ? .outgoing : .incoming, outcome: isPublication ? .accepted : .duplicate)
        entry.event = "e-\(index)"
        entry.correlationID = "c-\(index)"
        // Of a duplicate it is what was done, and nothing that was published.
        entry.parent = "p-\(index / 200)"
        return entry
    }

    @Test func publicationsAreFoundByTheEventThatPublishedThemWhateverTheirCorrelation() async throws {
        let bench = try Bench()
        let base = 2 * JournalKey.block - 1 - 6_000
        try await bench.begin(behind: base)
        for first in stride(from: 0, to: 9_000, by: 500) {
            _ = try await bench.store.core.enqueue(.record((first..<first + 500).map(entry)))
        }
        for _ in 0..<200 { _ = try await bench.store.core.enqueue(.touch) }
        let indexed = try #require(Int(try await bench.rows("SELECT count(*) FROM journal_keys")[0][0]))
        #expect(indexed > 0)
        for round in 0..<2 {
            for parent in [0, 3, 29, 30, 44] {
                var query = JournalQuery()
                query.parent = "p-\(parent)"
                let events = try await bench.store.rows(query).map(\.entry.event)
                #expect(events == ["e-\(parent * 200 + 50)", "e-\(parent * 200 + 150)"], "\(parent), \(round)")
            }
            var query = JournalQuery()
            (query.parent, query.correlationID) = ("p-3", "c-650")
            #expect(try await bench.store.rows(query).map(\.entry.event) == ["e-650"])
            query.parent = "p-45"
            #expect(try await bench.store.rows(query).isEmpty)
            if round == 0 { try await bench.reopen() }
        }
    }
}
