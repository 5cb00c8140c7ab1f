import Events
import Pipeline
import Synchronization

/// The credentials in use: fetched when first needed, and anew before they end, by one task at a time.
///
/// While they are still good, whoever finds them near their end fetches new ones and the others go on with the old;
/// when they are not, all wait for the one that fetches.
final class CredentialCache: Sendable {
    /// Before their end, spread over a minute so that a fleet does not ask at once.
    private static let refreshAhead = Duration.minutes(5)
    private static let spread: Int64 = 60_000
    /// After a refresh failed while the old ones are still good.
    private static let pause = Duration.seconds(30)

    private typealias Waiter = CheckedContinuation<Void, Never>

    private struct State {
        var credentials: AWSCredentials?
        /// No refresh before.
        var refreshAt = Instant.distantPast
        var isFetching = false
        var waiters: [Waiter] = []
    }

    private enum Step {
        case use(AWSCredentials)
        case fetch(fallback: AWSCredentials?)
        case wait
    }

    private let source: any CredentialSource
    private let clock: any WallClock
    private let state = Mutex(State())

    init(_ source: any CredentialSource, clock: any WallClock) {
        self.source = source
        self.clock = clock
    }

    func current() async throws(Failure) -> AWSCredentials {
        while true {
            switch state.withLock({ CredentialCache.step(&$0, at: clock.now) }) {
            case .use(let credentials): return credentials
            case .fetch(let fallback): return try await fetch(or: fallback)
            case .wait: await waitForFetch()
            }
        }
    }

    /// The service refuses these: the next call fetches others.
    func invalidate(_ credentials: AWSCredentials) {
        state.withLock { state in
            if state.credentials == credentials { state.credentials = nil }
        }
    }

    private static func step(_ state: inout State, at now: Instant) -> Step {
        let good = state.credentials.flatMap { ($0.expiresAt ?? .distantFuture) > now ? $0 : nil }
        if let good, state.isFetching || now < state.refreshAt { return .use(good) }
        if state.isFetching { return .wait }
        state.isFetching = true
        return .fetch(fallback: good)
    }

    private func fetch(or fallback: AWSCredentials?) async throws(Failure) -> AWSCredentials {
        let result: Result<AWSCredentials, Failure>
        do throws(Failure) {
            result = try await source.credentials(at: clock.now).map { .success($0) } ?? .failure(.noCredentials)
        } catch {
            result = .failure(error)
        }
        let now = clock.now
        let waiters = state.withLock { state in
            switch result {
            case .success(let credentials):
                state.credentials = credentials
                state.refreshAt = CredentialCache.refreshTime(of: credentials, at: now)
            case .failure: state.refreshAt = now + CredentialCache.pause
            }
            state.isFetching = false
            defer { state.waiters = [] }
            return state.waiters
        }
        waiters.forEach { $0.resume() }
        if let fallback, case .failure = result { return fallback }
        return try result.get()
    }

    private func waitForFetch() async {
        await withCheckedContinuation { (waiter: Waiter) in
            let isFetching = state.withLock { state in
                if state.isFetching { state.waiters.append(waiter) }
                return state.isFetching
            }
            if !isFetching { waiter.resume() }
        }
    }

    private static func refreshTime(of credentials: AWSCredentials, at now: Instant) -> Instant {
        guard let end = credentials.expiresAt else { return .distantFuture }
        // Short-lived ones are refreshed after half their life. The key's own bytes do for a spread.
        let jitter = Int64(credentials.accessKeyID.utf8.reduce(0) { ($0 &* 31 &+ UInt64($1)) % UInt64(spread) })
        let early = end - refreshAhead - .milliseconds(jitter)
        let half = now + .milliseconds(max(0, (end - now).milliseconds / 2))
        return max(early, half)
    }
}

extension Failure {
    static let noCredentials = Failure(
        .receiveCredentials, "",
        "none in the environment, the profile, a web identity, the container's or the instance's endpoint")
}
