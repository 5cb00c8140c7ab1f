import Events
import Pipeline
import ServiceLifecycle

/// Tries until it works: live, not ready, and saying why. Ends early when the sidecar stops.
struct Patience: Sendable {
    private static let backoff = Backoff(base: .milliseconds(500), cap: .seconds(30))

    let area: String
    let observers: Observers

    /// - Returns: `nil` if the sidecar was told to stop.
    /// - Throws: a failure that waiting cannot help.
    func until<Value: Sendable>(
        _ attempt: @Sendable @escaping () async throws(Failure) -> Value
    ) async throws -> Value? {
        try await cancelWhenGracefulShutdown {
            var random = SeededGenerator(seed: UInt64.random(in: 1...(.max)))
            var tries = 0
            while !Task.isCancelled {
                do throws(Failure) {
                    let value = try await attempt()
                    observers.board.set(area, nil)
                    return value
                } catch {
                    tries += 1
                    observers.report(error)
                    observers.board.set(area, error.description)
                    if error.code.disposition == .refuse { throw error }
                }
                let wait = Self.backoff.delay(attempt: tries, random: &random) + .milliseconds(100)
                // Cancelled: the loop ends by its own condition.
                try? await Task.sleep(for: wait)
            }
            return nil
        }
    }
}
