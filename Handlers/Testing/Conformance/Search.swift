import Events
import JSON
import Pipeline

/// Looks among many events for one that harms, and cuts it down to what harms in it.
struct Search: Sendable {
    struct Finding: Sendable {
        var event: SampleEvent
        let breach: Breach
        /// False if it takes the events before it, too.
        let isAlone: Bool
    }

    private let setting: BenchSetting
    private let handler: HandlerID
    private let configuration: Bytes

    init(_ setting: BenchSetting, _ handler: HandlerID, _ configuration: Bytes) {
        self.setting = setting
        self.handler = handler
        self.configuration = configuration
    }

    /// A bench that has started. The caller stops it.
    func begin() async throws(Failure) -> Bench {
        let bench = try Bench(setting, handler: handler)
        do throws(Failure) { try await bench.start(configuration) } catch {
            await bench.stop()
            throw error
        }
        return bench
    }

    /// The first that harms, in batches of ten; `nil` if none does.
    func first(among events: [SampleEvent]) async throws(Failure) -> Finding? {
        let bench = try await begin()
        for start in stride(from: 0, to: events.count, by: 10) {
            let batch = Array(events[start..<min(start + 10, events.count)])
            guard let finding = try await harm(of: batch, in: bench) else { continue }
            await bench.stop()
            return finding
        }
        await bench.stop()
        return nil
    }

    /// Runs a batch; `nil` if it does no harm. What does is found by running each suspect in a worker of its own.
    func harm(of batch: [SampleEvent], in bench: Bench) async throws(Failure) -> Finding? {
        let breachesBefore = bench.journal.breaches.count
        let outcomes: [Outcome]
        do throws(Failure) { outcomes = try await bench.run(batch) } catch {
            return Finding(event: batch[0], breach: Breach(.survives, error.cause), isAlone: false)
        }
        var worst: Finding?
        for (event, outcome) in zip(batch, outcomes) {
            guard let breach = Self.serious(outcome) else { continue }
            if let alone = try await harm(of: event) { return Finding(event: event, breach: alone, isAlone: true) }
            worst = worst ?? Finding(event: event, breach: breach, isAlone: false)
        }
        if worst == nil, let said = bench.journal.breaches.dropFirst(breachesBefore).first {
            for event in batch {
                if let alone = try await harm(of: event) { return Finding(event: event, breach: alone, isAlone: true) }
            }
            return Finding(event: batch[0], breach: Breach(.limits, said), isAlone: false)
        }
        return worst
    }

    /// What one event does in a fresh worker, alone.
    func harm(of event: SampleEvent) async throws(Failure) -> Breach? {
        let bench = try await begin()
        let outcome: Outcome
        do throws(Failure) { outcome = try await bench.run(event) } catch {
            await bench.stop()
            return Breach(.survives, error.cause)
        }
        await bench.stop()
        if let breach = Self.serious(outcome) { return breach }
        return Breach.all(in: bench.journal).first { $0.rule == .limits }
    }

    /// An odd detail may be refused in any words, but in time and without harm.
    private static func serious(_ outcome: Outcome) -> Breach? {
        guard let breach = Breach(of: outcome, isLate: false) else { return nil }
        return breach.rule == .reasons ? nil : breach
    }

    /// The smallest detail found within so many tries that breaks the same rule.
    func smallest(_ finding: Finding, tries: Int) async throws(Failure) -> Finding {
        guard finding.isAlone else { return finding }
        var best = finding
        var left = tries
        var improved = true
        while improved, left > 0 {
            improved = false
            guard let value = try? JSONValue.parse(best.event.detail) else { return best }
            for simpler in Mutation.simpler(than: value) where left > 0 {
                var event = best.event
                event.detail = SampleEvent.bytes(simpler)
                guard event.detail.count < best.event.detail.count else { continue }
                left -= 1
                guard let breach = try await harm(of: event), breach.rule == finding.breach.rule else { continue }
                best = Finding(event: event, breach: breach, isAlone: true)
                improved = true
                break
            }
        }
        return best
    }
}
