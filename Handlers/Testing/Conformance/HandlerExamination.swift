import Events
import Glibc
import JSON
import Pipeline
import Plugins

/// The rules of one handler, tried one after the other, each group in a worker of its own.
struct HandlerExamination {
    private(set) var board: Board
    private(set) var published: Set<RoutePattern> = []
    /// The services that it asked.
    private(set) var called: Set<String> = []
    private let setting: BenchSetting
    private let handler: PluginDescription.Handler
    private let samples: [SampleEvent]
    private let repeats: Int

    private struct Stopped: Error {}

    init(_ setting: BenchSetting, _ handler: PluginDescription.Handler, samples: [SampleEvent], repeats: Int) {
        board = Board(rules: Rule.ofHandler, handler: handler.id)
        self.setting = setting
        self.handler = handler
        self.samples = samples
        self.repeats = repeats
    }

    mutating func run() async {
        judgeDescription()
        guard let configuration = await judgeCreate() else { return }
        do {
            try await judgeOrdinary(configuration)
            try await judgeOver(configuration)
            try await judgeHostile(configuration)
            try await judgeGrowth(configuration)
        } catch {
            board.blocked = "not reached: an ordinary event breaks a rule above"
        }
    }

    // MARK: - what it says of itself

    private mutating func judgeDescription() {
        let twice = Dictionary(grouping: handler.routes) { $0 }.first { $1.count > 1 }?.key
        if let twice { board.fail(.conflicts, "\(twice)") } else { board.pass(.conflicts) }
        if handler.configurationSchema.isEmpty { board.skip(.schema, "it has none") } else {
            do throws(JSONSchema.Problem) {
                _ = try JSONSchema(parsing: handler.configurationSchema)
                board.pass(.schema)
            } catch { board.fail(.schema, "\(error)") }
        }
        if handler.businessKey.isEmpty { board.skip(.businessKey, "it has none") } else { board.pass(.businessKey) }
        for text in handler.businessKey where (try? JSONPointer(parsing: text)) == nil {
            board.fail(.businessKey, "no JSON Pointer: \(text)")
        }
        if handler.stateKeys.isEmpty { board.skip(.stateKeys, "it has none") } else { board.pass(.stateKeys) }
    }

    // MARK: - create

    private enum Creation {
        case made
        case refused(Failure)
        case died(Failure)
    }

    private func create(_ configuration: Bytes, workers: Int = 1) async -> Creation {
        do throws(Failure) {
            let bench = try Bench(setting, handler: handler.id)
            do throws(Failure) { try await bench.start(configuration, workers: workers) } catch {
                await bench.stop()
                throw error
            }
            await bench.stop()
            return .made
        } catch {
            switch error.code {
            case .pluginRefused, .pluginNotReady, .pluginConfigInvalid:
                return error.cause.hasPrefix("not loaded and created") ? .died(error) : .refused(error)
            default: return .died(error)
            }
        }
    }

    /// The configuration that its events are tried with.
    private mutating func judgeCreate() async -> Bytes? {
        let empty = Bytes("{}")
        var ready: Bytes?
        switch await create(empty) {
        case .made:
            board.pass(.createEmpty, "it makes an instance")
            ready = empty
        case .refused(let failure) where failure.cause.isEmpty: board.fail(.createEmpty, "refused without a reason")
        case .refused(let failure): board.pass(.createEmpty, "it says \(failure.cause)")
        case .died(let failure):
            let rule = failure.code == .pluginMismatch ? Check.rule(of: failure) : .createEmpty
            board.fail(rule, failure.cause)
        }
        if let given = setting.configuration {
            ready = nil
            switch await create(given) {
            case .made:
                board.pass(.createGiven)
                ready = given
            case .refused(let failure), .died(let failure): board.fail(.createGiven, failure.cause)
            }
        } else {
            board.skip(.createGiven, "no configuration was given")
        }
        await judgeBroken(setting.configuration ?? empty)
        guard let ready else {
            if board[.createGiven] != .fail, board[.createEmpty] == .pass {
                board.blocked = "not tried: it needs a configuration, which --config gives"
            }
            return nil
        }
        switch await create(ready, workers: 2) {
        case .made: board.pass(.instances)
        case .refused(let failure), .died(let failure): board.fail(.instances, failure.cause)
        }
        return ready
    }

    private mutating func judgeBroken(_ configuration: Bytes) async {
        let value = (try? JSONValue.parse(configuration)) ?? .object([])
        var broken = Mutation.neighbours(of: value, atMost: 4)
        broken.append(.object([JSONMember("unknown", .string("member")), JSONMember("deep", Mutation.nested(40))]))
        broken.append(.object([JSONMember("long", .string(String(repeating: "x", count: 100_000)))]))
        for detail in broken {
            guard case .died(let failure) = await create(SampleEvent.bytes(detail)) else { continue }
            if failure.code == .pluginMismatch { return board.skip(.createBroken, "it cannot be created") }
            return board.fail(.createBroken, "\(Self.excerpt(SampleEvent.bytes(detail))): \(failure.cause)")
        }
        board.pass(.createBroken, "\(broken.count) tried")
    }

    // MARK: - ordinary events

    private static let perEvent: [Rule] = [
        .survives, .answers, .deadline, .resultBounds, .borrowed, .channel, .reasons, .publishes, .calls, .limits, .log,
        .metrics, .silent,
    ]

    private mutating func judgeOrdinary(_ configuration: Bytes) async throws {
        let bench = try Bench(setting, handler: handler.id)
        do {
            try await bench.start(configuration)
            for sample in samples { try await judge(sample, in: bench) }
            try await judgeBatch(in: bench)
            try await judgeRepetition(in: bench)
        } catch {
            await bench.stop()
            judgeJournal(bench.journal, isWhole: false)
            throw error
        }
        await bench.stop()
        judgeJournal(bench.journal, isWhole: true)
        for rule in Self.perEvent where board[rule] == nil { board.pass(rule) }
    }

    /// - Throws: if nothing more can be tried.
    private mutating func judge(_ sample: SampleEvent, in bench: Bench) async throws {
        let before = bench.services.calls.count
        let outcome = try await bench.run(sample)
        if case .done(let effects) = outcome { note(effects) }
        judge(outcome, of: sample, calling: bench.services.calls.dropFirst(before).map(\.service))
        guard let breach = Breach(of: outcome, isLate: bench.journal.isLate) else { return }
        board.fail(breach.rule, "\(sample.detailType) \(Self.excerpt(sample.detail)): \(breach.what)")
        if breach.rule != .reasons && breach.rule != .publishes && breach.rule != .answers { throw Stopped() }
    }

    /// What is not needed for the event need not wait: an author who meant it so is told, no more.
    private mutating func judge(_ outcome: Outcome, of sample: SampleEvent, calling services: [String]) {
        called.formUnion(services)
        guard let service = services.first else { return }
        if case .wait = outcome { return }
        board.note(.calls, "\(sample.detailType): \(service) was away, and the answer was no wait")
    }

    private mutating func note(_ effects: Effects) {
        for draft in effects.drafts {
            published.insert(RoutePattern(source: draft.source, detailType: draft.detailType))
        }
    }

    private mutating func judgeBatch(in bench: Bench) async throws {
        let most = max(handler.maximumBatch, 1)
        guard most > 1, let sample = samples.first else { return board.skip(.batches, "max_batch is 1") }
        let events = (1...min(most * 2, 10)).map { number in
            var event = sample
            event.id = "batch-\(number)"
            return event
        }
        let outcomes = try await bench.run(events)
        for (index, outcome) in outcomes.enumerated() {
            guard let breach = Breach(of: outcome, isLate: false), breach.rule != .reasons else { continue }
            if board[.answers] == .fail, breach.rule == .answers { continue }
            return board.fail(.batches, "event \(index + 1) of \(events.count), \(most) a call: \(breach.what)")
        }
        board.pass(.batches, "\(events.count) events in calls of \(most)")
    }

    private mutating func judgeRepetition(in bench: Bench) async throws {
        guard let sample = samples.first else { return }
        let first = try await bench.run(sample)
        let second = try await bench.run(sample)
        if Self.summary(first) == Self.summary(second) { board.pass(.deterministic) } else {
            board.note(.deterministic, "\(sample.detailType), run twice on the same state, did two things")
        }
    }

    private static func summary(_ outcome: Outcome) -> String {
        guard case .done(let effects) = outcome else { return "\(outcome)" }
        return "\(effects.writes) \(effects.drafts) \(effects.timers)"
    }

    private mutating func judgeJournal(_ journal: BenchJournal, isWhole: Bool) {
        for breach in Breach.all(in: journal) { board.fail(breach.rule, breach.what) }
        if let line = journal.output.first { board.note(.silent, "it printed \"\(line.prefix(80))\"") }
        guard isWhole else { return }
        let end = journal.end ?? "it never ended"
        if !journal.kills.isEmpty { board.fail(.destroys, "it did not return, and the worker was killed") }
        if end == "stopped" { board.pass(.destroys) } else { board.fail(.destroys, end) }
    }

    // MARK: - events that are over, odd details, many events

    private mutating func judgeOver(_ configuration: Bytes) async throws {
        guard let sample = samples.first else { return }
        var setting = self.setting
        setting.deadline = .zero
        setting.grace = max(setting.grace, .seconds(1))
        let bench = try Bench(setting, handler: handler.id)
        do {
            try await bench.start(configuration)
            let outcome = try await bench.run(sample)
            await bench.stop()
            if case .struck(let failure) = outcome { board.fail(.over, failure.cause) } else { board.pass(.over) }
        } catch {
            await bench.stop()
            throw error
        }
    }

    private mutating func judgeHostile(_ configuration: Bytes) async throws {
        guard let sample = samples.first else { return }
        let ordinary = (try? JSONValue.parse(sample.detail)) ?? .object([])
        let details = Mutation.values + Mutation.neighbours(of: ordinary, atMost: 60)
        let events = details.enumerated().map { index, detail in
            var event = sample
            event.id = "odd-\(index)"
            event.detail = SampleEvent.bytes(detail)
            return event
        }
        let search = Search(setting, handler.id, configuration)
        if let finding = try await search.first(among: events) {
            board.fail(.hostile, "\(Self.excerpt(finding.event.detail)): \(finding.breach.what)")
        } else {
            board.pass(.hostile, "\(events.count) tried")
        }
    }

    private mutating func judgeGrowth(_ configuration: Bytes) async throws {
        guard let sample = samples.first, repeats > 0 else { return board.skip(.growth, "not asked for") }
        let bench = try Bench(setting, handler: handler.id)
        do {
            try await bench.start(configuration)
            let warm = max(repeats / 5, 10)
            try await run(sample, times: warm, in: bench)
            let before = Self.memory(of: bench.journal.processes)
            try await run(sample, times: repeats, in: bench)
            let after = Self.memory(of: bench.journal.processes)
            await bench.stop()
            guard let before, let after else { return board.skip(.growth, "its memory cannot be read") }
            let text = "\(before / 1024) kB before, \(after / 1024) kB after \(repeats) events"
            let isLarger = after > before + max(before / 4, 2_097_152)
            if isLarger { board.note(.growth, text) } else { board.pass(.growth, text) }
        } catch {
            await bench.stop()
            throw error
        }
    }

    private func run(_ sample: SampleEvent, times: Int, in bench: Bench) async throws(Failure) {
        for first in stride(from: 0, to: times, by: 10) {
            let events = (first..<min(first + 10, times)).map { number in
                var event = sample
                event.id = "many-\(number)"
                return event
            }
            _ = try await bench.run(events)
        }
    }

    /// Resident bytes of these processes (proc(5), statm), `nil` if none can be read.
    private static func memory(of processes: Set<Int32>) -> Int? {
        let sizes = processes.compactMap { process -> Int? in
            guard let file = fopen("/proc/\(process)/statm", "r") else { return nil }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 128)
            guard fgets(&line, 128, file) != nil else { return nil }
            let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                .split(separator: " ")
            return words.count > 1 ? Int(words[1]).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) } : nil
        }
        return sizes.isEmpty ? nil : sizes.reduce(0, +)
    }

    static func excerpt(_ detail: Bytes) -> String {
        detail.count <= 160 ? detail.text : detail.prefix(150).text + "... (\(detail.count) bytes)"
    }
}
