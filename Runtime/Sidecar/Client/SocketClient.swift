import ArgumentParser
import Events
import Foundation
import HTTP
import JSON
import Settings

/// Where a command finds the sidecar.
struct SocketOptions: ParsableArguments {
    @Option(help: "The sidecar's Unix socket; by default OUTRIGGER_SOCKET, or as the configuration says.")
    var socket: String?

    @Option(help: "The configuration that the sidecar runs with.")
    var config = "/etc/outrigger/outrigger.yaml"

    @Flag(help: "Print what the sidecar answers, as JSON.")
    var json = false

    /// For what the service in the pod may do.
    var service: SocketClient { client(\.socket) }
    /// For what operators may do.
    var admin: SocketClient { client(\.adminSocket) }

    private func client(_ path: KeyPath<APISettings, String>) -> SocketClient {
        let environment = ProcessInfo.processInfo.environment
        let place = socket ?? environment["OUTRIGGER_SOCKET"]
            ?? APISettings.find(in: config, environment: environment)[keyPath: path]
        return SocketClient(path: place, config: config, isForMachines: json)
    }
}

/// Asks a running sidecar, and tells the person at the terminal what to do where that fails.
struct SocketClient: Sendable {
    let path: String
    let config: String
    /// Problems go to standard output, as they came.
    let isForMachines: Bool

    /// - Returns: the answer, if its status is below 400.
    /// - Throws: `ExitCode.failure`, after saying why.
    func send(
        _ method: String, _ target: String, headers: [HTTPHeader] = [], body: Bytes = [],
        timeout: Duration = .seconds(60)
    ) async throws -> HTTPResponse {
        let client = HTTPClient(connections: 1)
        defer { client.shutdown() }
        let request = HTTPRequest(
            method: method, url: "http://localhost" + target, headers: headers, body: body, timeout: timeout,
            unixSocket: path, maximumBodyBytes: Limits.apiBodyBytes)
        let response: HTTPResponse
        do throws(HTTPFailure) { response = try await client.send(request) } catch {
            Terminal.complain(error.progress == .none ? whyNotConnected(error) : "\(path): \(error)")
            throw ExitCode.failure
        }
        guard response.status >= 400 else { return response }
        if isForMachines {
            Terminal.say(String(decoding: response.body, as: UTF8.self))
        } else {
            Terminal.complain(words(of: response))
        }
        throw ExitCode.failure
    }

    /// Takes the answer piece by piece as it comes, until it ends; one that never began, or broke, ends as well.
    /// - Throws: `ExitCode.failure`, after saying why, where the sidecar refuses.
    func follow(_ target: String, take: @escaping @Sendable (Bytes) -> Bool) async throws {
        let client = HTTPClient(connections: 1)
        defer { client.shutdown() }
        var request = HTTPRequest(
            url: "http://localhost" + target, headers: [HTTPHeader("Accept", "text/event-stream")],
            timeout: .days(3_650), unixSocket: path)
        request.onBody = take
        guard let response = try? await client.send(request), response.status >= 400, response.status != 503 else {
            return
        }
        Terminal.complain(words(of: response))
        throw ExitCode.failure
    }

    func json(_ method: String, _ target: String, headers: [HTTPHeader] = []) async throws -> JSONValue {
        let response = try await send(method, target, headers: headers)
        guard let value = try? JSONValue.parse(response.body) else {
            Terminal.complain("\(path): the answer is not JSON; is it the sidecar that listens there?")
            throw ExitCode.failure
        }
        return value
    }

    // MARK: - what to do about it

    private func words(of response: HTTPResponse) -> String {
        let problem = try? JSONValue.parse(response.body)
        let code = problem?["code"]?.string ?? "HTTP \(response.status)"
        var lines = ["\(code): \(problem?["detail"]?.string ?? "no reason is given")"]
        for fault in problem?["problems"]?.array ?? [] {
            lines.append("\(fault["place"]?.string ?? ""): \(fault["path"]?.string ?? "")")
            lines += [fault["why"]?.string, fault["fix"]?.string].compactMap { $0 }.map { "    " + $0 }
        }
        if let remedy = problem?["remedy"]?.string { lines.append("  \(remedy)") }
        if let wait = response.headers["Retry-After"] { lines.append("  It can be asked again in \(wait) s.") }
        return lines.joined(separator: "\n")
    }

    private func whyNotConnected(_ failure: HTTPFailure) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == EACCES { return denied("the folder of \(path)") }
            return """
                there is no socket at \(path).
                  Is the sidecar running, and does \(config) have a section `api`?
                  It opens its sockets as soon as its store and its handlers are there.
                  Another place is named by --socket or OUTRIGGER_SOCKET.
                """
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { return "\(path) is no socket." }
        if access(path, W_OK) != 0 {
            return denied("\(path) (mode \(String(status.st_mode & 0o777, radix: 8)), group \(status.st_gid))")
        }
        return """
            nobody answers at \(path): \(failure.detail).
              The sidecar has ended, or is about to listen. Its log and /readyz say more.
            """
    }

    private func denied(_ what: String) -> String {
        """
        you (uid \(geteuid()), gid \(getegid())) may not open \(what).
          Run this as a member of that group, or as root; `api.group` and `api.mode` say who may.
        """
    }
}
