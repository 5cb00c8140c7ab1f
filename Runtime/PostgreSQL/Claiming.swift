public import Events
public import Pipeline
import StoreCommon
import Synchronization

// Looking and claiming are one step: a request is judged by the rows that were found, and granted only where the server
// finds the same rows still. An event that nobody has seen is judged before it is asked for: it costs no second
// exchange.

extension PostgreSQLStore {
    /// Requests of one transaction.
    private static let requestsAtOnce = 64
    /// Rows that change between looking and claiming belong to somebody who is at it.
    private static let rounds = 5

    private struct Asked {
        let index: Int
        let request: ClaimRequest
        /// What was judged: the mark of its rows, `nil` before there was anything to grant.
        var mark: String?
        var history: History
        var own: Int64?
        var wasDone = false
        var permit: Permit?
    }

    public func claim(_ requests: [ClaimRequest], at now: Instant) async throws(Failure) -> [Claim] {
        var claims: [Claim] = []
        for start in stride(from: 0, to: requests.count, by: Self.requestsAtOnce) {
            let chunk = Array(requests[start..<min(start + Self.requestsAtOnce, requests.count)])
            do throws(Failure) { claims += try await claimChunk(chunk, at: now) } catch {
                await release(claims.compactMap(\.lease))
                throw error
            }
        }
        return claims
    }

    private func claimChunk(_ requests: [ClaimRequest], at now: Instant) async throws(Failure) -> [Claim] {
        let call = book.withLock { $0.nextNumber() }
        var claims = [Claim](repeating: .inFlight, count: requests.count)
        var duplicates: [JournalEntry] = []
        var open = requests.enumerated().map { index, request in
            var asked = Asked(index: index, request: request, history: History(firstSeen: now))
            if case .grant(let history) = Dedup.judge([], for: request, at: now) {
                asked.mark = ""
                asked.history = history
            }
            return asked
        }
        for _ in 0..<Self.rounds where !open.isEmpty {
            let answers: [[Known]]
            do throws(Failure) { answers = try await ask(open, as: call, at: now) } catch {
                // It may have been granted all the same: nobody would run it until the lease has ended.
                let until = now + (requests.map(\.lease).max() ?? .zero) + .minutes(1)
                book.withLock { book in
                    book.lose(call, until: until)
                    for lease in claims.compactMap(\.lease) { book.remove(lease.fence) }
                }
                throw error
            }
            var left: [Asked] = []
            for (asked, known) in zip(open, answers) {
                if let granted = known.first, granted.kind == .granted {
                    claims[asked.index] = grant(asked, fence: granted.fence, at: now)
                    continue
                }
                let verdict = Known.Verdict(known, for: asked.request, at: now)
                switch verdict.judgement {
                case .grant(let history):
                    var again = asked
                    again.mark = known.first?.mark ?? ""
                    again.history = history
                    again.own = verdict.own
                    again.wasDone = verdict.wasDone
                    again.permit = verdict.permit
                    left.append(again)
                case .done:
                    duplicates.append(JournalEntry(duplicate: asked.request, of: verdict.done ?? "", at: now))
                    claims[asked.index] = .done
                case .inFlight: claims[asked.index] = .inFlight
                case .dead(let failure): claims[asked.index] = .dead(failure)
                case .refuse(let failure): claims[asked.index] = .refused(failure)
                }
            }
            open = left
        }
        await writer.leave(duplicates.map { record($0) })
        return claims
    }

    private func grant(_ asked: Asked, fence: UInt64, at now: Instant) -> Claim {
        let claim = Claimed(
            asked.request, history: asked.history, row: asked.own, wasDone: asked.wasDone, permit: asked.permit,
            keepsPayload: options.keepsPayloads)
        book.withLock { $0.grant(claim, fence: fence, until: now + asked.request.lease) }
        return .granted(Lease(fence: fence), asked.history)
    }

    /// One transaction, one round trip.
    private func ask(_ open: [Asked], as call: Int64, at now: Instant) async throws(Failure) -> [[Known]] {
        let lost = book.withLock { $0.lostCalls }
        let locks = open.flatMap { LockKeys.identities(of: $0.request, in: options.schema) }
        var statements = [Statement("SELECT take_locks($1)", [.integers(LockKeys.sorted(locks))])]
        if !lost.isEmpty {
            statements.append(Statement("DELETE FROM claims WHERE owner = ANY ($1)", [.integers(lost)]))
        }
        let first = statements.count
        statements += open.map { statement($0, call: call, at: now) }
        let sent = statements
        let rows = try await pool.run { session throws(ServerFailure) in try session.run(sent) }
        return rows.dropFirst(first).map { $0.compactMap { Known($0) } }
    }

    private func statement(_ asked: Asked, call: Int64, at now: Instant) -> Statement {
        let request = asked.request
        let event = request.event
        return Statement(
            """
            SELECT * FROM claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
            """,
            [
                .text(request.consumer.text), .text(event.id.issuer), .text(event.id.text),
                .optional(event.tokenDigest), .text(request.handler.text), .optional(request.businessKey),
                .optional(request.group), .instant(now), .optional(asked.mark), .digest(event.payloadDigest),
                .text(event.source), .text(event.detailType), .text(event.resource), .text(request.messageID.text),
                .number(asked.history.attempts), .number(asked.history.strikes), .instant(asked.history.firstSeen),
                .integer(request.lease.milliseconds), .integer(call),
            ])
    }

    // MARK: - leases

    /// A lease is so much time of the server's clock: how much is left of `until` here is what it is renewed for.
    public func renew(_ leases: [Lease], until: Instant) async -> [Bool] {
        guard !leases.isEmpty else { return [] }
        let length = max(0, (until - clock.now).milliseconds)
        let fences = leases.map { Int64(bitPattern: $0.fence) }
        do throws(Failure) {
            let rows = try await pool.run { session throws(ServerFailure) in
                try session.run([Statement("SELECT renew($1, $2)", [.integers(fences), .integer(length)])])
            }
            let held = Set((rows.first ?? []).map { UInt64(bitPattern: $0.integer(0)) })
            book.withLock { book in for fence in held { book.renew(fence, until: until) } }
            return leases.map { held.contains($0.fence) }
        } catch {
            // Nobody knows: the fence decides at the commit.
            return book.withLock { book in leases.map { book[$0.fence] != nil } }
        }
    }

    public func release(_ leases: [Lease]) async {
        guard !leases.isEmpty else { return }
        let fences = leases.map { Int64(bitPattern: $0.fence) }
        book.withLock { book in for lease in leases { book.remove(lease.fence) } }
        // A claim that cannot be given back ends by itself.
        _ = try? await pool.run { session throws(ServerFailure) in
            try session.run([
                Statement(
                    """
                    DELETE FROM claims WHERE fence IN \
                    (SELECT fence FROM claims WHERE fence = ANY ($1) FOR UPDATE SKIP LOCKED)
                    """, [.integers(fences)])
            ])
        }
    }
}

extension Claim {
    var lease: Lease? { if case .granted(let lease, _) = self { lease } else { nil } }
}
