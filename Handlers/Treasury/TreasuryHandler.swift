/// Keeps positions by payment events, tells when liquidity is low, and closes each day.

public import Kit
import Vocabulary

public struct TreasuryHandler: Handler {
    public static let id = "treasury"
    public static let summary = "Positions per account and currency, liquidity, and the day's reconciliation"
    public static let routes: [Route] = [
        .paymentInitiated, .paymentAuthorized, .paymentSettled, .paymentFailed, .workflowFailed, .settlementStatement,
    ]
    // Payments and statements have no key in common, so what is one piece of work is kept in state.
    public static let stateKeys = [paymentKey, positionKey, statementKey]
    public static let publishes: [Route] = [
        .paymentReleased, .liquidityLow, .liquidityRestored, .settlementReconciled, .settlementMismatched,
    ]
    public static let services: [Service] = [.state, .publish, .timer]
    public static let configSchema: String? = TreasurySettings.schema

    static let paymentKey: KeyTemplate = "payment:{/paymentId}"
    static let positionKey: KeyTemplate = "position:{/account}:{/currency}"
    static let statementKey: KeyTemplate = "statement:{/account}:{/currency}:{/day}"
    static let timerKey: KeyTemplate = "close:{/account}:{/currency}"

    private let settings: TreasurySettings

    public init(config: JSON) throws { settings = try TreasurySettings(json: config) }

    public func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        if event.isTimer { return try close(event.detail, host) }
        let route = Route(event.source, event.detailType)
        if route == .settlementStatement { return try hear(event, host) }
        guard let step = Course(route) else {
            throw Rejection("treasury.unknown-step", "not a step of a payment")
        }
        return try take(step, of: Payment(detail: event.detail), event, host)
    }

    // MARK: - a step of a payment

    private func take(_ step: Course, of payment: Payment, _ event: Event, _ host: any Host) throws -> Outcome {
        let paymentKey = try Self.paymentKey.key(in: event.detail)
        let before = try host.read(Progress.self, paymentKey) ?? Progress(payment: payment)
        guard before.payment == payment else {
            throw Rejection("treasury.terms-changed", "account, direction, amount or currency differ from before")
        }
        var after = before
        after.course.formUnion(step)
        if step == .abandoned, before.workflow == nil { after.workflow = try Workflow(json: event.detail) }
        if after.userID == nil, event.detail[.userID] != nil {
            after.userID = try event.detail.identifier(at: .userID)
        }
        guard after.course != before.course else {
            host.count("late_events")
            return .done
        }
        try enter(after, since: before.course, event, host)
        if after.course.isCompensated, !before.course.isCompensated { try release(after, host) }
        let isOpen = after.course.contains(.initiated) && !after.course.isFinal
        try host.write(after, paymentKey, timeToLive: isOpen ? nil : settings.remember)
        return .done
    }

    /// Into the books, with what follows from them.
    private func enter(_ progress: Progress, since old: Course, _ event: Event, _ host: any Host) throws {
        let payment = progress.payment
        let key = try Self.positionKey.key(in: event.detail)
        let day = settings.businessDay.day(of: event.signedAt)
        let before =
            try host.read(Position.self, key) ?? settings.opening(of: payment.account, payment.money.currency)
        var position = try before.moving(
            payment, from: old.standing, to: progress.course.standing, on: day)
        let discrepancy = Discrepancy(in: progress.course)
        position.book.open(day)
        position.book.note(payment, from: Discrepancy(in: old), to: discrepancy)
        if let discrepancy { host.count("discrepancies", ["code": discrepancy.rawValue]) }
        try tell(payment, &position, host)
        try keep(position, since: before, payment.account, payment.money.currency, host)
    }

    /// Writes the position, and sets the timer of the day that is closed next.
    private func keep(
        _ position: Position, since before: Position, _ account: Identifier, _ currency: Currency, _ host: any Host
    ) throws {
        let detail = JSON.detail([.account: account.json, .currency: currency.json])
        try host.write(position, try Self.positionKey.key(in: detail))
        guard let earliest = position.book.earliest, earliest != before.book.earliest else { return }
        try schedule(earliest, account, currency, host)
    }

    private func release(_ progress: Progress, _ host: any Host) throws {
        let payment = progress.payment
        try host.publish(
            Draft(
                .paymentReleased, resource: Resource.payment(payment.id),
                detail: .detail([
                    .paymentID: payment.id.json, .account: payment.account.json,
                    .direction: .string(payment.direction.rawValue), .amount: payment.money.amount.json,
                    .currency: payment.money.currency.json, .userID: progress.userID?.json,
                    .workflowID: progress.workflow?.id.json, .reason: progress.workflow?.reason.json,
                ])))
    }

    /// Publishes a signal where the position crossed a threshold, and notes it in the position.
    private func tell(_ payment: Payment, _ position: inout Position, _ host: any Host) throws {
        let currency = payment.money.currency
        let available = try position.available()
        guard let liquidity = settings.liquidity(of: currency),
            let signal = liquidity.signal(available: available, isLow: position.isLow)
        else { return }
        position.isLow = signal == .low
        try host.publish(
            Draft(
                signal == .low ? .liquidityLow : .liquidityRestored,
                resource: Resource.position(payment.account, currency),
                detail: .detail([
                    .account: payment.account.json, .currency: currency.json, .available: available.json,
                    .threshold: liquidity.threshold(of: signal).json, .paymentID: payment.id.json,
                ])))
    }

    // MARK: - what a bank says of a day

    /// Keeps a statement until its day is closed, or holds a day that is closed already against it.
    private func hear(_ event: Event, _ host: any Host) throws -> Outcome {
        let account = try event.detail.identifier(at: .account)
        guard let currency = Currency(iso: try event.detail.text(at: .currency)) else {
            throw Rejection("money.unknown-currency", "the currency is none of ISO 4217")
        }
        let statement = try Statement(detail: event.detail, currency)
        let key = try Self.statementKey.key(in: event.detail)
        if let known = try host.read(Statement.self, key) {
            guard known.totals == statement.totals else {
                throw Rejection("treasury.statement-changed", "another statement of this day said something else")
            }
            host.count("repeated_statements")
            return .done
        }
        let today = settings.businessDay.day(of: event.signedAt)
        guard statement.day <= today else { throw Rejection("treasury.statement-early", "the day has not begun") }
        guard statement.day + DayBook.closedKept >= today else {
            throw Rejection("treasury.statement-late", "the day is too long ago")
        }
        let positionKey = try Self.positionKey.key(in: event.detail)
        let before = try host.read(Position.self, positionKey) ?? settings.opening(of: account, currency)
        if let closed = before.book.closedThrough, statement.day <= closed {
            guard let report = Reconciliation.compare(statement, with: before.book) else {
                throw Rejection("treasury.statement-late", "the day was closed before any that is still known")
            }
            try tell(report, account, currency, host)
        } else {
            var position = before
            position.book.state(statement)
            try keep(position, since: before, account, currency, host)
        }
        try host.write(statement, key, timeToLive: settings.remember)
        return .done
    }

    // MARK: - the close of a day

    private func schedule(
        _ day: CalendarDay, _ account: Identifier, _ currency: Currency, _ host: any Host
    ) throws {
        let detail = JSON.detail([
            .account: account.json, .currency: currency.json, .day: .string(day.description),
        ])
        try host.setTimer(
            try Self.timerKey.key(in: detail), at: settings.businessDay.closing(of: day), detail: detail)
    }

    /// A timer that was moved meanwhile closes nothing: another one will.
    private func close(_ detail: JSON, _ host: any Host) throws -> Outcome {
        let key = try Self.positionKey.key(in: detail)
        let account = try detail.identifier(at: .account)
        let currency = try detail.currency(at: Field.currency.pointer)
        guard let day = CalendarDay(try detail.text(at: .day)), let position = try host.read(Position.self, key),
            let closed = try Reconciliation.close(day, of: position)
        else { return .done }
        try tell(closed.report, account, currency, host)
        try host.write(closed.position, key)
        if let next = closed.position.book.earliest { try schedule(next, account, currency, host) }
        return .done
    }

    private func tell(
        _ report: Reconciliation, _ account: Identifier, _ currency: Currency, _ host: any Host
    ) throws {
        try host.publish(
            Draft(
                report.isMatched ? .settlementReconciled : .settlementMismatched,
                resource: Resource.position(account, currency),
                detail: report.detail(account: account, currency: currency)))
        host.count("days", ["basis": report.statement == nil ? "own-totals" : "statement"])
    }
}
