public import Events
public import Pipeline
import StoreCommon

// Timers: whoever is given one keeps it for a while, so that it comes to one sidecar, and to another when that is gone.

extension PostgreSQLStore: TimerStore {
    private static let hold = Duration.seconds(30)

    public func due(
        of handlers: Set<HandlerID>, at now: Instant, atMost count: Int
    ) async throws(Failure) -> [Event] {
        let names = handlers.map(\.text).sorted()
        let holder = boot
        let rows = try await pool.run { session throws(ServerFailure) in
            try session.run([
                Statement(
                    "SELECT handler, event, correlation, detail FROM due_timers($1, $2, $3, $4, $5)",
                    [
                        .integer(holder), .texts(names), .instant(now), .integer(Self.hold.milliseconds),
                        .number(count),
                    ])
            ])
        }
        return (rows.first ?? []).map { row in
            TimerEvent.make(
                row.text(1), of: row.text(0), detail: row.bytes(3), correlationID: row.text(2), at: now)
        }
    }

    /// When the first that nobody runs or was given is due.
    public func next(of handlers: Set<HandlerID>) async throws(Failure) -> Instant? {
        let names = handlers.map(\.text).sorted()
        let holder = boot
        let rows = try await pool.run { session throws(ServerFailure) in
            try session.run([
                Statement(
                    """
                    SELECT t.due FROM timers t WHERE t.handler = ANY ($1) AND (t.holder = $2 OR t.held <= clock()) \
                    AND NOT EXISTS (SELECT FROM claims c WHERE c.event = t.event AND c.issuer = 'timer' \
                    AND c.ends > clock()) ORDER BY t.due LIMIT 1
                    """, [.texts(names), .integer(holder)])
            ])
        }
        return rows.first?.first?.instant(0)
    }

    public func strays(beside handlers: Set<HandlerID>, at now: Instant) async throws(Failure) -> Int {
        let names = handlers.map(\.text).sorted()
        let rows = try await pool.run { session throws(ServerFailure) in
            try session.run([
                Statement(
                    "SELECT count(*) FROM timers WHERE due <= $1 AND handler <> ALL ($2)",
                    [.instant(now), .texts(names)])
            ])
        }
        return rows.first?.first?.number(0) ?? 0
    }

    func change(_ timer: TimerChange, of claim: Claimed, fence: UInt64, _ mark: Value) -> Statement {
        let event = DerivedID.timer(handler: claim.handler, key: timer.key, due: timer.at, fence: fence)
        return .row(
            "SELECT set_timer($1, $2, $3, $4, $5, $6, $7)",
            [
                mark, .text(claim.handler.text), .bytes(timer.key), .instant(timer.at), .text(event),
                .text(claim.trace.correlationID), .bytes(timer.detail),
            ])
    }
}
