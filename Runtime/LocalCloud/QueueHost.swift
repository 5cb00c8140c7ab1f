// A queue model at the edge: locked, on the wall clock, with consumers that wait.

import Events
import Glibc
import Synchronization

/// One queue that tasks share.
final class QueueHost: Sendable {
    let name: String
    let arn: String
    private let model: Mutex<QueueModel>
    private let turnstile = Turnstile()
    private let clock: CloudClock

    init(_ model: QueueModel, clock: CloudClock) {
        self.clock = clock
        name = model.name
        arn = model.arn
        self.model = Mutex(model)
    }

    var settings: QueueSettings { model.withLock { $0.settings } }
    var waiting: Turnstile { turnstile }

    /// Looks, with what is over by now ended.
    func read<Result: Sendable>(_ body: (QueueModel) -> Result) -> Result {
        model.withLock { model in
            model.advance(to: clock.now)
            return body(model)
        }
    }

    func change(_ settings: QueueSettings) {
        model.withLock { $0.change(settings, at: clock.now) }
        turnstile.signal()
    }

    func send(_ draft: MessageDraft) throws(ServiceError) -> QueueModel.Sent {
        let sent = try model.withLock { model throws(ServiceError) in try model.send(draft, at: clock.now) }
        turnstile.signal(1)
        return sent
    }

    func adopt(_ letters: [DeadLetteredMessage], from source: String) {
        model.withLock { model in
            for letter in letters { model.adopt(letter, from: source, at: clock.now) }
        }
        turnstile.signal(letters.count)
    }

    func adoptAnew(_ message: Message) {
        model.withLock { $0.adoptAnew(message, at: clock.now) }
        turnstile.signal(1)
    }

    func take(atMost count: Int) -> [Message] { model.withLock { $0.take(atMost: count, at: clock.now) } }

    /// Waits up to `wait` for the first message. Dead letters go where `deadLetters` says as they are met.
    func receive(
        atMost count: Int, visibility: Duration?, wait: Duration, deadLetters: QueueHost?
    ) async throws(ServiceError) -> [ReceivedMessage] {
        let deadline = ContinuousClock.now + wait
        while true {
            let changes = turnstile.changes
            let (reception, next) = try model.withLock {
                model throws(ServiceError) -> (Reception, Instant?) in
                let reception = try model.receive(
                    atMost: count, visibility: visibility, canDeadLetter: deadLetters != nil, at: clock.now)
                return (reception, model.nextChange())
            }
            if !reception.deadLettered.isEmpty { deadLetters?.adopt(reception.deadLettered, from: arn) }
            if !reception.messages.isEmpty { return reception.messages }
            guard wait > .zero else {
                guard !reception.isOverLimit else { throw QueueHost.overLimit }
                return []
            }
            let left = deadline - ContinuousClock.now
            guard left > .zero, !turnstile.isClosed else { return [] }
            let untilNext = next.map { max($0 - clock.now, .milliseconds(1)) } ?? left
            await turnstile.wait(since: changes, for: min(left, untilNext))
        }
    }

    func delete(_ receipt: String) throws(ServiceError) {
        try model.withLock { model throws(ServiceError) in _ = try model.delete(receipt, at: clock.now) }
        // On a FIFO queue this may have opened a group.
        if name.hasSuffix(".fifo") { turnstile.signal() }
    }

    func changeVisibility(_ receipt: String, to timeout: Duration) throws(ServiceError) {
        try model.withLock { model throws(ServiceError) in
            try model.changeVisibility(receipt, to: timeout, at: clock.now)
        }
        turnstile.signal()
    }

    func duplicate(_ receipt: String) {
        let didCopy = model.withLock { (try? $0.duplicate(receipt, at: clock.now)) != nil }
        if didCopy { turnstile.signal(1) }
    }

    func purge() { model.withLock { $0.purge() } }

    private static let overLimit = ServiceError(
        .overLimit, "The maximum number of in flight messages is reached.")
}
