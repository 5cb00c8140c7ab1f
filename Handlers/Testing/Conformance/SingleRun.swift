public import Events
import JSON
public import Pipeline
public import Plugins

/// One event, run once: everything that the handler did and said, and nothing of it applied.
public struct SingleRun: Sendable {
    public let handler: HandlerID
    public let event: SampleEvent
    public let outcome: Outcome
    /// What a person is told of the outcome where the handler broke a rule.
    public let breaches: [String]
    /// Keys that were read, with what was there.
    public let reads: [(key: Bytes, value: Bytes?)]
    public let lines: [HandlerLine]
    public let samples: [HandlerSample]
    public let output: [String]
    public let denied: [RoutePattern]
    /// None was made: every service is away here.
    public let calls: [ServiceCall]

    /// - Parameters:
    ///   - only: the handler; `nil` for the first that takes the event.
    ///   - state: what the handler's state holds.
    /// - Throws: why the plugin does not load, is not created, or has no handler for the event.
    public init(
        _ setting: BenchSetting, only: HandlerID?, file: (name: String, content: [UInt8]), state: [String: Bytes]
    ) async throws(Failure) {
        _ = try LibraryFile(reading: setting.plugin)
        let (plugin, _) = try await Bench.describe(setting)
        let (handler, event) = try Self.choose(only, file, of: plugin, setting.plugin)
        let bench = try Bench(setting, handler: handler.id)
        for (key, value) in state { bench.state.set(Bytes(key), value) }
        do throws(Failure) {
            try await bench.start(setting.configuration ?? Bytes("{}"))
            outcome = try await bench.run(event)
        } catch {
            await bench.stop()
            throw error
        }
        await bench.stop()
        let found = Breach(of: outcome, isLate: bench.journal.isLate)
        self.handler = handler.id
        self.event = event
        breaches = ([found].compactMap { $0 } + Breach.all(in: bench.journal)).map { "\($0.rule.text) \($0.what)" }
        reads = bench.state.asked.map { key in (key, bench.state.value(key)?.value) }
        lines = bench.journal.lines
        samples = bench.journal.samples
        output = bench.journal.output
        denied = bench.journal.denied
        calls = bench.services.calls
    }

    public var isDone: Bool { if case .done = outcome { true } else { false } }

    private static func choose(
        _ only: HandlerID?, _ file: (name: String, content: [UInt8]), of plugin: PluginDescription, _ path: String
    ) throws(Failure) -> (PluginDescription.Handler, SampleEvent) {
        let candidates = plugin.handlers.filter { only == nil || $0.id == only }
        guard let first = candidates.first else {
            let names = plugin.handlers.map(\.id.text).joined(separator: ", ")
            throw Failure(.pluginMismatch, path, "no handler \(only?.text ?? "") in it, but \(names)")
        }
        for handler in candidates {
            guard let event = try? SampleEvent(parsing: file.content, name: file.name, for: handler) else { continue }
            if handler.routes.contains(where: { $0.takes(event) }) { return (handler, event) }
        }
        let event = try SampleEvent(parsing: file.content, name: file.name, for: first)
        let routes = candidates.flatMap(\.routes).map(\.description).joined(separator: ", ")
        throw Failure(
            .routeNone, file.name, "no handler takes \(event.source) \(event.detailType); its routes are \(routes)")
    }
}
