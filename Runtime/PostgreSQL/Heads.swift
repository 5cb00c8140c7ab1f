import Cryptography
public import Events
public import Pipeline
import StoreCommon
import Synchronization

/// This start of the sidecar as a writer of the journal.
struct Chain: Sendable {
    let store: String
    let boot: Int64
    let name: String

    /// Begins it, or puts it back where it was silent for so long that nothing of it was left.
    func begin(on session: Session) throws(Failure) {
        let genesis = JournalChain.genesis(store: store, boot: boot, after: JournalChain.nothing)
        _ = try session.ask(
            """
            INSERT INTO writers (boot, name, began, genesis, hash) VALUES ($1, $2, clock(), $3, $3) \
            ON CONFLICT DO NOTHING
            """, [.integer(boot), .text(name), .digest(genesis)])
    }
}

// Heads of all chains: each sidecar seals its own, and now and then those that nobody seals any more.

extension PostgreSQLStore: JournalHeads {
    /// How often a sidecar looks for chains of others.
    private static let lookEvery = Duration.seconds(30)

    public var fullSegments: AsyncStream<Void> { signals.fullSegments }

    public func headToSeal(force: Bool, at now: Instant) async throws(Failure) -> UnsealedHead? {
        let own = boot
        if let head = try await dueHeads("w.boot = $2", own, isOwn: true, force: force, at: now).first { return head }
        let isTime = lookedAt.withLock { last in
            guard last + Self.lookEvery <= now || last > now else { return false }
            last = now
            return true
        }
        guard isTime else { return nil }
        let heads = try await dueHeads("w.boot <> $2", own, isOwn: false, force: false, at: now)
        // There are more: the next round goes on.
        if heads.count > 1 { lookedAt.withLock { $0 = .distantPast } }
        return heads.first
    }

    private func dueHeads(
        _ condition: String, _ own: Int64, isOwn: Bool, force: Bool, at now: Instant
    ) async throws(Failure) -> [UnsealedHead] {
        let rows = try await pool.ask(
            """
            SELECT w.boot, w.place, w.hash, w.bytes, w.sealed, w.sealed_at, w.first, coalesce(c.place, 0), \
            coalesce(a.place, 0), (SELECT j.time FROM journal j \
            WHERE j.boot = w.boot AND j.place > coalesce(c.place, 0) ORDER BY j.place LIMIT 1) FROM writers w \
            LEFT JOIN LATERAL (SELECT place FROM heads h WHERE h.boot = w.boot AND h.closes \
            ORDER BY place DESC LIMIT 1) c ON true \
            LEFT JOIN LATERAL (SELECT place FROM heads h WHERE h.boot = w.boot AND h.closes AND h.time <= $1::bigint \
            ORDER BY place DESC LIMIT 1) a ON true WHERE \(condition) ORDER BY w.boot
            """, [.instant(now - options.journalKeep), .integer(own)])
        let rules = sealing
        return rows.compactMap { row in
            // Of rows that have no number yet nobody knows how long they have waited.
            let isNew = !isOwn && row.isNull(9) && row.integer(1) > row.integer(4)
            guard !isNew, let hash = row.digest(2) else { return nil }
            let end = ChainEnd(
                boot: row.integer(0), number: row.integer(1), hash: hash, bytes: row.integer(3),
                sealed: row.integer(4), sealedAt: row.instant(5), first: row.integer(6), closing: row.integer(7),
                aged: row.integer(8), open: row.isNull(9) ? nil : row.instant(9))
            return end.headToSeal(of: id, rules, isOwn: isOwn, force: force, at: now)
        }
    }

    private var sealing: SealingRules {
        SealingRules(keep: options.journalKeep, segment: options.journalSegment, seal: options.journalSeal)
    }

    public func seal(_ head: UnsealedHead, _ signature: HeadSignature?) async throws(Failure) {
        let statement = head.statement
        var part = Part()
        part.effects = [
            Statement(
                "SELECT seal($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                [
                    .integer(statement.boot), .integer(statement.number), .digest(statement.hash),
                    .integer(statement.first), .instant(statement.time), .flag(head.closes), .integer(head.total),
                    .text(signature?.keyID ?? ""), .bytes((signature?.bytes ?? [])[...]),
                ])
        ]
        for answer in try await writer.perform([part]) { _ = try require(answer) }
        if statement.boot == boot { signals.sealed() }
    }
}

extension PostgreSQLStore: JournalAuditor {
    private static let auditedAtOnce = 2_000

    public func audit(
        _ verifies: (@Sendable (HeadSignature, HeadStatement) -> Bool?)?
    ) async throws(Failure) -> JournalAudit {
        var audit = JournalAudit()
        for row in try await pool.ask("SELECT boot FROM writers ORDER BY boot", []) {
            guard let chain = try await auditedChain(row.integer(0), verifies) else { continue }
            audit.chains += 1
            audit.rows += chain.check.rows
            audit.heads += chain.heads.count
            audit.signed += chain.heads.count { $0.signature != nil }
            audit.unsealed += Int(chain.unsealed)
            if let found = chain.check.found, audit.breaks.count < Limits.journalPage { audit.breaks.append(found) }
        }
        if let gap = try await firstMissingNumber(), audit.breaks.count < Limits.journalPage {
            audit.breaks.append(JournalAudit.Break(boot: 0, number: gap - 1, place: gap, kind: .missing))
        }
        return audit
    }

    /// One chain, or `nil` where nothing of it is left. Rows that a sweep removed meanwhile look like a beginning that
    /// is missing: then it is walked again, from where it begins now.
    private func auditedChain(
        _ boot: Int64, _ verifies: (@Sendable (HeadSignature, HeadStatement) -> Bool?)?
    ) async throws(Failure) -> (check: ChainCheck, heads: [ChainHead], unsealed: Int64)? {
        while let writer = try await writer(boot), writer.integer(1) > 0 {
            let (end, first, sealed) = (writer.integer(1), writer.integer(2), writer.integer(3))
            let heads = try await sealedHeads(of: boot)
            // Of what writer and heads have said so far every row has a number then.
            try await numberRows()
            var check = ChainCheck(
                boot: boot, genesis: writer.digest(0) ?? JournalChain.nothing, first: first, end: end, heads: heads)
            if let verifies { check.verify(verifies) }
            try await walk(&check, boot: boot, from: first)
            check.finish()
            if check.found != nil, try await self.writer(boot)?.integer(2) != first { continue }
            return (check, heads, max(0, end - max(sealed, first - 1)))
        }
        return nil
    }

    private func writer(_ boot: Int64) async throws(Failure) -> Row? {
        try await pool.ask("SELECT genesis, place, first, sealed FROM writers WHERE boot = $1", [.integer(boot)]).first
    }

    private func sealedHeads(of boot: Int64) async throws(Failure) -> [ChainHead] {
        try await pool.ask(
            "SELECT place, hash, first, time, key, signature FROM heads WHERE boot = $1 ORDER BY place",
            [.integer(boot)]
        ).map { row in
            let statement = HeadStatement(
                store: id, boot: boot, number: row.integer(0), hash: row.digest(1) ?? JournalChain.nothing,
                first: row.integer(2), time: row.instant(3))
            let signature = HeadSignature(keyID: row.text(4), bytes: Array(row.bytes(5)))
            return ChainHead(statement: statement, signature: signature.keyID.isEmpty ? nil : signature)
        }
    }

    private func walk(_ check: inout ChainCheck, boot: Int64, from first: Int64) async throws(Failure) {
        var next = first
        while true {
            let rows = try await pool.ask(
                """
                SELECT \(JournalRow.columns), body, place FROM journal \
                WHERE boot = $1 AND place >= $2 ORDER BY place LIMIT \(Self.auditedAtOnce)
                """, [.integer(boot), .integer(next)])
            for row in rows {
                next = row.integer(5) + 1
                guard var found = JournalRow(row) else { continue }
                if !row.isNull(4) { found.body = row.bytes(4) }
                check.add(found, at: next - 1)
            }
            if rows.count < Self.auditedAtOnce { return }
        }
    }

    /// Behind the rows that were given up the numbers over all chains have no gap: a chain that was removed with all
    /// that names it leaves one.
    private func firstMissingNumber() async throws(Failure) -> Int64? {
        try await pool.ask(
            """
            SELECT n FROM (SELECT e.first AS n FROM journal_end e WHERE e.first <= e.number \
            AND NOT EXISTS (SELECT FROM journal WHERE number = e.first) UNION ALL \
            (SELECT j.number + 1 FROM journal j, journal_end e WHERE j.number >= e.first AND j.number < e.number \
            AND NOT EXISTS (SELECT FROM journal k WHERE k.number = j.number + 1) ORDER BY j.number LIMIT 1)) g \
            ORDER BY n LIMIT 1
            """, []
        ).first?.integer(0)
    }
}
