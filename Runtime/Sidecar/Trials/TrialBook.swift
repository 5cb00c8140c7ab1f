import Cryptography
import Events
import Foundation
import Plugins
import Settings

/// What was decided of second builds, in a file of the state directory: decisions outlive the process, and the keeper
/// watches the file like any other that a generation is made of. A decision is about one build: another plugin or
/// another configuration under `trial` begins a new trial.
struct TrialBook {
    enum Verdict: String, Codable, Sendable {
        /// The second build serves in place of the first, until the configuration says so itself.
        case promoted
        case rolledBack = "rolled-back"
    }
    struct Decision: Codable, Sendable, Equatable {
        let build: String
        let verdict: Verdict
        let reason: String
    }

    private static let name = "trials.json"
    private let path: String

    init(in stateDirectory: String) { path = Self.path(in: stateDirectory) }

    static func path(in stateDirectory: String) -> String { stateDirectory + "/" + name }

    /// Empty where there is no such file yet, or none that can be read: then every trial goes on.
    var decisions: [String: Decision] {
        guard let data = FileManager.default.contents(atPath: path) else { return [:] }
        return (try? JSONDecoder().decode([String: Decision].self, from: data)) ?? [:]
    }

    /// Replaces what was decided for this handler before.
    /// - Throws: `settings.unreadable` where the file cannot be written.
    func decide(_ decision: Decision, of handler: HandlerID) throws(Failure) {
        var decisions = decisions
        decisions[handler.text] = decision
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        do {
            try encoder.encode(decisions).write(to: URL(filePath: path), options: .atomic)
        } catch { throw Failure(.settingsUnreadable, path, error.localizedDescription) }
    }
}

extension TrialSettings {
    /// Names the build: SHA-256 of the plugin's content and of its configuration, in hexadecimal.
    func build(for handler: HandlerSettings) -> String {
        let parts = Configuration.contentDigest(of: plugin) + "\n" + (config ?? handler.config).text
        return Hash.sha256(Array(parts.utf8)).hexadecimal
    }

    var options: TrialOptions {
        TrialOptions(
            kind: TrialOptions.Kind(rawValue: kind.rawValue) ?? .shadow, plugin: plugin, pin: sha256,
            configuration: config, share: share * 100, margin: margin * 100, leastEvents: leastEvents, window: window)
    }
}

/// The builds of one generation's handlers, with what was decided of them.
struct TrialPlan {
    private(set) var handlers: [HandlerOptions] = []
    private(set) var trials: [HandlerID: TrialOptions] = [:]
    private(set) var decisions: [HandlerID: TrialBook.Decision] = [:]

    init(_ configuration: Configuration, _ trust: PluginTrust) {
        let book = TrialBook(in: configuration.stateDirectory).decisions
        for settings in configuration.handlers where settings.kind == .plugin {
            let options = configuration.handlerOptions(settings, trust)
            guard let trial = settings.trial else {
                handlers.append(options)
                continue
            }
            let decision = book[settings.id.text].flatMap { $0.build == trial.build(for: settings) ? $0 : nil }
            decisions[settings.id] = decision
            switch decision?.verdict {
            case .promoted: handlers.append(trial.options.applied(to: options))
            case .rolledBack: handlers.append(options)
            case nil:
                handlers.append(options)
                trials[settings.id] = trial.options
            }
        }
    }
}
