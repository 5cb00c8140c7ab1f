import Events
import Pipeline
import Settings
import Telemetry

/// What goes on beside the events: timers that come due, space, the outbox's depth, retention.
struct Housekeeping: Sendable {
    private static let round = Duration.seconds(5)
    private static let beat = Duration.seconds(1)
    private static let sweepEvery = 12
    private static let lookAgain = Duration.seconds(30)

    let store: any EventStore
    let serving: Serving
    let observers: Observers

    /// Until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await rounds() }
            group.addTask { await beats() }
            group.addTask { await timers() }
        }
    }

    private func rounds() async {
        var count = 0
        var off = Duration.zero
        while !Task.isCancelled {
            off = watchClock(known: off)
            await watchSpace()
            await watchOutbox()
            await watchParked()
            if count % Self.sweepEvery == 0 { await sweep() }
            count += 1
            observers.telemetry.flush(at: observers.clock.now)
            // Cancelled: the loop ends by its own condition.
            try? await Task.sleep(for: Self.round)
        }
    }

    /// Somebody has set the machine's clock: told once. Until ours has followed, it and the log's lines differ.
    /// - Returns: by how much ours is off, either way.
    private func watchClock(known: Duration) -> Duration {
        let ahead = SystemClock().now - observers.clock.now
        let off = ahead < .zero ? .zero - ahead : ahead
        if off > known + .minutes(1) {
            observers.telemetry.log(
                .warning, "the machine's clock was set: the sidecar's follows it without a jump",
                [Attribute(name: "ahead_ms", value: String(ahead.milliseconds))], at: observers.clock.now)
        }
        return off
    }

    /// What others did is seen here, and what was done here there. While that fails the store is away: nothing begins.
    private func beats() async {
        var isAway = false
        while !Task.isCancelled {
            do throws(Failure) {
                try await store.beat(at: observers.clock.now)
                if isAway { try await store.check() }
                if isAway { tell(nil) }
                isAway = false
            } catch {
                tell(error)
                isAway = true
            }
            // Cancelled: the loop ends by its own condition.
            try? await Task.sleep(for: Self.beat)
        }
    }

    private func tell(_ failure: Failure?) {
        serving.storeAway(failure)
        observers.telemetry.storeAway(failure != nil)
        observers.board.set("store", failure?.description)
    }

    private func watchSpace() async {
        do throws(Failure) {
            try await store.check()
            serving.pressure(area: "space", nil)
            observers.board.set("store", nil)
        } catch {
            serving.pressure(area: "space", error)
            observers.board.set("store", error.description)
        }
    }

    private func watchParked() async {
        guard let groups = try? await store.parkedGroups(at: observers.clock.now) else { return }
        let counts = Dictionary(grouping: groups, by: \.consumer).mapValues(\.count)
        for queue in serving.generation.configuration.queues {
            observers.telemetry.parkedGroups(counts[queue.name] ?? 0, of: queue.name)
        }
    }

    private func watchOutbox() async {
        guard let depth = try? await store.depth() else { return }
        observers.telemetry.outbox(depth)
        let limits = serving.generation.configuration.outbox
        await store.limitOutbox(OutboxLimits(rows: limits.rows, bytes: limits.bytes))
        let isFull = depth.rows >= limits.rows || depth.bytes >= limits.bytes
        let failure = Failure(.publishUnavailable, "outbox", "\(depth.rows) events wait for the bus")
        serving.pressure(area: "outbox", isFull ? failure : nil)
        observers.board.set("outbox", isFull ? failure.description : nil)
    }

    private func sweep() async {
        do throws(Failure) {
            _ = try await store.sweep(at: observers.clock.now)
            let size = try await store.size()
            observers.telemetry.storeSize(bytes: size.bytes, journalRows: size["journal"])
            let handlers = Set(serving.generation.configuration.queues.flatMap(\.handlers))
            observers.telemetry.strayTimers(try await store.strays(beside: handlers, at: observers.clock.now))
        } catch { observers.report(error) }
    }

    // MARK: - timers

    /// Wakes when a timer comes due or is set; one sleeper at a time is enough, since an earlier one replaces it.
    private func timers() async {
        let (rings, bell) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in store.timerChanges { bell.yield() } }
            bell.yield()
            var sleepingUntil = Instant.distantFuture
            for await _ in rings {
                let now = observers.clock.now
                if now >= sleepingUntil { sleepingUntil = .distantFuture }
                let handlers = Set(serving.generation.configuration.queues.flatMap(\.handlers))
                await deliver(of: handlers, at: now)
                // Timers that were delivered stay in the store until they are done, and another generation may have
                // more handlers: look again in a while.
                let next = (try? await store.next(of: handlers)) ?? nil
                let at = min(max(next ?? .distantFuture, now + .seconds(1)), now + Self.lookAgain)
                guard at < sleepingUntil else { continue }
                sleepingUntil = at
                group.addTask {
                    if (try? await Task.sleep(for: at - now)) != nil { bell.yield() }
                }
            }
        }
    }

    private func deliver(of handlers: Set<HandlerID>, at now: Instant) async {
        let count = Limits.batchEntries * 10
        guard let due = try? await store.due(of: handlers, at: now, atMost: count) else { return }
        for (handler, events) in Dictionary(grouping: due, by: { HandlerID($0.detailType) }) {
            serving.station(of: handler)?.runner.timers(events)
        }
    }
}
