@_spi(Verification) import Events
import Cryptography
import Pipeline
import Synchronization
import Telemetry

/// What is left of the way when every port answers at once from memory: decisions, tasks, metrics. Ten events a poll.
enum PipelineStage {
    static func run(_ count: Int, _ meter: Meter) async throws {
        let world = try World(count)
        let registry = Registry()
        let telemetry = Telemetry(registry: registry, writer: LogWriter(registry: registry))
        let ports = PipelinePorts(
            queue: world, deadLetters: nil, quarantine: nil, verifier: world, ledger: world, receipts: world,
            host: world, observer: telemetry, clock: StandingClock())
        let description = QueueDescription(
            isFIFO: false, visibilityTimeout: .seconds(60), retention: .days(4), maximumMessageSize: 262_144)
        let handler = HandlerID("counting")
        let settings = PipelineSettings(
            queue: QueueName("bench"), description: description,
            handlers: [handler: HandlerPolicy(concurrency: 2, maximumBatch: 64)])
        let routes = try RouteTable([.init(source: "test.in", detailType: "Payment.Settled.v1", handler: handler)])
        let runner = PipelineRunner(QueueName("bench"), ports: ports)
        await meter.step("pipeline") {
            async let end: Void = runner.run(Pipeline(PipelineGeneration(settings, routes: routes, keys: world)))
            await world.finished()
            runner.stop(deadline: Messages.now)
            await end
        }
    }

    /// All ports. Messages and their events are made before, and given out in turn: what makes and frees them is other
    /// stages' to tell. There are more of them than may be in hand.
    private final class World: EventQueue, Verifier, Ledger, PublicationReceipts, HandlerHost, BusinessKeys {
        private struct State {
            var given = 0
            var deleted = 0
            var fence: UInt64 = 0
            var waiter: CheckedContinuation<Void, Never>?
        }
        private static let made = 4_096
        private let state = Mutex(State())
        private let count: Int
        /// Where its body begins tells the number of a message.
        private let messages: [Envelope]
        private let events: [Result<Event, Failure>]

        init(_ count: Int) throws {
            self.count = count
            let detail = Bytes("{\"filler\":\"\(String(repeating: "x", count: 560))\",\"n\":1}")
            let digest = Hash.sha256(detail)
            let bytes = Bytes(String(repeating: "x", count: 5_300 + Self.made))
            messages = (0..<Self.made).map { number in
                Envelope(
                    messageID: MessageID("5d1c8f0e-0000-4000-8000-\(1_000_000_000 + number)"),
                    receipt: ReceiptHandle("receipt of the message with number \(number)"),
                    body: bytes[number..<number + 5_300], sentAt: Messages.now, firstReceivedAt: Messages.now)
            }
            events = messages.map { message in
                .success(
                    Event(
                        id: EventID(issuer: "bench", text: message.messageID.text), tokenDigest: nil,
                        payloadDigest: digest, source: "test.in", detailType: "Payment.Settled.v1", resource: "",
                        detail: detail, keyID: "bench", signedAt: Messages.now, isBound: true,
                        trace: Event.Trace(correlationID: "c-1")))
            }
        }

        func finished() async {
            await withCheckedContinuation { waiter in
                let isOver = state.withLock { state in
                    if state.deleted < count { state.waiter = waiter }
                    return state.deleted >= count
                }
                if isOver { waiter.resume() }
            }
        }

        func describe() async throws(Failure) -> QueueDescription { throw Failure(.receiveUnavailable) }
        func depth() async throws(Failure) -> QueueDepth { QueueDepth(available: 0, inFlight: 0, delayed: 0) }
        func receive(atMost most: Int, wait: Duration) async throws(Failure) -> [Envelope] {
            let numbers = state.withLock { state in
                defer { state.given = min(state.given + most, count) }
                return state.given..<min(state.given + most, count)
            }
            if numbers.isEmpty { try? await Task.sleep(for: .milliseconds(20)) }
            return numbers.map { messages[$0 % Self.made] }
        }
        func delete(_ receipts: [ReceiptHandle]) async -> [Failure?] {
            let waiter = state.withLock { state in
                state.deleted += receipts.count
                guard state.deleted >= count else { return nil as CheckedContinuation<Void, Never>? }
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
            return receipts.map { _ in nil }
        }
        func changeVisibility(_ changes: [VisibilityChange]) async -> [Failure?] { changes.map { _ in nil } }

        func verify(_ envelopes: [Envelope]) async -> [Result<Event, Failure>] {
            envelopes.map { events[$0.body.startIndex] }
        }
        func businessKey(of event: Event, for handler: HandlerID) -> Result<Digest?, Failure> { .success(nil) }

        func claim(_ requests: [ClaimRequest], at now: Instant) async throws(Failure) -> [Claim] {
            let first = state.withLock { state in
                defer { state.fence += UInt64(requests.count) }
                return state.fence
            }
            return requests.indices.map { .granted(Lease(fence: first + UInt64($0) + 1), History(firstSeen: now)) }
        }
        func renew(_ leases: [Lease], until: Instant) async -> [Bool] { leases.map { _ in true } }
        func release(_ leases: [Lease]) async {}
        func commit(_ commitments: [Commitment], at now: Instant) async throws(Failure) -> [CommitResult] {
            commitments.map { _ in .committed }
        }
        func refuse(_ refusals: [Refusal], at now: Instant) async throws(Failure) {}
        func sent(_ parent: EventID) async -> Failure? { nil }
        func run(_ batch: Batch) async throws(Failure) -> [Outcome] { batch.assignments.map { _ in .done(.none) } }
        func revoke(_ lease: Lease) {}
    }
}
