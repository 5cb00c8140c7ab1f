import Events
import Plugins
import Settings

/// What asked for a new generation.
enum ReloadTrigger: String, Sendable {
    /// The first one.
    case start
    /// A file has changed.
    case change
    /// The time to look without a cause.
    case round
    /// SIGHUP.
    case signal
    /// Somebody, over the admin socket.
    case request

    /// Somebody waits for an answer.
    var isAsked: Bool { self == .signal || self == .request }
}

enum ReloadResult: Sendable {
    /// Another generation serves.
    case switched(GenerationChange)
    /// Everything is what it was.
    case unchanged
    /// The last good one goes on.
    case refused(Refusal)
}

/// Why the last good generation goes on.
struct Refusal: Sendable {
    /// Of the content that was refused, if it could be read so far.
    let digest: String?
    let failure: Failure
    /// Everything that is wrong with a configuration, as `check` tells it.
    let problems: [Problem]

    /// Nothing was tried.
    init(_ failure: Failure) {
        digest = nil
        self.failure = failure
        problems = []
    }

    init(_ failure: Failure, of digest: String) {
        self.digest = digest
        self.failure = failure
        problems = []
    }

    init(_ problems: [Problem], in path: String) {
        let errors = problems.filter { $0.severity == .error }
        let first = errors.first?.failure ?? Failure(.settingsUnreadable, path)
        digest = nil
        failure = errors.count < 2
            ? first : Failure(first.code, path, "\(errors.count) errors, the first: \(first.subject) \(first.cause)")
        self.problems = errors
    }

    /// True if the same content would be refused again.
    func isFinal(for digest: String) -> Bool { self.digest == digest && failure.code.disposition == .refuse }
}

/// What a switch changed.
struct GenerationChange: Sendable, Hashable {
    let number: Int
    /// Their workers are new, for another plugin or another configuration.
    let started: [HandlerID]
    /// Their workers go on.
    let kept: [HandlerID]
    let gone: [HandlerID]

    init(to next: Generation, from previous: Generation?) {
        number = next.number
        let ids = next.handlers.profiles.map(\.id)
        started = next.handlers.profiles.filter { !$0.isReused }.map(\.id)
        kept = next.handlers.profiles.filter(\.isReused).map(\.id)
        gone = previous?.handlers.profiles.map(\.id).filter { !ids.contains($0) } ?? []
    }
}

/// The generations as an operator asks for them.
struct KeeperStatus: Sendable {
    struct Attempt: Sendable {
        let trigger: ReloadTrigger
        let at: Instant
        let result: ReloadResult
    }
    struct Handler: Sendable {
        let id: HandlerID
        let plugin: String
        let version: String
        let digest: Digest
        /// Its workers are older than the generation.
        let isReused: Bool
    }

    /// `nil` before the first.
    let number: Int?
    let since: Instant
    /// What `If-Match` names.
    let digest: String
    /// Of the configuration alone.
    let configuration: String
    let handlers: [Handler]
    /// Generations that have workers: the serving one, and those that drain.
    let alive: [Int]
    /// Settings that differ from the file until the sidecar is restarted, by path.
    let needsRestart: [String]
    /// The last that changed or refused something.
    let lastAttempt: Attempt?
}
