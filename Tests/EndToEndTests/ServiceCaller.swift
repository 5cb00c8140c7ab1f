import Foundation
import HTTP
import JSON
import Support

/// The service next door: it talks to the sidecar's socket, as this user.
final class ServiceCaller: Sendable {
    let socket: String
    private let client: HTTPClient

    init(_ house: House, connections: Int = 8) {
        socket = Self.socket(of: house)
        client = HTTPClient(connections: connections)
    }

    deinit { client.shutdown() }

    private static func socket(of house: House) -> String { house.folder.file("api.sock") }

    /// The section `api` that lets this user do everything.
    static func settings(_ house: House) -> String {
        """
        api:
          socket: \(socket(of: house))
          admin-socket: \(house.folder.file("admin.sock"))
          rate: 100000
          peers:
            - name: tests
              users: [\(geteuid())]
              roles: [publish, read, operate]
              publish: [{source: "test.*", detail-types: ["*"]}]
        """
    }

    func get(_ path: String, accept: String = "application/json") async -> HTTPResponse? {
        try? await client.send(
            HTTPRequest(
                url: "http://localhost" + path, headers: [HTTPHeader("Accept", accept)], timeout: .seconds(20),
                unixSocket: socket))
    }

    /// - Returns: the id, or `nil` for whatever is no yes.
    func publish(_ n: Int, correlation: String = "c", key: String? = nil) async -> String? {
        let body = """
            {"source":"test.out","detailType":"Done.v1","resource":"urn:\(n % 100)",\
            "trace":{"correlationId":"\(correlation)"},"detailCore":{"n":\(n)}}
            """
        var headers = [HTTPHeader("Content-Type", "application/json")]
        if let key { headers.append(HTTPHeader("Idempotency-Key", key)) }
        let request = HTTPRequest(
            method: "POST", url: "http://localhost/v1/events", headers: headers, body: [UInt8](body.utf8)[...],
            timeout: .seconds(20), unixSocket: socket)
        guard let response = try? await client.send(request), response.status < 300 else { return nil }
        return (try? JSONValue.parse(response.body))?["events"]?[0]?["id"]?.string
    }
}
