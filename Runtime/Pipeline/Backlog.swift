import Events

/// How much the queue has, asked once a minute. In a FIFO queue a group behind a head that waits is brought by no
/// receive: the queue looks empty, and is not.
struct Backlog {
    static let look = Duration.seconds(60)

    private var isAsking = false
    private(set) var next: Instant?

    mutating func isDue(at now: Instant) -> Bool {
        guard !isAsking, now >= next ?? .distantPast else { return false }
        isAsking = true
        next = now + Self.look
        return true
    }

    mutating func answered() { isAsking = false }
}

extension Pipeline {
    mutating func measure(at now: Instant) {
        guard drain == .running, backlog.isDue(at: now) else { return }
        actions.append(.measure)
    }

    mutating func measured(_ result: Result<QueueDepth, Failure>) {
        backlog.answered()
        switch result {
        case .success(let depth):
            let isHidden = settings.description.isFIFO && admission.isDry && groups.count > 0
            actions.append(.note(.backlog(depth, hidden: isHidden ? depth.available : 0)))
        case .failure(let failure): actions.append(.note(.receiveFailed(failure)))
        }
    }
}
