/// The settlements of a position by day, and what is not in order: kept beside its balance, to be compared with it.

public import Kit
public import Vocabulary

/// Days that are open, the balance that the last closed one left, and the payments that people must look at.
public struct DayBook: Hashable, Sendable {
    public struct Day: Hashable, Sendable {
        public var debits = Amount.zero
        public var credits = Amount.zero
        public var payments = 0
        /// What the bank says of it, once it has.
        public var statement: Statement?
    }

    /// Exceptions beyond this are counted, and not named: the record must stay small.
    static let exceptionsNamed = 256
    /// Days that a statement may be late; so many closed ones are still known.
    public static let closedKept = 31

    /// What the last closed day left, or the opening balance.
    public private(set) var balance: Amount
    public private(set) var closedThrough: CalendarDay?
    public private(set) var days: [CalendarDay: Day] = [:]
    /// The last ones that were closed.
    public private(set) var closed: [CalendarDay: Totals] = [:]
    /// By payment, until they are reported.
    public private(set) var exceptions: [Identifier: Discrepancy] = [:]
    public private(set) var unnamed = 0

    public init(opening: Amount) { balance = opening }

    /// The day that is closed next.
    public var earliest: CalendarDay? { days.keys.min() }

    /// The day that something of `day` counts for: a closed day stays closed, so what comes late counts for the first
    /// that is open.
    public func openDay(_ day: CalendarDay) -> CalendarDay {
        closedThrough.map { max(day, $0 + 1) } ?? day
    }

    /// Opens a day, so that it will be closed and reported.
    public mutating func open(_ day: CalendarDay) { days[openDay(day), default: Day()].payments += 0 }

    mutating func add(_ payment: Payment, on day: CalendarDay) throws(Rejection) {
        let day = openDay(day)
        var sums = days[day] ?? Day()
        switch payment.direction {
        case .debit: sums.debits = try sums.debits + payment.money.amount
        case .credit: sums.credits = try sums.credits + payment.money.amount
        }
        sums.payments += 1
        days[day] = sums
    }

    /// Notes what has come of a payment: a new discrepancy, another one, or none any more.
    public mutating func note(_ payment: Payment, from old: Discrepancy?, to new: Discrepancy?) {
        guard old != new else { return }
        if exceptions.removeValue(forKey: payment.id) == nil, old != nil, unnamed > 0 { unnamed -= 1 }
        guard let new else { return }
        if exceptions.count < DayBook.exceptionsNamed {
            exceptions[payment.id] = new
        } else {
            unnamed += 1
        }
    }

    /// What a bank says of a day that is open.
    mutating func state(_ statement: Statement) { days[statement.day, default: Day()].statement = statement }

    /// The totals of a closed day; `nil` if that is too long ago. A day in between without any event moved nothing.
    func closedTotals(of day: CalendarDay) -> Totals? {
        if let totals = closed[day] { return totals }
        guard let before = closed.keys.filter({ $0 < day }).max(), let balance = closed[before]?.closing else {
            return nil
        }
        return Totals(opening: balance, debits: .zero, credits: .zero, closing: balance, payments: 0)
    }

    /// Forgets the earliest day's events and the exceptions: they were reported.
    mutating func close(_ day: CalendarDay, as totals: Totals) {
        days[day] = nil
        (closedThrough, balance) = (day, totals.closing)
        (exceptions, unnamed) = ([:], 0)
        closed[day] = totals
        if closed.count > DayBook.closedKept { closed[closed.keys.min() ?? day] = nil }
    }
}

extension DayBook: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        balance = try json.amount(at: "/balance")
        if json["/closedThrough"] != nil { closedThrough = try DayBook.day(json.string(at: "/closedThrough")) }
        unnamed = try json.integer(at: "/unnamed")
        for member in try json.members(at: "/days") {
            days[try DayBook.day(member.key)] = Day(
                debits: try member.value.amount(at: "/debits"), credits: try member.value.amount(at: "/credits"),
                payments: try member.value.integer(at: "/payments"),
                statement: try member.value["/statement"].map(Statement.init))
        }
        if json["/closed"] != nil {
            for member in try json.members(at: "/closed") {
                closed[try DayBook.day(member.key)] = try Totals(json: member.value)
            }
        }
        for member in try json.members(at: "/exceptions") {
            guard let id = Identifier(member.key), case .string(let code) = member.value,
                let discrepancy = Discrepancy(rawValue: code)
            else { throw JSON.Mismatch("/exceptions", expected: "payments and codes") }
            exceptions[id] = discrepancy
        }
    }

    private static func day(_ text: String) throws(JSON.Mismatch) -> CalendarDay {
        guard let day = CalendarDay(text) else { throw JSON.Mismatch("/days", expected: "a day") }
        return day
    }

    public var json: JSON {
        var days = JSON.Members()
        for (day, sums) in self.days {
            days.set(
                day.description,
                .detail([
                    .debits: sums.debits.json, .credits: sums.credits.json,
                    .payments: .number(JSON.Number(sums.payments)), Field("statement"): sums.statement?.json,
                ]))
        }
        var closed = JSON.Members()
        for (day, totals) in self.closed { closed.set(day.description, totals.json) }
        var exceptions = JSON.Members()
        for (id, discrepancy) in self.exceptions { exceptions.set(id.text, .string(discrepancy.rawValue)) }
        return .detail([
            Field("balance"): balance.json, Field("closedThrough"): closedThrough.map { .string($0.description) },
            Field("days"): .object(days), Field("closed"): .object(closed), .exceptions: .object(exceptions),
            Field("unnamed"): .number(JSON.Number(unnamed)),
        ])
    }
}
