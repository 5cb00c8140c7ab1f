public import Events
import JSON
import Plugins

/// Gives a handler events that nobody would send, the same ones for the same seed.
public struct Fuzz: Sendable {
    public struct Report: Sendable {
        /// Events that were run.
        public let events: Int
        public let seed: UInt64
        public let handler: HandlerID
        /// The first event that did harm, cut down; `nil` if none did.
        public let finding: Finding?
    }
    public struct Finding: Sendable {
        public let rule: Rule
        public let what: String
        /// Its number, from 0, and all that it takes to make it again.
        public let number: Int
        public let event: SampleEvent
        /// False if it takes the events before it, too.
        public let isAlone: Bool
    }

    private let setting: BenchSetting
    private let only: HandlerID?
    private let files: [(name: String, content: [UInt8])]
    private let seed: UInt64

    /// - Parameter files: events to start from; without any, they are made from routes, schema and keys.
    public init(
        _ setting: BenchSetting, only: HandlerID? = nil, files: [(name: String, content: [UInt8])] = [], seed: UInt64
    ) {
        self.setting = setting
        self.only = only
        self.files = files
        self.seed = seed
    }

    /// Ends with the first finding, after so many events, or when the time is over.
    /// - Throws: why the plugin does not load, or is not created.
    public func run(for duration: Duration, events most: Int = .max) async throws(Failure) -> Report {
        let end = ContinuousClock.now + duration
        let (plugin, _) = try await Bench.describe(setting)
        guard let handler = plugin.handlers.first(where: { only == nil || $0.id == only }) else {
            let names = plugin.handlers.map(\.id.text).joined(separator: ", ")
            throw Failure(.pluginMismatch, setting.plugin, "no handler \(only?.text ?? "") in it, but \(names)")
        }
        let samples = try samples(for: handler)
        let search = Search(setting, handler.id, setting.configuration ?? Bytes("{}"))
        let bench = try await search.begin()
        var number = 0
        do throws(Failure) {
            while number < most, ContinuousClock.now < end {
                let batch = (number..<min(number + 10, most)).map { event($0, from: samples) }
                if let found = try await search.harm(of: batch, in: bench) {
                    await bench.stop()
                    let smallest = try await search.smallest(found, tries: 60)
                    let place = batch.firstIndex { $0.id == found.event.id } ?? 0
                    let finding = Finding(
                        rule: smallest.breach.rule, what: smallest.breach.what, number: number + place,
                        event: smallest.event, isAlone: smallest.isAlone)
                    return Report(events: number + batch.count, seed: seed, handler: handler.id, finding: finding)
                }
                number += batch.count
            }
        } catch {
            await bench.stop()
            throw error
        }
        await bench.stop()
        return Report(events: number, seed: seed, handler: handler.id, finding: nil)
    }

    /// Each event depends on the seed and its number alone.
    private func event(_ number: Int, from samples: [SampleEvent]) -> SampleEvent {
        var event = samples[number % samples.count]
        var mutation = Mutation(seed: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
        let detail = (try? JSONValue.parse(event.detail)) ?? .object([])
        event.id = "fuzz-\(number)"
        event.detail = SampleEvent.bytes(mutation.changed(detail))
        return event
    }

    private func samples(for handler: PluginDescription.Handler) throws(Failure) -> [SampleEvent] {
        var samples: [SampleEvent] = []
        for (index, file) in files.enumerated() {
            samples.append(try SampleEvent(parsing: file.content, name: file.name, for: handler, number: index + 1))
        }
        if !samples.isEmpty { return samples }
        return handler.routes.enumerated().map { SampleEvent(for: $1, of: handler, number: $0 + 1) }
    }
}
