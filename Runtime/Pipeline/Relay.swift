public import Events

/// The way out: committed publications, signed when they are sent, to the bus, each entry retried on its own.
///
/// A state machine like ``Pipeline``; ``RelayRunner`` performs its actions. Order is kept per resource: the store
/// offers at most one row of a resource, and the next only when that one is settled.
public struct Relay: Sendable {
    public enum Input: Sendable {
        /// Rows were written, or a time has come.
        case wake
        case due(Result<[Publication], Failure>)
        case put([SignedPublication], [Failure?])
        case unsigned(Publication, Failure)
        case settled(Failure?)
        case stop(deadline: Instant)
        /// How long a row may be refused, from here on.
        case giveUp(after: Duration)
    }
    public enum Action: Sendable {
        case read(atMost: Int, excluding: Set<Int64>)
        case put([Publication])
        case settle([PublicationResult])
        case wake(at: Instant)
        case note(RelayEvent)
        case stopped
    }

    private var giveUp: Duration
    private let lanes: Int
    private let backoff = Backoff(base: .milliseconds(200), cap: .minutes(1))
    private var sending: [Int64: Publication] = [:]
    private var calls = 0
    private var isReading = false
    private var isStale = true
    private var results: [PublicationResult] = []
    private var settling: [PublicationResult] = []
    /// When rows are due again, in order.
    private var retries: [Instant] = []
    /// Rows may be due of which nobody here knows when: from before a restart, or another relay's.
    private var lookAt = Instant.distantFuture
    private var errors = 0
    private var readAt = Instant.distantPast
    private var deadline: Instant?
    private var isStopped = false
    private var wakeAt = Instant.distantFuture
    private var random: SeededGenerator
    private var actions: [Action] = []

    /// - Parameters:
    ///   - giveUp: how long a row may be refused before it is dead-lettered.
    ///   - lanes: PutEvents calls at once.
    public init(giveUp: Duration, lanes: Int = 4, seed: UInt64) {
        self.giveUp = giveUp
        self.lanes = lanes
        random = SeededGenerator(seed: seed)
    }

    public mutating func on(_ input: Input, at now: Instant) -> [Action] {
        guard !isStopped else { return [] }
        switch input {
        case .wake:
            isStale = true
            // Else each that comes while another is awaited would ask for one more. One that is too far off was asked
            // for before the clock was set back.
            if now >= wakeAt || wakeAt - now > backoff.cap { wakeAt = .distantFuture }
        case .due(let result): read(result, at: now)
        case .put(let entries, let failures):
            calls -= 1
            for (entry, failure) in zip(entries, failures) { end(entry.publication, failure, at: now) }
        case .unsigned(let publication, let failure): end(publication, failure, at: now)
        case .settled(let failure): settled(failure, at: now)
        case .stop(let deadline):
            self.deadline = deadline
            // A last look: what was written a moment ago goes, too.
            isStale = true
        case .giveUp(let limit): giveUp = limit
        }
        advance(at: now)
        defer { actions = [] }
        return actions
    }

    private mutating func read(_ result: Result<[Publication], Failure>, at now: Instant) {
        isReading = false
        lookAt = now + backoff.cap
        switch result {
        case .failure(let failure):
            errors += 1
            readAt = now + backoff.delay(attempt: errors, random: &random)
            isStale = true
            actions.append(.note(.failed(nil, failure)))
        case .success(let rows):
            errors = 0
            guard !rows.isEmpty else { return }
            isStale = true
            for row in rows { sending[row.row] = row }
            calls += 1
            actions.append(.put(rows))
        }
    }

    private mutating func end(_ publication: Publication, _ failure: Failure?, at now: Instant) {
        guard sending[publication.row] != nil else { return }
        results.append(PublicationResult(row: publication.row, end: verdict(on: publication, failure, at: now)))
        if let failure { actions.append(.note(.failed(publication, failure))) } else {
            actions.append(.note(.sent(publication, took: now - publication.committedAt)))
        }
    }

    private mutating func verdict(
        on publication: Publication, _ failure: Failure?, at now: Instant
    ) -> PublicationResult.End {
        guard let failure else { return .sent }
        if failure.code == .publishRefused || failure.code == .publishTooLarge { return .gaveUp(failure) }
        if now - publication.committedAt > giveUp {
            return .gaveUp(Failure(.publishGaveUp, publication.id, failure.description))
        }
        let at = now + backoff.delay(attempt: publication.attempts + 1, random: &random) + .milliseconds(50)
        retries.insert(at, at: retries.firstIndex { $0 > at } ?? retries.endIndex)
        return .retry(at: at, failure)
    }

    private mutating func settled(_ failure: Failure?, at now: Instant) {
        if let failure {
            // What was sent is sent again under the same id, unless the store takes the word later.
            actions.append(.note(.failed(nil, failure)))
            results.insert(contentsOf: settling, at: 0)
            errors += 1
            readAt = now + backoff.delay(attempt: errors, random: &random)
        } else {
            for result in settling { sending[result.row] = nil }
            isStale = true
        }
        settling = []
    }

    private mutating func advance(at now: Instant) {
        let due = retries.prefix { $0 <= now }.count
        retries.removeFirst(due)
        if due > 0 || lookAt <= now { isStale = true }
        if settling.isEmpty, !results.isEmpty, now >= readAt {
            settling = results
            results = []
            actions.append(.settle(settling))
        }
        if isStale, !isReading, calls < lanes, now >= readAt {
            isStale = false
            isReading = true
            actions.append(.read(atMost: Limits.putEventsEntries, excluding: Set(sending.keys)))
        }
        let isDone = calls == 0 && !isReading && !isStale && results.isEmpty && settling.isEmpty
        if let deadline, now >= deadline || isDone {
            isStopped = true
            actions.append(.stopped)
            return
        }
        let times = [retries.first, lookAt, readAt > now ? readAt : nil, deadline].compactMap { $0 }.filter { $0 > now }
        if let next = times.min(), next < wakeAt {
            wakeAt = next
            actions.append(.wake(at: next))
        }
    }
}

/// What happens on the way out.
public enum RelayEvent: Sendable {
    /// `took`: from commit to the bus's answer.
    case sent(Publication, took: Duration)
    /// `nil`: the store itself failed.
    case failed(Publication?, Failure)
}

public protocol RelayObserver: Sendable {
    func note(_ event: RelayEvent, at now: Instant)
}

/// The edge of the relay.
public struct RelayRunner: Sendable {
    private let outbox: any Outbox
    private let signer: any Signer
    private let bus: any EventBus
    private let observer: any RelayObserver
    private let clock: any WallClock
    private let inbox: AsyncStream<Relay.Input>
    private let send: AsyncStream<Relay.Input>.Continuation

    public init(
        outbox: any Outbox, signer: any Signer, bus: any EventBus, observer: any RelayObserver, clock: any WallClock
    ) {
        self.outbox = outbox
        self.signer = signer
        self.bus = bus
        self.observer = observer
        self.clock = clock
        (inbox, send) = AsyncStream.makeStream()
    }

    /// Rows were written.
    public func wake() { send.yield(.wake) }
    public func stop(deadline: Instant) { send.yield(.stop(deadline: deadline)) }
    public func giveUp(after limit: Duration) { send.yield(.giveUp(after: limit)) }

    public func run(_ relay: consuming Relay) async {
        send.yield(.wake)
        await withDiscardingTaskGroup { group in
            for await input in inbox {
                for action in relay.on(input, at: clock.now) {
                    switch action {
                    case .note(let event): observer.note(event, at: clock.now)
                    case .stopped:
                        send.finish()
                        group.cancelAll()
                        return
                    default: group.addTask { await perform(action) }
                    }
                }
            }
        }
    }

    private func perform(_ action: Relay.Action) async {
        switch action {
        case .read(let count, let excluding):
            do throws(Failure) {
                send.yield(.due(.success(try await outbox.due(atMost: count, excluding: excluding, at: clock.now))))
            } catch { send.yield(.due(.failure(error))) }
        case .put(let publications): await put(publications)
        case .settle(let results):
            do throws(Failure) {
                try await outbox.settle(results, at: clock.now)
                send.yield(.settled(nil))
            } catch { send.yield(.settled(error)) }
        case .wake(let at):
            if (try? await Task.sleep(for: max(.zero, at - clock.now))) != nil { send.yield(.wake) }
        case .note, .stopped: break
        }
    }

    /// Signs, then sends in as few requests as the bus's size limit allows, the token counted.
    private func put(_ publications: [Publication]) async {
        var entries: [SignedPublication] = []
        for (publication, result) in zip(publications, await signer.sign(publications, at: clock.now)) {
            switch result {
            case .success(let entry): entries.append(entry)
            case .failure(let failure): send.yield(.unsigned(publication, failure))
            }
        }
        var answered: [Failure?] = []
        var batch: [SignedPublication] = []
        var bytes = 0
        for entry in entries {
            let size = bus.size(of: entry)
            if !batch.isEmpty && bytes + size > Limits.putEventsBytes {
                answered += await bus.put(batch)
                (batch, bytes) = ([], 0)
            }
            batch.append(entry)
            bytes += size
        }
        if !batch.isEmpty { answered += await bus.put(batch) }
        send.yield(.put(entries, answered))
    }
}
