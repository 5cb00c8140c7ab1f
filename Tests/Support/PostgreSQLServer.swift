import Foundation
import Synchronization

/// A real PostgreSQL from Debian's package, in a process and a folder of its own, on a Unix socket.
///
/// It ends with the test process, however that ends. A test that stops or kills the server starts one for itself; all
/// others share one, each in a schema of its own.
public final class PostgreSQLServer: Sendable {
    /// What a server has that is not like the others.
    public struct Options: Sendable {
        /// A command that becomes the server's shell by `exec`, with a volume of its own for instance.
        public var launcher: [String] = []
        /// Where it keeps its write-ahead log, in segments of 1 MB; with all else, if nothing is said.
        public var log: String?
        /// On loopback, besides the socket.
        public var port: Int?
        public init() {}
    }

    /// The folder of its socket: what `host=` takes.
    public let folder: String
    public let port: Int?
    private let process: ChildProcess
    private static let names = Mutex(0)
    private static let one = Result { try PostgreSQLServer() }

    /// Started by the first test that asks.
    public static func shared() throws -> PostgreSQLServer { try one.get() }

    /// A name that no other test of this run has.
    public static func freshName() -> String {
        "t\(ProcessInfo.processInfo.processIdentifier)_\(names.withLock { count in count += 1; return count })"
    }

    public struct Missing: Error, CustomStringConvertible {
        public let description: String
        public init(description: String) { self.description = description }
    }

    /// `postgres` refuses to run as root: there it is another user's process. The shell stops it, and removes its
    /// folder, when its own input ends, so also when this process was killed.
    private static let script = """
        set -e
        log=$1 port=$2
        export PGPORT="${port:-5432}"
        bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
        folder=$(mktemp -d /tmp/outrigger-postgresql.XXXXXX)
        trap 'rm -rf "$folder"' EXIT
        run=
        if [ "$(id -u)" = 0 ]; then
            chown nobody "$folder"
            run="setpriv --reuid=nobody --regid=nogroup --clear-groups"
        fi
        cd /
        $run "$bin/initdb" -D "$folder/data" -U outrigger -A trust -E UTF8 --no-locale --no-sync \
            ${log:+-X "$log" --wal-segsize=1} >/dev/null
        cp /dev/null "$folder/log"
        serve() {
            $run "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses="${port:+127.0.0.1}" \
                -c max_connections=200 -c shared_buffers=32MB -c log_min_messages=fatal 2>>"$folder/log" &
            server=$!
            until "$bin/pg_isready" -q -h "$folder" -U outrigger; do
                kill -0 $server || { cat "$folder/log"; exit 1; }
                sleep 0.05
            done
        }
        serve
        echo "ready $folder"
        while read -r word pause; do
            # It may have ended by itself.
            kill -s $word $server 2>/dev/null || true
            wait $server || true
            sleep $pause
            serve
            echo ready
        done
        # Nobody asks for its files again: no checkpoint.
        kill -s QUIT $server
        wait $server || true
        """

    public init(_ options: Options = Options()) throws {
        port = options.port
        let command = ["sh", "-c", Self.script, "sh", options.log ?? "", options.port.map { "\($0)" } ?? ""]
        process = try ChildProcess(options.launcher + command, input: .pipe, output: .pipe, errors: .pipe)
        let line = Self.answer(process)
        guard line.hasPrefix("ready ") else {
            throw Missing(description: "PostgreSQL does not start; Tests/run installs what tests need: \(line)")
        }
        folder = String(line.dropFirst(6))
    }

    /// Ends the server as a crash does (`QUIT`) or in good order (`INT`), and starts it again after a while.
    public func restart(_ signal: String = "QUIT", after pause: Duration = .zero) throws {
        try process.input?.write("\(signal) \(pause.components.seconds)\n")
        let line = Self.answer(process, pause + .seconds(60))
        guard line == "ready" else { throw Missing(description: line) }
    }

    private static func answer(_ process: ChildProcess, _ limit: Duration = .seconds(60)) -> String {
        process.output?.line(within: limit) ?? ""
    }

    /// A connection string, by way of another folder where a proxy listens.
    public func connection(through folder: String? = nil, _ more: String = "") -> String {
        let port = port.map { "port=\($0) " } ?? ""
        return "host=\(folder ?? self.folder) \(port)user=outrigger dbname=postgres \(more)"
    }

    /// The rows of an answer, with `|` between their columns.
    public func ask(_ sql: String) throws -> String {
        let psql = "psql -q -A -t -v ON_ERROR_STOP=1 '\(connection())'"
        let (status, said) = try Shell.run("\(psql) 2>&1 <<'SQL'\n\(sql)\nSQL")
        guard status == 0 else { throw Missing(description: said) }
        return said.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Runs SQL with psql, as an administrator would.
    public func administer(_ sql: String) throws { _ = try ask(sql) }
}
