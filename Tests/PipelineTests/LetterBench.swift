import Events
import Pipeline
import Synchronization

/// A box, a queue whose consumer answers at once, and a clock that sleepers move.
final class LetterBench: Sendable {
    let clock = SleepersClock()
    let box: MemoryBox
    let queue: MemoryQueue
    private let moved = Mutex(0)

    init() {
        box = MemoryBox()
        queue = MemoryQueue(box, clock)
    }

    var recorded: Int { moved.withLock { $0 } }

    func fill(_ count: Int, code: String = "handle.rejected", from start: Int = 0) {
        for number in start..<start + count {
            box.add(
                "letter-\(number)", body: "body-\(number)",
                failure: "\(code) old-\(number) event-\(number)", at: clock.now + .milliseconds(Int64(number)))
        }
    }

    func refill(_ count: Int) {
        box.clear()
        fill(count)
    }

    func desk(judging: Bool = false) -> LetterDesk {
        LetterDesk(
            box,
            LetterDesk.Surroundings(
                read: { letter in
                    var record = LetterRecord()
                    let words = (letter.failure ?? "").split(separator: " ").map(String.init)
                    (record.code, record.message, record.event) = (words[0], words[1], words[2])
                    record.handler = "pay"
                    return record
                }, clock: clock, sleep: { [clock] in clock.sleep($0) }, judge: judging ? queue : nil,
                record: { [self] letters in moved.withLock { $0 += letters.count } }))
    }
}

final class SleepersClock: WallClock {
    private let time = Mutex(Instant(unixSeconds: 1_750_000_000))
    var now: Instant { time.withLock { $0 } }
    func sleep(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
}

final class MemoryBox: DeadLetterBox {
    private struct State {
        var letters: [BoxedLetter] = []
        var seen: Set<MessageID> = []
        var takes = 0
        var largest = 0
    }
    private let state = Mutex(State())
    let keeps = Mutex<Set<String>>([])
    let breaksAfter = Mutex(Int.max)

    var count: Int { state.withLock { $0.letters.count } }
    var inHand: Int { state.withLock { state in state.letters.count { state.seen.contains($0.id) } } }
    var names: [String] { state.withLock { $0.letters.map(\.id.text) } }
    var largestTake: Int { state.withLock { $0.largest } }

    func add(_ id: String, body: String, failure: String, at time: Instant) {
        let letter = BoxedLetter(
            id: MessageID(id), body: Bytes(body), attributes: [Attribute(name: "kind", value: "x")], failure: failure,
            arrivedAt: time, group: nil)
        state.withLock { $0.letters.append(letter) }
    }

    func clear() { state.withLock { $0 = State() } }

    func take(atMost count: Int) async throws(Failure) -> [BoxedLetter] {
        let limit = breaksAfter.withLock { $0 }
        let taken: [BoxedLetter]? = state.withLock { state in
            state.takes += 1
            state.largest = max(state.largest, count)
            guard state.takes <= limit else { return nil }
            let taken = Array(state.letters.filter { !state.seen.contains($0.id) }.prefix(count))
            state.seen.formUnion(taken.map(\.id))
            return taken
        }
        guard let taken else { throw Failure(.receiveUnavailable) }
        return taken
    }

    func delete(_ letters: [MessageID]) async -> [Failure?] {
        let kept = keeps.withLock { $0 }
        return state.withLock { state in
            letters.map { id in
                if kept.contains(id.text) { return Failure(.settleDeleteFailed, id.text) }
                state.letters.removeAll { $0.id == id }
                return nil
            }
        }
    }

    func release() async { state.withLock { $0.seen = [] } }
}

/// Its consumer is done with each message at once, or fails it again, which makes another letter.
final class MemoryQueue: RedriveTarget, RedriveJudge {
    private struct State {
        var letters: [RedrivenLetter] = []
        var verdicts: [MessageID: RedriveVerdict] = [:]
    }
    private let state = Mutex(State())
    private let box: MemoryBox
    private let clock: SleepersClock
    let refuses = Mutex<Set<String>>([])
    let failing = Mutex<Set<String>>([])
    let hangs = Mutex<Set<String>>([])

    init(_ box: MemoryBox, _ clock: SleepersClock) {
        self.box = box
        self.clock = clock
    }

    var letters: [RedrivenLetter] { state.withLock { $0.letters } }
    var bodies: [String] { letters.map(\.body.text) }

    func send(_ letters: [RedrivenLetter]) async -> [Result<MessageID, Failure>] {
        letters.map { letter in
            let body = letter.body.text
            if refuses.withLock({ $0.contains(body) }) { return .failure(Failure(.redriveRefused, body)) }
            let fails = failing.withLock { $0.contains(body) }
            let ends = !hangs.withLock { $0.contains(body) }
            let id = state.withLock { state in
                state.letters.append(letter)
                let id = MessageID("sent-\(state.letters.count)")
                if ends { state.verdicts[id] = fails ? .failed : .passed }
                return id
            }
            if fails { box.add("again-\(id)", body: body, failure: "handle.rejected \(id) e", at: clock.now) }
            return .success(id)
        }
    }

    func verdicts(on messages: Set<MessageID>) async throws(Failure) -> [MessageID: RedriveVerdict] {
        state.withLock { $0.verdicts.filter { messages.contains($0.key) } }
    }
}
