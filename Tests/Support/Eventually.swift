/// Waits until a condition of another process holds: looks at it again and again.
///
/// - Returns: false if it did not come to hold in `limit`.
public func eventually(
    within limit: Duration = .seconds(60), every pause: Duration = .milliseconds(50),
    _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return true }
        // Cancelled: the next look decides.
        try? await Task.sleep(for: pause)
    }
    return try await condition()
}
