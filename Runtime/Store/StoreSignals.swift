/// Wakes whoever waits for work that a commit made: the relay of the outbox, and the timers.
struct StoreSignals: Sendable {
    let outboxWrites: AsyncStream<Void>
    let timerChanges: AsyncStream<Void>
    private let outbox: AsyncStream<Void>.Continuation
    private let timers: AsyncStream<Void>.Continuation

    init() {
        (outboxWrites, outbox) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (timerChanges, timers) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func send(_ counters: Counters) {
        if counters.wroteOutbox { outbox.yield() }
        if counters.changedTimers { timers.yield() }
    }

    func finish() {
        outbox.finish()
        timers.finish()
    }
}
