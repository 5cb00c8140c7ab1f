import Events
import Pipeline
import Signatures
import Synchronization

/// The verifier of the generation in force. An event keeps the verdict that it was given when it came.
final class CurrentVerifier: Verifier {
    /// `nil` before the first generation.
    private let verifier = Mutex<EventVerifier?>(nil)

    func become(_ next: EventVerifier) { verifier.withLock { $0 = next } }

    func verify(_ envelopes: [Envelope]) async -> [Result<Event, Failure>] {
        guard let verifier = verifier.withLock({ $0 }) else {
            return envelopes.map { _ in .failure(Failure(.verifyKeysUnavailable, "", "no generation serves yet")) }
        }
        return await verifier.verify(envelopes)
    }
}
