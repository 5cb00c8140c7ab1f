import Events
import Synchronization

/// All queues by name, and what needs two of them: dead letters, and moving them back.
final class QueueRegistry: Sendable {
    /// What became of a StartMessageMoveTask. Moves are made at once, whatever rate was asked for.
    struct MoveTask: Sendable {
        let handle: String
        let source: String
        let destination: String?
        let moved: Int
        let startedAt: Instant
        /// `nil` when it completed.
        let failure: String?
    }

    private struct State: Sendable {
        var queues: [String: QueueHost] = [:]
        var moves: [MoveTask] = []
        var generator: SeededGenerator
        var isClosed = false
    }

    static let mostQueues = 1_000
    private static let rememberedMoves = 100

    let place: BusModel.Place
    private let clock: CloudClock
    private let state: Mutex<State>

    init(place: BusModel.Place, clock: CloudClock, seed: UInt64) {
        self.clock = clock
        self.place = place
        state = Mutex(State(generator: SeededGenerator(seed: seed)))
    }

    var all: [QueueHost] { state.withLock { $0.queues.values.sorted { $0.name < $1.name } } }

    func find(name: String) -> QueueHost? { state.withLock { $0.queues[name] } }

    func queue(named name: String) throws(ServiceError) -> QueueHost {
        guard let queue = find(name: name) else { throw ServiceError.noQueue }
        return queue
    }

    func find(arn: String) -> QueueHost? {
        let name = arn.split(separator: ":").last.map(String.init) ?? ""
        return place.queueARN(name) == arn ? find(name: name) : nil
    }

    /// Answers the queue that is there if it was made with the same attributes.
    func create(_ name: String, _ attributes: [(name: String, value: String)]) throws(ServiceError) -> QueueHost {
        let base = name.hasSuffix(".fifo") ? name.dropLast(5) : name[...]
        guard (1...80).contains(name.utf8.count), base.utf8.allSatisfy(QueueRegistry.isNameByte) else {
            throw ServiceError(
                .invalidParameterValue,
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
        }
        if let known = find(name: name) {
            try checkSameness(of: known.settings, attributes)
            return known
        }
        let isFIFO = name.hasSuffix(".fifo")
        guard isFIFO || !attributes.contains(where: { $0.name == "FifoQueue" && $0.value == "true" }) else {
            throw ServiceError(.invalidParameterValue, "The name of a FIFO queue must end with the .fifo suffix.")
        }
        let settings = try changed(QueueSettings(isFIFO: isFIFO), attributes)
        return try state.withLock { state throws(ServiceError) in
            if let known = state.queues[name] { return known }
            guard state.queues.count < QueueRegistry.mostQueues else {
                throw ServiceError(.overLimit, "There are too many queues.")
            }
            let queue = QueueHost(
                QueueModel(
                    name: name, arn: place.queueARN(name), settings: settings, seed: state.generator.next(),
                    at: clock.now), clock: clock)
            if state.isClosed { queue.waiting.close() }
            state.queues[name] = queue
            return queue
        }
    }

    private func checkSameness(
        of settings: QueueSettings, _ attributes: [(name: String, value: String)]
    ) throws(ServiceError) {
        for (name, value) in attributes {
            var other = settings
            try other.set(name, to: value)
            guard other == settings else {
                throw ServiceError(
                    .queueNameExists,
                    "A queue already exists with the same name and a different value for attribute \(name)")
            }
        }
    }

    func set(_ attributes: [(name: String, value: String)], of queue: QueueHost) throws(ServiceError) {
        queue.change(try changed(queue.settings, attributes))
    }

    private func changed(
        _ settings: QueueSettings, _ attributes: [(name: String, value: String)]
    ) throws(ServiceError) -> QueueSettings {
        var settings = settings
        for (name, value) in attributes { try settings.set(name, to: value) }
        if let redrive = settings.redrive, attributes.contains(where: { $0.name == "RedrivePolicy" }) {
            guard let target = find(arn: redrive.target) else {
                throw ServiceError.invalid(redrive.target, for: "RedrivePolicy", "Dead letter target does not exist.")
            }
            guard target.settings.isFIFO == settings.isFIFO else {
                throw ServiceError.invalid(
                    redrive.target, for: "RedrivePolicy",
                    "Dead-letter queue must be same type of queue as the source.")
            }
        }
        return settings
    }

    func delete(_ queue: QueueHost) {
        state.withLock { $0.queues[queue.name] = nil }
        queue.waiting.close()
    }

    func deadLetterQueue(of queue: QueueHost) -> QueueHost? {
        queue.settings.redrive.flatMap { find(arn: $0.target) }
    }

    func sources(of deadLetterQueue: QueueHost) -> [QueueHost] {
        all.filter { $0.settings.redrive?.target == deadLetterQueue.arn }
    }

    /// Lets nobody wait any more, so that the server can stop.
    func close() {
        let queues = state.withLock { state in
            state.isClosed = true
            return state.queues.values
        }
        for queue in queues { queue.waiting.close() }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    // MARK: - moving dead letters back

    /// To the destination, or each to the queue that it came from: as new messages, with no receives.
    func move(from source: String, to destination: String?) throws(ServiceError) -> MoveTask {
        guard let origin = find(arn: source) else { throw QueueRegistry.noResource }
        guard !sources(of: origin).isEmpty else {
            throw ServiceError(.invalidParameterValue, "Source queue must be configured as a Dead Letter Queue.")
        }
        if let destination, find(arn: destination) == nil { throw QueueRegistry.noResource }
        var moved = 0
        var lost: [Message] = []
        for message in origin.take(atMost: .max) {
            guard let target = (destination ?? message.deadLetterSource).flatMap({ find(arn: $0) }) else {
                lost.append(message)
                continue
            }
            target.adoptAnew(message)
            moved += 1
        }
        for message in lost { origin.adoptAnew(message) }
        return state.withLock { state in
            let task = MoveTask(
                handle: state.generator.uuid(), source: source, destination: destination, moved: moved,
                startedAt: clock.now, failure: lost.isEmpty ? nil : "CouldNotDetermineMessageSource")
            state.moves.insert(task, at: 0)
            if state.moves.count > QueueRegistry.rememberedMoves { state.moves.removeLast() }
            return task
        }
    }

    /// Newest first.
    func moves(from source: String) throws(ServiceError) -> [MoveTask] {
        guard find(arn: source) != nil else { throw QueueRegistry.noResource }
        return state.withLock { $0.moves.filter { $0.source == source } }
    }

    static let noResource = ServiceError(
        .resourceNotFound, "The resource that you specified for the SourceArn parameter doesn't exist.")
}
