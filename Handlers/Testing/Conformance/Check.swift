public import Events
import JSON
import Plugins

/// Tries every rule of `event_handler.h` on a plugin, out of process.
public struct Check: Sendable {
    private let setting: BenchSetting
    private let only: HandlerID?
    private let files: [(name: String, content: [UInt8])]
    private let repeats: Int

    /// - Parameters:
    ///   - only: the one handler to try; `nil` for all.
    ///   - files: events that the author gives, in a form that ``SampleEvent`` reads.
    ///   - repeats: how many events memory is watched over.
    public init(
        _ setting: BenchSetting, only: HandlerID? = nil, files: [(name: String, content: [UInt8])] = [],
        repeats: Int = 10_000
    ) {
        self.setting = setting
        self.only = only
        self.files = files
        self.repeats = repeats
    }

    /// - Throws: `plugin.unreadable` for a path that leads to no file, `settings.invalid` for an event file that is
    ///   none, `plugin.mismatch` for a handler that the plugin does not have. What is wrong with the plugin is a
    ///   verdict, not an error.
    public func run() async throws(Failure) -> ConformanceReport {
        do throws(Failure) { _ = try LibraryFile(reading: setting.plugin) } catch {
            if error.code == .pluginUnreadable { throw error }
        }
        var board = Board(rules: Rule.ofLibrary, handler: nil)
        guard let (plugin, sandbox) = await described(on: &board) else {
            return ConformanceReport(
                path: setting.plugin, plugin: nil, sandbox: nil, verdicts: board.verdicts, published: [],
                called: [])
        }
        var verdicts = board.verdicts
        var published: Set<RoutePattern> = []
        var called: Set<String> = []
        for handler in try wanted(of: plugin) {
            var examination = HandlerExamination(
                setting, handler, samples: try samples(for: handler, of: plugin), repeats: repeats)
            await examination.run()
            verdicts += examination.board.verdicts
            published.formUnion(examination.published)
            called.formUnion(examination.called)
        }
        return ConformanceReport(
            path: setting.plugin, plugin: plugin, sandbox: sandbox, verdicts: verdicts,
            published: published.sorted { $0.description < $1.description }, called: called.sorted())
    }

    private func wanted(of plugin: PluginDescription) throws(Failure) -> [PluginDescription.Handler] {
        guard let only else { return plugin.handlers }
        guard let handler = plugin.handlers.first(where: { $0.id == only }) else {
            let names = plugin.handlers.map(\.id.text).joined(separator: ", ")
            throw Failure(.pluginMismatch, setting.plugin, "no handler \(only) in it, but \(names)")
        }
        return [handler]
    }

    /// The given events that the handler takes, else one for each of its first routes.
    private func samples(
        for handler: PluginDescription.Handler, of plugin: PluginDescription
    ) throws(Failure) -> [SampleEvent] {
        var given: [SampleEvent] = []
        var refusal: Failure?
        for (index, file) in files.enumerated() {
            do throws(Failure) {
                let sample = try SampleEvent(parsing: file.content, name: file.name, for: handler, number: index + 1)
                if handler.routes.contains(where: { $0.takes(sample) }) { given.append(sample) }
            } catch { refusal = refusal ?? error }
        }
        if !given.isEmpty { return given }
        // Among several handlers an event may well be another's.
        if let refusal, plugin.handlers.count == 1 || only != nil { throw refusal }
        return handler.routes.prefix(8).enumerated().map { SampleEvent(for: $1, of: handler, number: $0 + 1) }
    }

    // MARK: - the library

    private func described(on board: inout Board) async -> (PluginDescription, SandboxReport)? {
        do throws(Failure) {
            let file = try LibraryFile(reading: setting.plugin)
            board.pass(.library, "\(file.bytes) bytes")
            if let why = file.missingEntry {
                // The worker knows plugins of other major versions by their entry.
                board.fail(.entry, await otherMajor() ?? why)
                return nil
            }
            let others = file.exported.filter { $0 != LibraryFile.entry }
            if others.isEmpty { board.pass(.exports) } else {
                let few = others.prefix(5).joined(separator: ", ") + (others.count > 5 ? ", ..." : "")
                board.note(.exports, "\(others.count) more: \(few)")
            }
            let (plugin, sandbox) = try await Bench.describe(setting)
            for rule in Rule.ofLibrary where board[rule] == nil { board.pass(rule) }
            judge(version: plugin.version, on: &board)
            return (plugin, sandbox)
        } catch {
            board.fail(Self.rule(of: error), error.cause)
            return nil
        }
    }

    private func otherMajor() async -> String? {
        do throws(Failure) {
            _ = try await Bench.describe(setting)
            return nil
        } catch { return error.code == .pluginMismatch ? error.cause : nil }
    }

    private func judge(version: String, on board: inout Board) {
        let core = version.split(whereSeparator: { $0 == "-" || $0 == "+" }).first ?? ""
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        let isSemantic = parts.count == 3 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isWholeNumber) }
        if isSemantic { board.pass(.version, version) } else { board.note(.version, "\"\(version)\"") }
    }

    /// The rule that a refusal to load is about.
    static func rule(of failure: Failure) -> Rule {
        switch failure.code {
        case .pluginUnreadable: return .library
        case .pluginNoEntry: return .entry
        case .pluginMismatch: break
        case .pluginNotLoadable where !failure.cause.contains("worker died"):
            return failure.cause.contains("cannot open shared object") || failure.cause.contains("symbol")
                ? .loads : .library
        default: return .loads
        }
        let table: [(String, Rule)] = [
            ("eh_plugin_entry_v1, called again", .repeats), ("major version", .entry), ("eh_plugin.size", .sizes),
            ("eh_handler.size", .sizes), ("eh_plugin.handler", .handlers), ("eh_handler.id: expected each", .handlers),
            ("eh_handler.id", .ids), ("eh_handler.route", .routes), ("eh_route", .routes),
            ("eh_handler.create", .functions), ("eh_handler.handle", .functions), ("eh_handler.destroy", .functions),
            ("eh_handler.threading", .threading), ("eh_handler.services", .services),
            ("eh_handler.config_schema", .schema), ("eh_handler.business_key", .businessKey),
            ("eh_handler.state_keys", .stateKeys),
        ]
        let said = [failure.cause, failure.subject]
        return table.first { prefix, _ in said.contains { $0.hasPrefix(prefix) } }?.1 ?? .texts
    }
}

/// Verdicts as they come: each rule has one, and what was never reached says so.
struct Board {
    private let rules: [Rule]
    private let handler: HandlerID?
    private var found: [Rule: Verdict] = [:]
    /// Why the rest was not reached.
    var blocked = "not reached: an earlier rule is broken"

    init(rules: [Rule], handler: HandlerID?) {
        self.rules = rules
        self.handler = handler
    }

    subscript(rule: Rule) -> Verdict.Result? { found[rule]?.result }

    var verdicts: [Verdict] {
        let known = rules.map { rule in
            found[rule] ?? Verdict(rule: rule, handler: handler, result: .notApplicable, detail: blocked)
        }
        // A refusal to load may be about a rule of one of its handlers.
        return known + found.values.filter { !rules.contains($0.rule) }
    }

    mutating func pass(_ rule: Rule, _ detail: String = "") { put(rule, .pass, detail) }
    mutating func fail(_ rule: Rule, _ detail: String) { put(rule, .fail, detail) }
    mutating func note(_ rule: Rule, _ detail: String) { put(rule, .note, detail) }
    mutating func skip(_ rule: Rule, _ why: String) { put(rule, .notApplicable, why) }

    /// A failure stays; anything else gives way to what is found later.
    private mutating func put(_ rule: Rule, _ result: Verdict.Result, _ detail: String) {
        if found[rule]?.result == .fail { return }
        found[rule] = Verdict(rule: rule, handler: handler, result: result, detail: detail)
    }
}
