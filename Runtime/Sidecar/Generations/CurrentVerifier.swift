import Events
import Pipeline
import Signatures
import Synchronization

/// The verifier of the generation in force. An event keeps the verdict that it was given when it came.
final class CurrentVerifier: Verifier {
    private let verifier: Mutex<EventVerifier>

    init(_ first: EventVerifier) { verifier = Mutex(first) }

    func become(_ next: EventVerifier) { verifier.withLock { $0 = next } }

    func verify(_ envelopes: [Envelope]) async -> [Result<Event, Failure>] {
        await verifier.withLock { $0 }.verify(envelopes)
    }
}
