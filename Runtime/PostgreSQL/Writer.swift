import Events
import Pipeline
import StoreCommon

/// Everything that this sidecar writes for good, in one connection and so in one order.
///
/// Calls that come while a transaction is under way share the next one, and its one wait for the server's disk. A
/// group whose values the server refuses is undone and taken apart: then each part has a transaction of its own.
actor Writer {
    typealias Answer = Result<[Row], ServerFailure>
    private struct Call {
        let parts: [Part]
        let answer: CheckedContinuation<Result<[Answer], Failure>, Never>
    }
    /// Parts of one transaction: some megabytes, some milliseconds.
    private static let partsAtOnce = 128
    /// Of all transactions together the server takes some thousands, by default.
    private static let locksAtOnce = 1_024
    private static let tries = 3
    private static let unattendedWait = Duration.milliseconds(20)

    private let executor = StoreExecutor("outrigger.postgresql.writer")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let options: PostgreSQLOptions
    private let chain: Chain
    private let signals: Signals
    private var session: Session?
    private var isClosed = false
    private var pending: [Call] = []
    private var unattended: [Part] = []

    init(_ options: PostgreSQLOptions, chain: Chain, signals: Signals) {
        self.options = options
        self.chain = chain
        self.signals = signals
    }

    /// Answers with the rows of each part's decision.
    ///
    /// - Throws: `store.*` when they are not known to be committed. A part whose own values were refused has a result
    ///   of its own.
    func perform(_ parts: [Part]) async throws(Failure) -> [Answer] {
        guard !parts.isEmpty else { return [] }
        return try await withCheckedContinuation { answer in
            if pending.isEmpty { executor.enqueue { self.assumeIsolated { $0.flush() } } }
            pending.append(Call(parts: parts, answer: answer))
        }.get()
    }

    /// What nobody waits for: it goes with the next transaction, or soon in one of its own, and is lost if that fails.
    func leave(_ parts: [Part]) {
        guard !parts.isEmpty else { return }
        if unattended.isEmpty {
            executor.enqueue(after: Self.unattendedWait) { self.assumeIsolated { $0.flush() } }
        }
        unattended += parts
    }

    func close() {
        flush()
        isClosed = true
        session = nil
    }

    private func flush() {
        while !pending.isEmpty || !unattended.isEmpty {
            var calls: [Call] = []
            var (count, locks) = (0, 0)
            while let next = pending.first {
                count += next.parts.count
                locks += next.parts.reduce(0) { $0 + $1.locks.count }
                guard calls.isEmpty || (count <= Self.partsAtOnce && locks <= Self.locksAtOnce) else { break }
                calls.append(pending.removeFirst())
            }
            let rest = Array(unattended.prefix(Self.partsAtOnce))
            unattended.removeFirst(rest.count)
            write(calls, rest)
        }
    }

    private func write(_ calls: [Call], _ rest: [Part]) {
        let start = ContinuousClock.now
        do throws(Failure) {
            let parts = calls.flatMap(\.parts) + rest
            var answers = try commit(parts)[...]
            let rings = zip(parts, answers).reduce(into: Rings()) { rings, done in
                if case .success = done.1 { rings.formUnion(done.0.rings) }
            }
            signals.ring(rings)
            if rings.contains(.journal) { signals.wrote(rows: parts.count { $0.rings.contains(.journal) }) }
            options.observer?(.committed(calls: calls.count, took: .now - start))
            for call in calls {
                call.answer.resume(returning: .success(Array(answers.prefix(call.parts.count))))
                answers = answers.dropFirst(call.parts.count)
            }
        } catch {
            options.observer?(.failed(error))
            for call in calls { call.answer.resume(returning: .failure(error)) }
        }
    }

    private func commit(_ parts: [Part]) throws(Failure) -> [Answer] {
        var answers: [Answer] = []
        var rest = parts[...]
        while !rest.isEmpty {
            let group = Self.head(of: rest)
            answers += try commit(group: Array(group))
            rest = rest[group.endIndex...]
        }
        return answers
    }

    /// As many parts as one transaction may have locks for; one alone may have more.
    private static func head(of rest: ArraySlice<Part>) -> ArraySlice<Part> {
        var locks = 0
        let end = rest.indices.first { place in
            locks += rest[place].locks.count
            return locks > locksAtOnce && place > rest.startIndex
        }
        return rest[..<(end ?? rest.endIndex)]
    }

    private func commit(group parts: [Part]) throws(Failure) -> [Answer] {
        let session = try open()
        do throws(ServerFailure) {
            do throws(ServerFailure) { return try transact(parts, session).map(Answer.success) } catch {
                guard error.isOfTheValues else { throw error }
                var answers: [Answer] = []
                for part in parts {
                    do throws(ServerFailure) {
                        answers.append(.success(try transact([part], session).first ?? []))
                    } catch {
                        guard error.isOfTheValues else { throw error }
                        answers.append(.failure(error))
                    }
                }
                return answers
            }
        } catch {
            if session.isBroken { self.session = nil }
            throw error.failure(at: session.place)
        }
    }

    /// One transaction, and behind it the word to others: a notification inside would hold a lock of all databases
    /// while the commit waits for the disk.
    private func transact(_ parts: [Part], _ session: Session) throws(ServerFailure) -> [[Row]] {
        let exchange = Exchange(parts)
        let rings = parts.reduce(into: Rings()) { $0.formUnion($1.rings) }
        let word = Statement(
            "SELECT pg_notify($1, $2)",
            [.text(Signals.channel(options.schema)), .text("\(chain.boot) \(rings.rawValue)")])
        return exchange.answers(try attempt(exchange.statements, rings.isEmpty ? nil : word, session))
    }

    private func attempt(
        _ statements: [Statement], _ word: Statement?, _ session: Session
    ) throws(ServerFailure) -> [[Row]] {
        for _ in 1..<Self.tries {
            do throws(ServerFailure) { return try session.run(statements, afterwards: word) } catch {
                guard error.isPassing else { throw error }
                options.observer?(.repeated(.conflict))
            }
        }
        return try session.run(statements, afterwards: word)
    }

    private func open() throws(Failure) -> Session {
        guard !isClosed else { throw Failure(.storeUnavailable, "postgresql", "the store is closed") }
        if let session { return session }
        let opened = try Session(options)
        try Schema.require(opened, options.schema)
        try chain.begin(on: opened)
        session = opened
        options.observer?(.connected)
        return opened
    }
}
