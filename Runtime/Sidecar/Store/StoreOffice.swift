import AWS
import Events
import Foundation
import Pipeline
import PostgreSQL
import Settings
import Store

/// What operators ask of a store, of whichever kind.
struct StoreOffice: Sendable {
    let opening: StoreOpening

    var settings: StoreSettings { opening.configuration.store }
    private var file: StoreOptions { opening.configuration.storeOptions { _ in } }

    /// Looks, and changes nothing.
    func inspect() async -> [StoreFinding] {
        switch settings.kind {
        case .sqlite: return SQLiteStore.inspect(file)
        case .postgresql:
            var options = opening.postgreSQL()
            // What the sidecars may do, which this command does not.
            options.migrates = settings.postgresql?.migrate == true
            return await PostgreSQLStore.inspect(options, clock: opening.clock)
        case .dynamodb:
            return await DynamoDBStore.inspect(
                opening.dynamoDB(), opening.session, clock: opening.clock)
        }
    }

    /// - Returns: what was done, and whether it was anything.
    func migrate(creates: Bool) async throws(Failure) -> (words: String, isChanged: Bool) {
        switch settings.kind {
        case .sqlite: return try await migrateFile()
        case .postgresql:
            let steps = try await PostgreSQLStore.migrate(opening.postgreSQL())
            if steps.from == steps.to { return ("at \(steps.to) already", false) }
            let words = steps.from == 0 ? "made, at \(steps.to)" : "from \(steps.from) to \(steps.to)"
            return (words, true)
        case .dynamodb:
            guard creates else { return (advice, false) }
            let isNew = try await DynamoDBStore.createTable(opening.dynamoDB(), opening.session)
            return (isNew ? "made" : "there already", isNew)
        }
    }

    /// Opening it is all that it takes.
    private func migrateFile() async throws(Failure) -> (words: String, isChanged: Bool) {
        let isNew = !FileManager.default.fileExists(atPath: settings.path)
        do throws(Failure) {
            await (try SQLiteStore.open(file)).close()
        } catch {
            guard error.code == .storeLocked else { throw error }
            return ("a sidecar has it, and has brought it to its own version", false)
        }
        return (isNew ? "made" : "at this version", isNew)
    }

    /// The table is a resource of the operator's account: it belongs into a stack.
    private var advice: String {
        """
        a table is made by its stack, or with --create for development:
          aws cloudformation deploy --stack-name outrigger-store --template-file config/deploy/dynamodb.yaml \\
              --capabilities CAPABILITY_IAM --parameter-overrides TableName=\(opening.table.table)
        """
    }

    func stats() async throws(Failure) -> StoreStatsReport {
        var report = StoreStatsReport(place: settings.place, kind: settings.kind, now: opening.clock.now)
        guard settings.isShared else {
            let file = StoreFile(settings.path)
            report.size = try file.size()
            report.oldest = try file.oldestPublication()
            report.waiting = report.size["outbox"] ?? 0
            return report
        }
        let store = try await opening.open()
        do throws(Failure) {
            let depth = try await store.depth()
            (report.waiting, report.oldest) = (depth.rows, depth.oldest)
            report.size = try await store.size()
            report.newest = try await store.newest()
        } catch {
            await store.close()
            throw error
        }
        await store.close()
        return report
    }
}
