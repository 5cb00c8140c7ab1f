@_spi(Verification) import Events
import Foundation
import Pipeline
import Plugins
import Support
import Synchronization
import Testing

typealias Isolation = HandlerOptions.Isolation

/// Handler state in memory, as the store shows it.
final class MemoryState: HandlerState {
    private struct Content {
        var values: [Bytes: StateValue] = [:]
        var reads: [[Bytes]] = []
    }
    private let content = Mutex(Content())

    /// The keys of each read so far.
    var reads: [[String]] { content.withLock { $0.reads.map { $0.map(\.text) } } }

    func set(_ key: String, _ value: String, version: UInt64) {
        let key = Bytes(key)
        content.withLock { $0.values[key] = StateValue(key: key, value: Bytes(value), version: version) }
    }

    func read(_ keys: [Bytes], of handler: HandlerID, at now: Instant) async throws(Failure) -> [StateValue] {
        if keys.contains(Bytes("unavailable")) { throw Failure(.storeUnavailable) }
        return content.withLock { content in
            content.reads.append(keys)
            return keys.map { content.values[$0] ?? StateValue(key: $0, value: [], version: 0) }
        }
    }
}

struct FixedClock: WallClock {
    let now = Instant(unixSeconds: 1_700_000_000)
}

/// Remembers what happened to workers, and lets a test wait for it.
final class Recorder: WorkerObserver {
    private struct Content {
        var events: [(WorkerEvent, WorkerName)] = []
        var waiters: [(@Sendable (WorkerEvent) -> Bool, CheckedContinuation<WorkerName, Never>)] = []
        var trials: [TrialResult] = []
    }
    private let content = Mutex(Content())

    var records: [(WorkerEvent, WorkerName)] { content.withLock { $0.events } }
    var events: [WorkerEvent] { records.map(\.0) }
    var lines: [HandlerLine] { events.compactMap { if case .line(let line) = $0 { line } else { nil } } }
    var output: [String] { events.compactMap { if case .output(let line) = $0 { line } else { nil } } }
    var ends: [String] { events.compactMap { if case .ended(let cause, _) = $0 { cause } else { nil } } }
    var kills: [Failure] { events.compactMap { if case .killed(let failure) = $0 { failure } else { nil } } }

    /// How events went in second builds.
    var trials: [TrialResult] { content.withLock { $0.trials } }

    func note(_ event: TrialEvent, of handler: HandlerID) {
        if case .ran(_, let result) = event { content.withLock { $0.trials.append(result) } }
    }

    func note(_ event: WorkerEvent, of worker: WorkerName) {
        let ready = content.withLock { content in
            content.events.append((event, worker))
            defer { content.waiters.removeAll { $0.0(event) } }
            return content.waiters.filter { $0.0(event) }.map(\.1)
        }
        for waiter in ready { waiter.resume(returning: worker) }
    }

    /// The first event that is so, in the past or to come.
    @discardableResult
    func first(where isSo: @escaping @Sendable (WorkerEvent) -> Bool) async -> WorkerName {
        await withCheckedContinuation { continuation in
            let found = content.withLock { content in
                let found = content.events.first { isSo($0.0) }?.1
                if found == nil { content.waiters.append((isSo, continuation)) }
                return found
            }
            if let found { continuation.resume(returning: found) }
        }
    }
}

/// A plugin host with real workers, its state and its observer.
struct TestHost {
    let folder: TemporaryFolder
    let state = MemoryState()
    let recorder = Recorder()
    let host: PluginHost

    /// Another build of it, such as one with sanitizers: they reserve more memory than a worker may have.
    private static let otherWorker = ProcessInfo.processInfo.environment["OUTRIGGER_TEST_WORKER"]

    init(
        program: String = otherWorker ?? Fixtures.products + "/outrigger-worker",
        bounds: WorkerBounds = WorkerBounds(), services: any ServiceCaller = NoServices(), directory: String? = nil
    ) throws {
        folder = try TemporaryFolder()
        host = PluginHost(
            program: program, directory: directory ?? folder.path, state: state, services: services,
            clock: FixedClock(), bounds: bounds, observer: recorder)
    }

    static func plugin(_ name: String) -> String { "\(Fixtures.products)/libfixture-\(name).so" }

    static func options(_ handler: String, of plugin: String) -> HandlerOptions {
        var options = HandlerOptions(id: HandlerID(handler), plugin: Self.plugin(plugin))
        options.grace = .milliseconds(300)
        options.publish = [RoutePattern(source: "test.out", detailType: "Thing.Made.v1")]
        return options
    }

    /// Starts one handler, runs the test, and reaps every worker.
    static func with(
        _ handler: String, of plugin: String, in isolation: Isolation = .worker,
        bounds: WorkerBounds = WorkerBounds(), services: any ServiceCaller = NoServices(),
        _ change: (inout HandlerOptions) -> Void = { _ in }, _ body: (TestHost, HandlerProfile) async throws -> Void
    ) async throws {
        var options = options(handler, of: plugin)
        options.isolation = isolation
        change(&options)
        let test = try TestHost(bounds: bounds, services: services)
        let profiles = try await test.host.start(generation: 1, handlers: [options])
        try await body(test, profiles[0])
        await test.host.stop(within: .seconds(5))
    }

    /// Builds a generation of one handler, runs the test, and reaps every worker.
    static func generation(
        _ handler: String, of plugin: String, _ body: (HandlerGeneration) async throws -> Void
    ) async throws {
        let test = try TestHost()
        try await body(try await test.host.build(1, handlers: [options(handler, of: plugin)]))
        await test.host.stop(within: .seconds(5))
    }

    /// The failure of a start with one handler, `nil` if it succeeded.
    func refusal(_ options: HandlerOptions) async -> Failure? {
        do throws(Failure) {
            _ = try await host.start(generation: 2, handlers: [options])
            return nil
        } catch { return error }
    }

    func run(
        _ handler: String, _ details: [String], alone: Bool = false, generation: Int = 1, fence: Int = 100
    ) async throws -> [Outcome] {
        let assignments = details.enumerated().map { index, detail in
            Self.assignment("e-\(index)", detail, fence: UInt64(fence + index))
        }
        return try await host.run(
            Batch(
                handler: HandlerID(handler), assignments: assignments, isAlone: alone, generation: generation))
    }

    /// Runs one event whose payload is `{"do":"..."}`.
    func run(_ handler: String, do command: String, alone: Bool = false) async throws -> Outcome {
        try await run(handler, ["{\"do\":\"\(command)\"}"], alone: alone)[0]
    }

    /// Runs one event and compares its outcome.
    func expect(
        _ handler: String, do command: String, _ word: String, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let outcome = try await run(handler, do: command)
        #expect(outcome.word == word, sourceLocation: location)
    }

    static func assignment(_ id: String, _ detail: String, fence: UInt64) -> Assignment {
        Assignment(
            event: event(id, detail), lease: Lease(fence: fence), attempt: 2, deliveries: 3, group: "group-1",
            sentAt: Instant(unixMilliseconds: 5_000))
    }

    static func event(_ id: String, _ detail: String) -> Event {
        Event(
            id: EventID(issuer: "issuer", text: id), tokenDigest: nil,
            payloadDigest: Digest(high: (0, 0), low: (0, 0)), source: "test.in", detailType: "Thing.Asked.v1",
            resource: "urn:test:thing:1", detail: Bytes(detail), keyID: "key-1",
            signedAt: Instant(unixMilliseconds: 4_000), isBound: true,
            trace: .init(correlationID: "corr-1", userID: "user-1", parent: "00-trace-parent-01"))
    }
}

extension Outcome {
    /// A word for each kind, with what tells one from another.
    var word: String {
        switch self {
        case .done: "done"
        case .retry(let after, let reason): "retry \(after?.milliseconds ?? 0) \(reason.code)"
        case .reject(let reason): "reject \(reason.code)"
        case .wait(let after, let reason): "wait \(after?.milliseconds ?? 0) \(reason.code)"
        case .unanswered: "unanswered"
        case .suspect: "suspect"
        case .struck(let failure): "struck \(failure.code.rawValue)"
        }
    }
    var effects: Effects? { if case .done(let effects) = self { effects } else { nil } }
}

extension PluginHost {
    /// Builds a generation and lets it serve, as a sidecar does that has one queue.
    @discardableResult
    func start(generation: Int, handlers: [HandlerOptions]) async throws(Failure) -> [HandlerProfile] {
        let built = try await build(generation, handlers: handlers)
        await retire(before: generation, within: .seconds(30))
        return built.profiles
    }
}
