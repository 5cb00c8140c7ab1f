import Cryptography
import Events
import Pipeline
import Synchronization

/// Makes the calls of one batch.
protocol CallReader: Sendable {
    func reply(to question: CallQuestion) async -> CallReply
}

/// Makes them, and where a shadow will follow, keeps what was answered.
final class CallMaker: CallReader {
    private let services: any ServiceCaller
    private let kept: CallRecord?

    init(_ services: any ServiceCaller, keeping kept: CallRecord? = nil) {
        self.services = services
        self.kept = kept
    }

    func reply(to question: CallQuestion) async -> CallReply {
        let services = services
        let reply = await question.leaving.cancels { () -> CallReply in
            do throws(Failure) { return .answer(try await services.call(question.call)) } catch {
                return CallReply(error)
            }
        }
        guard let reply else { return .expired }
        if case .answer(let answer) = reply { kept?.keep(answer, to: question.call, for: question.lease) }
        return reply
    }
}

/// A shadow calls nobody: what it asks just as the serving build asked is answered as that one was, and nothing else.
struct CallPlayback: CallReader {
    let record: CallRecord

    func reply(to question: CallQuestion) async -> CallReply {
        record.answer(to: question.call, for: question.lease).map { .answer($0) } ?? .unavailable
    }
}

/// The calls of a batch, with their answers: so many bytes, and no more.
final class CallRecord: Sendable {
    private struct Key: Hashable {
        let lease: Lease
        let request: Digest
    }
    private struct State {
        var answers: [Key: ServiceAnswer] = [:]
        var bytes = 0
    }
    private let state = Mutex(State())

    func keep(_ answer: ServiceAnswer, to call: ServiceCall, for lease: Lease) {
        state.withLock { state in
            let size = answer.body.count + answer.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
            guard state.bytes + size <= Limits.callBytesPerShadow else { return }
            state.bytes += size
            state.answers[Key(lease: lease, request: Self.digest(of: call))] = answer
        }
    }

    func answer(to call: ServiceCall, for lease: Lease) -> ServiceAnswer? {
        state.withLock { $0.answers[Key(lease: lease, request: Self.digest(of: call))] }
    }

    /// Everything that the service would see of the request.
    private static func digest(of call: ServiceCall) -> Digest {
        var parts = [call.service, call.method, call.path, call.idempotencyKey, String(call.origin.ordinal)]
        parts += call.headers.flatMap { [$0.name, $0.value] }
        let head = parts.map { "\($0.utf8.count):\($0)," }.joined()
        return Hash.sha256(parts: [Bytes(head), call.body])
    }
}
