public import Events
import Glibc
public import Pipeline

// What an operator asks of the file, also beside the sidecar that has it.

extension SQLiteStore {
    /// Looks, and changes nothing.
    public static func inspect(_ options: StoreOptions) -> [StoreFinding] {
        let inspection = FileInspection(options: options)
        return [inspection.folder()] + inspection.space() + inspection.file() + inspection.holder()
    }
}

extension StoreFile {
    /// Rows as they are now, without those of a sidecar's memory.
    ///
    /// - Throws: `store.unavailable`, `store.corrupt`.
    public func size() throws(Failure) -> StoreSize {
        let tables = try read { statements in
            var tables: [StoreSize.Table] = []
            try statements.each(
                """
                SELECT 'ledger', count(*) FROM ledger UNION ALL SELECT 'state', count(*) FROM state \
                UNION ALL SELECT 'outbox', count(*) FROM outbox UNION ALL SELECT 'timers', count(*) FROM timers \
                UNION ALL SELECT 'letters', count(*) FROM letters UNION ALL SELECT 'refusals', count(*) FROM refusals \
                UNION ALL SELECT 'publications', count(*) FROM publications \
                UNION ALL SELECT 'journal', count(*) FROM journal
                """, []
            ) { row in
                tables.append(.init(row.text(0), row.number(1)))
                return true
            }
            return tables
        }
        return StoreSize(
            tables: tables, bytes: Volume.size(of: path) + Volume.size(of: path + "-wal"), isExact: true)
    }

    /// When the oldest event that waits for the bus was committed.
    public func oldestPublication() throws(Failure) -> Instant? {
        try read { statements in
            var oldest: Instant?
            try statements.each("SELECT min(committed) FROM outbox", []) { row in
                oldest = row.isNull(0) ? nil : row.instant(0)
                return true
            }
            return oldest
        }
    }

    /// The number of steps that the schema has seen.
    fileprivate func version() throws(Failure) -> Int {
        try read { statements in
            var version = 0
            try statements.each("SELECT user_version FROM pragma_user_version", []) { row in
                version = row.number(0)
                return true
            }
            return version
        }
    }
}

private struct FileInspection {
    let options: StoreOptions

    private var place: String {
        let parts = options.path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return parts.isEmpty ? "." : parts == [""] ? "/" : parts.joined(separator: "/")
    }

    func folder() -> StoreFinding {
        guard access(place, W_OK | X_OK) == 0 else {
            return StoreFinding(
                .unfit, "folder", "\(place): \(String(cString: strerror(errno)))",
                advice: "Mount a volume there that the sidecar's user may write.")
        }
        return StoreFinding(.fit, "folder", "\(place) can be written")
    }

    func space() -> [StoreFinding] {
        guard let free = try? Volume.freeBytes(at: place) else { return [] }
        let words = "\(free) bytes are free, the low-water mark is \(options.lowWater)"
        guard free >= options.lowWater else {
            return [StoreFinding(.unfit, "space", words, advice: "Grow the volume, or lower `low-water`.")]
        }
        return [StoreFinding(.fit, "space", words)]
    }

    func file() -> [StoreFinding] {
        guard access(options.path, F_OK) == 0 else {
            return [StoreFinding(.note, "schema", "there is no file yet: the sidecar makes it")]
        }
        do throws(Failure) {
            let found = try StoreFile(options.path).version()
            guard found <= Schema.version else {
                return [
                    StoreFinding(
                        .unfit, "schema", "schema \(found), this version knows \(Schema.version)",
                        advice: FailureCode.storeNewer.entry.remedy)
                ]
            }
            return found == Schema.version
                ? [StoreFinding(.fit, "schema", "schema \(found)")]
                : [StoreFinding(.note, "schema", "schema \(found): the sidecar brings it to \(Schema.version)")]
        } catch {
            return [StoreFinding(.unfit, "file", error.cause, advice: error.code.entry.remedy)]
        }
    }

    /// Who has the lock is not known: that somebody has it, is.
    func holder() -> [StoreFinding] {
        guard access(options.path + ".lock", F_OK) == 0 else { return [] }
        do throws(Failure) {
            _ = try StoreLock(path: options.path + ".lock")
            return [StoreFinding(.fit, "lock", "no sidecar has it")]
        } catch {
            return [StoreFinding(.note, "lock", error.code == .storeLocked ? "a sidecar has it" : error.cause)]
        }
    }
}
