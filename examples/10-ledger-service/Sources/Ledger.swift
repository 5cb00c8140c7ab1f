/// The ledger: payments and what came of them, in SQLite.

import Foundation
import GRDB
import Hummingbird

struct Ledger {
    private let database: DatabasePool

    init(path: String) throws {
        database = try DatabasePool(path: path)
        try database.write { db in
            try db.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS payment (
                        id TEXT PRIMARY KEY, account TEXT NOT NULL, direction TEXT NOT NULL, amount TEXT NOT NULL,
                        currency TEXT NOT NULL) STRICT;
                    CREATE TABLE IF NOT EXISTS step (
                        payment TEXT NOT NULL REFERENCES payment, name TEXT NOT NULL, event TEXT NOT NULL,
                        PRIMARY KEY (payment, name)) STRICT;
                    CREATE TABLE IF NOT EXISTS notification (
                        id TEXT PRIMARY KEY, channel TEXT NOT NULL, recipient TEXT NOT NULL, subject TEXT NOT NULL,
                        text TEXT NOT NULL) STRICT;
                    CREATE TABLE IF NOT EXISTS broadcast (
                        request TEXT NOT NULL, network TEXT NOT NULL, transactionId TEXT NOT NULL,
                        PRIMARY KEY (request, network)) STRICT;
                    CREATE TABLE IF NOT EXISTS answered (
                        key TEXT PRIMARY KEY, asked TEXT NOT NULL, answer TEXT NOT NULL, at REAL NOT NULL) STRICT;
                    CREATE INDEX IF NOT EXISTS answered_at ON answered (at);
                    """)
        }
    }

    // MARK: - once

    /// How long an answer is kept: longer than any queue keeps an event.
    private static let kept: TimeInterval = 30 * 86_400

    /// Does the work once for a key, in one transaction with the note that it is done; what was done before is answered
    /// as it was then. So a request may come again after a crash on either side, and changes nothing.
    private func once(
        _ key: String, _ asked: some Encodable & Sendable, _ work: @escaping @Sendable (Database) throws -> Answer
    ) async throws -> Answer {
        let asked = try JSON.text(of: asked)
        let now = Date().timeIntervalSince1970
        return try await database.write { db in
            let row = try Row.fetchOne(db, sql: "SELECT asked, answer FROM answered WHERE key = ?", arguments: [key])
            if let row {
                guard row["asked"] == asked else {
                    throw Problem(.conflict, "ledger.key-reused", "This key was used for another request.")
                }
                return try JSONDecoder().decode(Answer.self, from: Data((row["answer"] as String).utf8))
            }
            let answer = try work(db)
            try db.execute(
                sql: "INSERT INTO answered (key, asked, answer, at) VALUES (?, ?, ?, ?)",
                arguments: [key, asked, try JSON.text(of: answer), now])
            try db.execute(sql: "DELETE FROM answered WHERE at < ?", arguments: [now - Ledger.kept])
            return answer
        }
    }

    // MARK: - what is asked of it

    func apply(_ event: PaymentEvent, once key: String) async throws -> Answer {
        try await once(key, event) { db in
            if let known = try Payment.fetchOne(db, key: event.payment.id), known != event.payment {
                throw Problem(.unprocessableContent, "ledger.terms-changed", "The payment had other terms before.")
            }
            try event.payment.insert(db, onConflict: .ignore)
            try db.execute(
                sql: "INSERT OR IGNORE INTO step (payment, name, event) VALUES (?, ?, ?)",
                arguments: [event.payment.id, event.step.rawValue, event.id])
            return try Answer(.ok, try event.payment.view(db))
        }
    }

    func keep(_ notice: Notice, once key: String, _ addresses: Addresses) async throws -> Answer {
        try await once(key, notice) { db in
            guard addresses.reach(notice.recipient, by: notice.channel) else {
                throw Problem(.unprocessableContent, "ledger.no-address", "The recipient has no address there.")
            }
            guard try !Notice.exists(db, key: notice.id) else {
                throw Problem(.conflict, "ledger.told-before", "This notification went by another channel.")
            }
            try notice.insert(db)
            return try Answer(.ok, ["notificationId": notice.id])
        }
    }

    func broadcast(_ broadcast: Broadcast, once key: String, _ networks: Networks) async throws -> Answer {
        try await once(key, broadcast) { db in
            switch networks[broadcast.network] {
            case .confirms:
                let done = Broadcast.Done(broadcast)
                try done.insert(db, onConflict: .ignore)
                return try Answer(.ok, done)
            case .silent: return try Answer(.accepted, ["network": broadcast.network])
            case .refuses: throw Problem(.unprocessableContent, "network-refused", "The network will not do it.")
            }
        }
    }

    // MARK: - what it holds

    func payment(_ id: String) async throws -> Answer {
        try await database.read { db in
            guard let payment = try Payment.fetchOne(db, key: id) else {
                throw Problem(.notFound, "ledger.unknown", "There is no such payment.")
            }
            return try Answer(.ok, try payment.view(db))
        }
    }

    func summary() async throws -> Answer {
        try await database.read { db in try Answer(.ok, try Summary(db)) }
    }
}
