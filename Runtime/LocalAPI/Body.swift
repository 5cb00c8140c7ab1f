import Events
import Hummingbird

/// The whole body of a request.
/// - Parameter limit: bytes; what the headers announce is judged before anything is read.
/// - Throws: 413 `api.too-large`; 408 `api.malformed` for one that does not arrive whole in
///   `time`, 400 for one that breaks off. The connection ends after each.
func collectBody(
    _ request: Request, limit: Int, within time: Duration = Limits.apiRequestTime
) async throws -> Bytes {
    if let announced = request.headers[.contentLength].flatMap({ Int($0) }), announced > limit {
        throw ProblemError.tooLarge(limit)
    }
    return try await withThrowingTaskGroup(of: Bytes.self) { group in
        defer { group.cancelAll() }
        group.addTask {
            var bytes: [UInt8] = []
            for try await part in request.body {
                guard bytes.count + part.readableBytes <= limit else { throw ProblemError.tooLarge(limit) }
                bytes.append(contentsOf: part.readableBytesView)
            }
            return bytes[...]
        }
        group.addTask {
            try await Task.sleep(for: time)
            let cause = "it did not arrive whole within \(time)"
            throw ProblemError(.requestTimeout, Failure(.apiMalformed, "body", cause)).closing
        }
        guard let body = try await group.next() else { throw CancellationError() }
        return body
    }
}
