// SQS, EventBridge, key set and signing endpoints on loopback: a cloud for development, tests and benchmarks.

public import Events
import Hummingbird
public import Logging
public import ServiceLifecycle
import Synchronization

/// A cloud in this process. It speaks the AWS JSON protocols, so that SDKs and the AWS CLI take it for one when their
/// endpoint is set to ``endpoint``. Credentials and signatures of requests are not looked at; nothing outlives it.
///
/// `GET /_stats` tells ``statistics``; `POST /_faults` sets ``Faults``; `GET /keys/jwks-pqc` and `POST /sign` answer
/// what the options say.
public final class LocalCloud: Service {
    public struct Options: Sendable {
        /// 0 for any that is free.
        public var port = 0
        public var account = "000000000000"
        public var region = "eu-central-1"
        /// Ids and faults follow from it.
        public var seed: UInt64 = 1
        /// The document at `/keys/jwks-pqc`.
        public var keySet: (@Sendable () async -> Bytes)?
        /// What `/sign` answers to the body of a request.
        public var sign: (@Sendable (Bytes) async -> (status: Int, body: Bytes))?
        public var logger = Logger(label: "local-cloud") { _ in SwiftLogNoOpLogHandler() }

        public init() {}
    }

    /// There is no reason to let others in, and no protection against them.
    private static let host = "127.0.0.1"

    private let options: Options
    private let queues: QueueRegistry
    private let events: EventsService
    private let faults: FaultInjector
    private let listener: Listener
    private let clock = CloudClock()

    public init(_ options: Options = Options()) {
        var seeds = SeededGenerator(seed: options.seed)
        let place = BusModel.Place(account: options.account, region: options.region)
        self.options = options
        queues = QueueRegistry(place: place, clock: clock, seed: seeds.next())
        faults = FaultInjector(seed: seeds.next())
        events = EventsService(queues: queues, faults: faults, clock: clock, seed: seeds.next())
        listener = Listener()
    }

    /// Serves until it is shut down gracefully or cancelled. Call it once.
    /// - Throws: what keeps it from listening.
    public func run() async throws {
        let listener = listener
        let responder = CloudResponder(
            sqs: SQSService(queues: queues, faults: faults, urlPrefix: { [weak self] in self?.urlPrefix ?? "/" }),
            events: events, faults: faults, options: options,
            statistics: { [weak self] in self?.statistics ?? CloudStatistics(queues: [], bus: .none) })
        let application = Application(
            responder: responder,
            configuration: ApplicationConfiguration(address: .hostname(LocalCloud.host, port: options.port)),
            onServerRunning: { listener.started($0.localAddress?.port) }, logger: options.logger)
        do {
            let queues = queues
            try await withTaskCancellationOrGracefulShutdownHandler {
                try await application.run()
            } onCancelOrGracefulShutdown: {
                // Long polls are answered, so that connections come to their end.
                queues.close()
            }
            listener.stopped(with: CancellationError())
        } catch {
            listener.stopped(with: error)
            throw error
        }
    }

    /// Waits until it listens.
    /// - Returns: the port.
    /// - Throws: what kept ``run()`` from listening.
    @discardableResult
    public func start() async throws -> Int { try await listener.port() }

    /// Serves for as long as `body` takes.
    public func serve<Result: Sendable>(during body: () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.run() }
            defer { group.cancelAll() }
            try await start()
            return try await body()
        }
    }

    /// A new cloud that serves for as long as `body` takes.
    public static func serving<Result: Sendable>(
        _ options: Options = Options(), _ body: (LocalCloud) async throws -> Result
    ) async throws -> Result {
        let cloud = LocalCloud(options)
        return try await cloud.serve { try await body(cloud) }
    }

    // MARK: - for embedders

    /// `http://127.0.0.1:4566`; only after ``start()`` is the port the real one.
    public var endpoint: String { "http://\(LocalCloud.host):\(listener.knownPort ?? options.port)" }
    private var urlPrefix: String { "\(endpoint)/\(options.account)/" }

    public func queueURL(_ name: String) -> String { urlPrefix + name }
    public func queueARN(_ name: String) -> String { queues.place.queueARN(name) }

    /// A name that ends in `.fifo` makes a FIFO queue. Attributes as CreateQueue has them.
    public func createQueue(_ name: String, _ attributes: [String: String] = [:]) throws(ServiceError) {
        _ = try queues.create(name, attributes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    @discardableResult
    public func send(_ draft: MessageDraft, to queue: String) throws(ServiceError) -> QueueModel.Sent {
        try queues.queue(named: queue).send(draft)
    }

    /// All messages of a queue, oldest first, whatever their state; none for a queue that is not there.
    public func peek(_ queue: String) -> [PeekedMessage] { queues.find(name: queue)?.read { $0.peek() } ?? [] }

    /// Makes a rule that delivers to a queue, and its bus where that is missing.
    /// - Parameter group: the MessageGroupId for a FIFO queue, which must deduplicate by content.
    public func putRule(
        _ name: String, bus: String = BusModel.defaultBus, pattern: String, queue: String, group: String? = nil
    ) throws(ServiceError) {
        let rule = BusModel.Rule(pattern: try EventPattern(pattern))
        let target = BusModel.Target(id: queue, arn: queueARN(queue), group: group)
        try events.change { model throws(ServiceError) in
            if model.buses[bus] == nil { try model.createBus(bus) }
            try model.putRule(name, on: bus, rule)
            try model.putTargets([target], of: name, on: bus)
        }
    }

    @discardableResult
    public func putEvents(_ entries: [BusModel.Entry]) throws(ServiceError) -> [BusModel.EntryResult] {
        try events.put(entries)
    }

    /// For a queue, an operation (`ReceiveMessage`), both or neither; the closest counts. No faults take one back.
    public func setFaults(_ faults: Faults, queue: String? = nil, operation: String? = nil) {
        self.faults.set(faults, for: FaultInjector.Scope(queue: queue, operation: operation))
    }

    /// Puts the cloud's wall clock forward, for all that it does from now on. Open long polls end when they would.
    public func advance(by time: Duration) { clock.advance(by: time) }

    /// Long polls that wait at a queue now.
    public func waitingReceivers(_ queue: String) -> Int { queues.find(name: queue)?.waiting.count ?? 0 }

    public var statistics: CloudStatistics {
        CloudStatistics(
            queues: queues.all.map { $0.read { CloudStatistics.Queue($0) } }, bus: events.statistics)
    }
}

extension CloudStatistics.Bus {
    static let none = CloudStatistics.Bus(put: 0, unmatched: 0, deliveries: 0, failedDeliveries: 0, subscribers: 0)
}

/// The port of a server that is starting: known once, waited for by many.
private final class Listener: Sendable {
    private struct State {
        var result: Result<Int, any Error>?
        var waiting: [CheckedContinuation<Int, any Error>] = []
    }

    private let state = Mutex(State())

    var knownPort: Int? { state.withLock { try? $0.result?.get() } }

    func started(_ port: Int?) { settle(.success(port ?? 0)) }
    func stopped(with error: any Error) { settle(.failure(error)) }

    private func settle(_ result: Result<Int, any Error>) {
        let waiting = state.withLock { state in
            guard state.result == nil else { return [CheckedContinuation<Int, any Error>]() }
            state.result = result
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(with: result) }
    }

    func port() async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state in
                if state.result == nil { state.waiting.append(continuation) }
                return state.result
            }
            if let result { continuation.resume(with: result) }
        }
    }
}
