import Foundation

/// Runs what blocks on a thread of its own, since there are few that tasks share: a cloud in this process needs them.
public func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
}

/// Waits until a condition of another process holds: looks at it again and again.
///
/// - Returns: false if it did not come to hold in `limit`, or before the test was over.
public func eventually(
    within limit: Duration = .seconds(60), every pause: Duration = .milliseconds(50),
    _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end && !Task.isCancelled {
        if try await condition() { return true }
        // Cancelled: the last look decides.
        try? await Task.sleep(for: pause)
    }
    return try await condition()
}
