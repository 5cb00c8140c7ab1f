/// What the ledger holds, all in all.

import Foundation
import GRDB

struct Summary: Encodable {
    /// What was settled, by account and currency: received less paid.
    var balances: [String: [String: String]] = [:]
    let payments: Int
    let notifications: Int
    let broadcasts: Int

    init(_ db: Database) throws {
        payments = try Payment.fetchCount(db)
        notifications = try Notice.fetchCount(db)
        broadcasts = try Broadcast.Done.fetchCount(db)
        var sums: [String: [String: Decimal]] = [:]
        let settled = try Payment.fetchCursor(
            db, sql: "SELECT payment.* FROM payment JOIN step ON step.payment = payment.id WHERE step.name = 'settled'")
        while let payment = try settled.next() {
            let amount = Money(payment.amount)?.value ?? 0
            sums[payment.account, default: [:]][payment.currency, default: 0] +=
                payment.direction == "credit" ? amount : -amount
        }
        balances = sums.mapValues { $0.mapValues(\.description) }
    }
}
