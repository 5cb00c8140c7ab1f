import Events
import HTTP
import JSON
import LocalAPI
import Pipeline
import Settings

/// Asks the running sidecar, which alone can write into its ledger and verifies what it permits.
struct PermitClient: Sendable {
    /// Bodies of one request together, before they are JSON: below the smallest `api.body` that holds one message.
    private static let requestBytes = 262_144

    private let configuration: Configuration

    init(_ configuration: Configuration) { self.configuration = configuration }

    /// - Throws: `redrive.unavailable` where there is no socket.
    func socket() throws(Failure) -> SocketClient {
        guard let path = configuration.api?.adminSocket else {
            let cause = "it is written into the ledger of the running sidecar, which has no `api` to be asked by"
            throw Failure(.redriveUnavailable, configuration.store.place, cause)
        }
        return SocketClient(path: path, config: path, isForMachines: false)
    }

    /// - Throws: `ExitCode.failure` after saying why, where no sidecar answers.
    func check() async throws {
        do { _ = try await socket().json("GET", "/v1/status") } catch {
            Terminal.complain("--override needs the running sidecar: it is written into its ledger. Nothing was moved.")
            throw error
        }
    }

    func permit(
        _ bodies: [Bytes], of queue: QueueName, ordered order: Instant, _ author: LetterAuthor
    ) async throws(Failure) -> [Result<Permit, Failure>] {
        var results: [Result<Permit, Failure>] = []
        var rest = bodies[...]
        while !rest.isEmpty {
            var size = 0
            let part = rest.prefix { body in
                size += body.count
                return size <= Self.requestBytes || size == body.count
            }
            rest = rest.dropFirst(part.count)
            results += try await ask(Array(part), of: queue, ordered: order, author)
        }
        return results
    }

    private func ask(
        _ bodies: [Bytes], of queue: QueueName, ordered order: Instant, _ author: LetterAuthor
    ) async throws(Failure) -> [Result<Permit, Failure>] {
        let body = JSONValue.object([
            JSONMember("queue", .string(queue.text)), JSONMember("reason", .string(author.reason)),
            JSONMember("arrivedBy", .string(Timestamp.text(of: order))),
            JSONMember("bodies", .array(bodies.map { .string($0.text) })),
        ])
        let socket = try socket()
        guard
            let response = try? await socket.send(
                "POST", "/v1/dead-letters/permits", headers: [HTTPHeader("Content-Type", "application/json")],
                body: body.serialised()[...]),
            let answers = (try? JSONValue.parse(response.body))?["permits"]?.array, answers.count == bodies.count
        else { throw Failure(.redriveUnavailable, socket.path, "the sidecar gave no permit") }
        return answers.map { answer in
            if let id = answer["eventId"]?.string, let text = answer["until"]?.string,
                let until = Timestamp.parse(text.utf8) {
                return .success(Permit(consumer: queue, event: id, until: until))
            }
            let failure = answer["failure"]
            let code = failure?["code"]?.string.flatMap { FailureCode(rawValue: $0) } ?? .redriveUnavailable
            return .failure(Failure(code, failure?["subject"]?.string ?? "", failure?["cause"]?.string ?? ""))
        }
    }
}
