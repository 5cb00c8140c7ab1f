import Events
import StoreCommon

/// What one call wants written: committed whole or not at all, with others in one transaction.
struct Part: Sendable {
    /// Of everything that its statements look at or change.
    var locks: [Int64] = []
    var statements: [Statement] = []
    /// Who is woken when it is committed.
    var rings: Rings = []
}

/// Kinds of waiters.
struct Rings: OptionSet, Sendable {
    let rawValue: Int
    static let outbox = Rings(rawValue: 1)
    static let timers = Rings(rawValue: 2)
    static let journal = Rings(rawValue: 4)
    static let all: Rings = [.outbox, .timers, .journal]
}

/// Everything that this sidecar writes for good, in one connection and so in one order.
///
/// Calls that come while a transaction is under way share the next one, and its one wait for the server's disk. A
/// group whose values the server refuses is undone and taken apart: then each part has a transaction of its own.
actor Writer {
    typealias Answer = Result<[[Row]], ServerFailure>
    private struct Call {
        let parts: [Part]
        let answer: CheckedContinuation<Result<[Answer], Failure>, Never>
    }
    /// Parts of one transaction: some megabytes, some milliseconds.
    private static let partsAtOnce = 128
    private static let tries = 3
    private static let unattendedWait = Duration.milliseconds(20)

    private let executor = StoreExecutor("outrigger.postgresql.writer")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let options: PostgreSQLOptions
    private let boot: Int64
    private let signals: Signals
    private var session: Session?
    private var isClosed = false
    private var pending: [Call] = []
    private var unattended: [Part] = []

    init(_ options: PostgreSQLOptions, boot: Int64, signals: Signals) {
        self.options = options
        self.boot = boot
        self.signals = signals
    }

    /// Answers with the rows of each statement of each part.
    ///
    /// - Throws: `store.*` when nothing is known to be committed. A part whose own values were refused has a result of
    ///   its own.
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
            var count = 0
            while let next = pending.first, calls.isEmpty || count + next.parts.count <= Self.partsAtOnce {
                calls.append(pending.removeFirst())
                count += next.parts.count
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
    private func transact(_ parts: [Part], _ session: Session) throws(ServerFailure) -> [[[Row]]] {
        let rings = parts.reduce(into: Rings()) { $0.formUnion($1.rings) }
        let locks = LockKeys.sorted(parts.flatMap(\.locks))
        var statements = [Statement("SELECT take_locks($1)", [.integers(locks)])] + parts.flatMap(\.statements)
        if !rings.isEmpty {
            statements.append(
                Statement(
                    "SELECT pg_notify($1, $2)",
                    [.text(Signals.channel(options.schema)), .text("\(boot) \(rings.rawValue)")], begins: true))
        }
        var answers = try attempt(statements, session).dropFirst()
        return parts.map { part in
            defer { answers = answers.dropFirst(part.statements.count) }
            return Array(answers.prefix(part.statements.count))
        }
    }

    private func attempt(_ statements: [Statement], _ session: Session) throws(ServerFailure) -> [[Row]] {
        for _ in 1..<Self.tries {
            do throws(ServerFailure) { return try session.run(statements) } catch {
                guard error.isPassing else { throw error }
            }
        }
        return try session.run(statements)
    }

    private func open() throws(Failure) -> Session {
        guard !isClosed else { throw Failure(.storeUnavailable, "postgresql", "the store is closed") }
        if let session { return session }
        let opened = try Session(options)
        try Schema.require(opened, options.schema)
        session = opened
        options.observer?(.connected)
        return opened
    }
}
