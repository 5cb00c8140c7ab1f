import CPostgreSQL
import Events

/// What the server said of a statement that failed, and what that means here.
struct ServerFailure: Error {
    /// SQLSTATE (PostgreSQL, appendix A), empty where the connection itself failed.
    let state: String
    let message: String

    init(state: String, message: String) {
        self.state = state
        self.message = message
    }

    init(_ result: OpaquePointer) {
        state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) } ?? ""
        // The primary message names tables and settings, never values: those are in the detail, which is left out.
        message = PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) } ?? "no message"
    }

    /// True where these values are the cause and others of the same batch are not: data exceptions, violated
    /// constraints, limits of the program.
    var isOfTheValues: Bool { ["21", "22", "23", "54"].contains { state.hasPrefix($0) } }
    /// The same transaction again may well succeed: serialisation failures and deadlocks.
    var isPassing: Bool { state.hasPrefix("40") }
    /// The connection is of no use any more: it broke, it leads to a server that takes no writes, or its chain of the
    /// journal is gone (P0002), which the next one begins again.
    var endsConnection: Bool {
        state.isEmpty || state.hasPrefix("08") || state.hasPrefix("57P") || ["25006", "P0002"].contains(state)
    }

    func failure(at place: String) -> Failure {
        let words = state.isEmpty ? message : "\(message) (\(state))"
        switch state {
        case "53100": return Failure(.storeFull, place, words)
        case "25006": return Failure(.storeUnavailable, place, Self.readOnly)
        case "3F000", "42P01", "42883", "42704":
            return Failure(.storeUnfit, place, words + ": the schema is not whole; migrate the store")
        case "42501": return Failure(.storeUnfit, place, words + ": grant it to the user of the connection")
        case "57014": return Failure(.storeUnavailable, place, words + ": the server was too slow")
        case "55P03": return Failure(.storeUnavailable, place, words + ": another transaction keeps its locks")
        case "XX001", "XX002": return Failure(.storeCorrupt, place, words)
        default: return Failure(.storeUnavailable, place, words)
        }
    }

    static let readOnly = """
        the server takes no writes: a replica, as a rule; name the primary, or all hosts and \
        target_session_attrs=read-write
        """
}
