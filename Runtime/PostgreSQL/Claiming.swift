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
        let fence: Int64
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
        let fences = book.withLock { book in requests.map { _ in book.nextNumber() } }
        var claims = [Claim](repeating: .inFlight, count: requests.count)
        var duplicates: [JournalEntry] = []
        var open = requests.indices.map { index in
            var asked = Asked(
                index: index, request: requests[index], fence: fences[index], history: History(firstSeen: now))
            if case .grant(let history) = Dedup.judge([], for: asked.request, at: now) {
                asked.mark = ""
                asked.history = history
            }
            return asked
        }
        for _ in 0..<Self.rounds where !open.isEmpty {
            let answers: [[Known]]
            do throws(Failure) { answers = try await ask(open, at: now) } catch {
                // They may have been granted all the same: nobody would run them until the leases have ended.
                let until = now + (requests.map(\.lease).max() ?? .zero) + .minutes(1)
                book.withLock { book in
                    book.lose(fences, until: until)
                    for lease in claims.compactMap(\.lease) { book.remove(lease.fence) }
                }
                throw error
            }
            var left: [Asked] = []
            for (asked, known) in zip(open, answers) {
                if known.first?.kind == .granted {
                    claims[asked.index] = grant(asked, at: now)
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
        if !duplicates.isEmpty { await writer.leave(duplicates.map { record($0) }) }
        return claims
    }

    private func grant(_ asked: Asked, at now: Instant) -> Claim {
        let fence = UInt64(bitPattern: asked.fence)
        let claim = Claimed(
            asked.request, history: asked.history, row: asked.own, wasDone: asked.wasDone, permit: asked.permit,
            keepsPayload: options.keepsPayloads)
        book.withLock { $0.grant(claim, fence: fence, until: now + asked.request.lease) }
        return .granted(Lease(fence: fence), asked.history)
    }

    /// One transaction, one round trip.
    private func ask(_ open: [Asked], at now: Instant) async throws(Failure) -> [[Known]] {
        let lost = book.withLock { $0.lostFences }
        let locks = LockKeys.sorted(open.flatMap { LockKeys.identities(of: $0.request, in: options.schema) })
        var statements = [Statement("SELECT take_locks($1)", [.integers(locks)])]
        if !lost.isEmpty { statements.append(Statement("SELECT release($1)", [.integers(lost)])) }
        statements.append(
            .rows(
                """
                SELECT * FROM claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
                $18, $19)
                """, open.map { row($0, at: now) }))
        let sent = statements
        let rows = try await pool.run { session throws(ServerFailure) in try session.run(sent) }
        var known = [[Known]](repeating: [], count: open.count)
        for found in (rows.last ?? []).compactMap({ Known($0) }) where known.indices.contains(found.request) {
            known[found.request].append(found)
        }
        return known
    }

    private func row(_ asked: Asked, at now: Instant) -> [Value] {
        let request = asked.request
        let event = request.event
        return [
            .instant(now), .text(request.consumer.text), .text(event.id.issuer), .text(event.id.text),
            .optional(event.tokenDigest), .text(request.handler.text), .optional(request.businessKey),
            .optional(request.group), .optional(asked.mark), .integer(asked.fence), .digest(event.payloadDigest),
            .text(event.source), .text(event.detailType), .text(event.resource), .text(request.messageID.text),
            .number(asked.history.attempts), .number(asked.history.strikes), .instant(asked.history.firstSeen),
            .integer(request.lease.milliseconds),
        ]
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
            try session.run([Statement("SELECT release($1)", [.integers(fences)])])
        }
    }
}

extension Claim {
    var lease: Lease? { if case .granted(let lease, _) = self { lease } else { nil } }
}
