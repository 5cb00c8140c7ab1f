import Events
import Foundation
import Pipeline
import StoreCommon

/// The one way in which this sidecar writes what the journal tells: one transaction after the other, each with as many
/// units as fit, so that the journal's rows are one chain and concurrent commits share one round trip.
///
/// Nobody owns a thread here: whoever finds the lane idle leads, writes for all that wait, and hands over when its own
/// units have their end.
actor CommitLane {
    private struct Call {
        var ends: [CommitUnit.End?]
        var waiter: CheckedContinuation<Void, Never>?
        var isWhole: Bool { ends.allSatisfy { $0 != nil } }
    }
    private struct Pending {
        var unit: CommitUnit
        let call: Int
        let place: Int
        /// Transactions that it was in the way of, or others of it.
        var conflicts = 0
    }

    private let client: TableClient
    private let writers: Writers
    private let clock: any WallClock
    private let signals: TableSignals
    private let nextBoot: @Sendable () async throws(AWSError) -> Int64
    /// `nil` before the first write, and after others took the chain off the list.
    private var tail: Writers.Tail?
    /// The last transaction may still count, or not.
    private var isDoubtful = false
    private var isClosed = false

    private var calls: [Int: Call] = [:]
    private var lastCall = 0
    private var pending: [Pending] = []
    private var isLed = false
    private var lastRow: Int64 = 0
    /// Rows that nobody waits for: they go with the next transaction.
    private var unattended: [JournalLine] = []
    private static let unattendedAtMost = 10_000

    init(
        _ client: TableClient, _ writers: Writers, tail: Writers.Tail, clock: any WallClock, signals: TableSignals,
        nextBoot: @escaping @Sendable () async throws(AWSError) -> Int64
    ) {
        self.client = client
        self.writers = writers
        self.tail = tail
        owner = tail.boot
        self.clock = clock
        self.signals = signals
        self.nextBoot = nextBoot
    }

    /// Names this sidecar where it holds something in turn.
    nonisolated let owner: Int64

    // MARK: - calls

    /// Writes each whole or not at all, and answers in their order.
    func commit(_ units: [CommitUnit]) async -> [CommitUnit.End] {
        guard !units.isEmpty else { return [] }
        lastCall += 1
        let id = lastCall
        calls[id] = Call(ends: units.map { unit in unit.excess.map { .refused($0) } })
        for (place, unit) in units.enumerated() where unit.excess == nil {
            pending.append(Pending(unit: unit, call: id, place: place))
        }
        if isLed, calls[id]?.isWhole == false { await withCheckedContinuation { calls[id]?.waiter = $0 } }
        if calls[id]?.isWhole == false {
            isLed = true
            while calls[id]?.isWhole == false { await flush() }
            handOver()
        }
        return calls.removeValue(forKey: id)?.ends.compactMap { $0 } ?? []
    }

    private func handOver() {
        isLed = false
        guard let next = pending.first(where: { calls[$0.call]?.waiter != nil }) else { return }
        isLed = true
        calls[next.call]?.waiter?.resume()
        calls[next.call]?.waiter = nil
    }

    /// Lost with the process: they tell what happened to a message, and decide nothing.
    func record(_ entries: [JournalEntry]) {
        unattended += entries.map { JournalLine(entry: $0) }
        if unattended.count > Self.unattendedAtMost { unattended.removeFirst(unattended.count - Self.unattendedAtMost) }
    }

    /// Writes the rows that nobody waits for, unless somebody writes just now and takes them along.
    func flushRecords() async -> Failure? {
        guard !isLed, !unattended.isEmpty else { return nil }
        isLed = true
        defer { handOver() }
        do throws(AWSError) {
            for _ in 0..<Self.conflictsAtMost where !unattended.isEmpty { try await write(CommitPack([])) }
            return nil
        } catch {
            return failure(error)
        }
    }

    func close() { isClosed = true }

    /// The end of the chain, as far as it is known to be written.
    var committedTail: Writers.Tail? { isDoubtful ? nil : tail }

    // MARK: - the chain

    private func currentTail() async throws(AWSError) -> Writers.Tail {
        guard !isClosed else { throw AWSError(.unreachable, "the store is closed") }
        if let tail, !isDoubtful { return tail }
        var found: Writers.Tail?
        if let tail { found = try await writers.reload(tail) }
        if found == nil { found = try await writers.join(boot: try await nextBoot(), at: clock.now) }
        guard let found else { throw AWSError(.badReply, "no writer") }
        tail = found
        isDoubtful = false
        return found
    }

    // MARK: - transactions

    private func flush() async {
        let pack = CommitPack(pending.map(\.unit))
        do throws(AWSError) { try await write(pack) } catch { fail(pack, error) }
    }

    private func write(_ pack: CommitPack) async throws(AWSError) {
        let tail = try await currentTail()
        let units = pack.units.map { pending[$0].unit }
        let newest = try await newest(of: units)
        var next = tail
        var writes: [Write] = []
        var ranges: [Range<Int>] = []
        let now = clock.now
        for unit in units {
            let start = writes.count
            writes += unit.parts.map(\.write)
            for entry in unit.entries {
                // Behind all that waits for the bus under this resource, whoever committed it.
                lastRow = OutboxEntry.row(after: max(lastRow, newest[entry.partition] ?? 0), boot: tail.boot, at: now)
                writes += entry.items(row: lastRow).map { .put($0) }
            }
            for line in unit.lines { writes += chain(line, to: &next) }
            ranges.append(start..<writes.count)
        }
        let riders = riders(beside: writes)
        for line in riders { writes += chain(line, to: &next) }
        next.turn += 1
        writes.append(Writers.advance(tail, to: next, at: now))
        isDoubtful = true
        let start = ContinuousClock.now
        switch try await client.transact(writes) {
        case .done:
            let calls = Set(pack.units.map { pending[$0].call }).count
            client.observer?(.committed(calls: calls, took: .now - start))
            self.tail = next
            isDoubtful = false
            unattended.removeFirst(min(riders.count, unattended.count))
            for index in pack.units { finish(index, .committed) }
            signals.wrote(units)
        case .cancelled(let reasons):
            if reasons.last?.isCondition != true { isDoubtful = false }
            await judge(pack, reasons, ranges)
        }
        pending.removeAll { calls[$0.call]?.ends[$0.place] != nil }
    }

    private func chain(_ line: JournalLine, to next: inout Writers.Tail) -> [Write] {
        next.place += 1
        next.hash = JournalChain.hash(of: line.entry, number: next.place, boot: next.boot, after: next.hash)
        return line.items(place: next.place, boot: next.boot, hash: next.hash, keep: writers.keep).map { .put($0) }
    }

    /// Rows that nobody waits for, as many as there is room.
    private func riders(beside writes: [Write]) -> ArraySlice<JournalLine> {
        let room = CommitUnit.items - writes.count
        return writes.reduce(0, { $0 + $1.size }) < CommitUnit.bytes - 100_000 ? unattended.prefix(max(0, room)) : []
    }

    /// The numbers of the newest entries of these resources. Those without one are alone in their partition.
    private func newest(of units: [CommitUnit]) async throws(AWSError) -> [String: Int64] {
        let partitions = Set(units.flatMap(\.entries).filter { !$0.draft.resource.isEmpty }.map(\.partition))
        let client = client
        let pages = await together(Array(partitions)) { partition throws(AWSError) in
            var query = Query(partition)
            query.through = .text(TableLayout.padded(.max))
            query.isDescending = true
            query.limit = 1
            query.names = ["pk", "sk"]
            return try await client.query(query).items.first?.key
        }
        var newest: [String: Int64] = [:]
        for page in pages {
            if let key = try page.get() { newest[key.partition] = Int64(key.sort) }
        }
        return newest
    }

    // MARK: - ends

    private func failure(_ error: AWSError) -> Failure {
        let failure = error.ofTable(client.table)
        client.observer?(.failed(failure))
        return failure
    }

    private func finish(_ index: Int, _ end: CommitUnit.End) {
        let (call, place) = (pending[index].call, pending[index].place)
        calls[call]?.ends[place] = end
        guard calls[call]?.isWhole == true, let waiter = calls[call]?.waiter else { return }
        calls[call]?.waiter = nil
        waiter.resume()
    }

    private func judge(_ pack: CommitPack, _ reasons: [TableClient.Reason], _ ranges: [Range<Int>]) async {
        // A turn that was lost is read anew before the next transaction.
        var goesOn = reasons.last?.isCondition == true
        var worst = 0
        for (index, range) in zip(pack.units, ranges) {
            let own = reasons[range]
            if let end = pending[index].unit.judge(own) {
                finish(index, end)
                goesOn = true
            } else if own.contains(where: { $0.code == "ValidationError" }) {
                finish(index, .refused("ValidationError"))
                goesOn = true
            } else if let cause = own.first(where: { $0.isCause && !$0.isCondition }) {
                // A conflict with somebody else's transaction, or a throttled partition.
                worst = max(worst, postpone(index, cause.code))
            } else if own.contains(where: \.isCondition) {
                goesOn = true
            }
        }
        if !goesOn, worst == 0 {
            let code = reasons.first(where: \.isCause)?.code ?? ""
            for index in pack.units { worst = max(worst, postpone(index, code)) }
        }
        if worst > 0 { await TableClient.pause(after: worst) }
    }

    /// - Returns: how often it was.
    private func postpone(_ index: Int, _ code: String) -> Int {
        pending[index].conflicts += 1
        if pending[index].conflicts > Self.conflictsAtMost {
            finish(index, .failed(failure(AWSError(.throttled, identifier(code)))))
        } else {
            client.observer?(.repeated(StoreEvent.Repeat(code: code)))
        }
        return pending[index].conflicts
    }

    /// With the pauses between them some five seconds.
    private static let conflictsAtMost = 10

    /// The call itself failed. What is refused as a whole is tried one by one, to find the one that is wrong.
    private func fail(_ pack: CommitPack, _ error: AWSError) {
        let isRefused = error.kind == .refused
        if isRefused, pack.units.count > 1 {
            for index in pack.units { pending[index].unit.isAlone = true }
            isDoubtful = true
            return
        }
        let end = isRefused ? CommitUnit.End.refused(error.code) : .failed(failure(error))
        for index in pack.units { finish(index, end) }
        pending.removeAll { calls[$0.call]?.ends[$0.place] != nil }
    }
}
