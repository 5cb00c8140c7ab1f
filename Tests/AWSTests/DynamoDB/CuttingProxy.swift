import Foundation
import Glibc
import StoreConformance
import Support
import Synchronization

/// Stands between a store and its server, a connection for each request, and cuts the next one that writes.
final class CuttingProxy: Sendable {
    private static let writes = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"]

    private let server: TestServer
    private let cut: Armed

    var url: String { server.url }

    /// - Parameter trouble: answers in the server's place, where it has something to say.
    init(
        to endpoint: String, trouble: @escaping @Sendable (TestServer.Request) -> TestServer.Reply? = { _ in nil }
    ) throws {
        let port = UInt16(endpoint.split(separator: ":").last.flatMap { Int($0) } ?? 0)
        let cut = Armed()
        self.cut = cut
        server = try TestServer { request in
            if let answer = trouble(request) { return answer }
            let isWrite = Self.writes.contains { request.headers["x-amz-target"]?.hasSuffix("." + $0) == true }
            switch isWrite ? cut.take() : nil {
            case .beforeRequest: return .raw([])
            case .afterRequest:
                Thread.detachNewThread { _ = Self.exchange(request, port) }
                return .raw([])
            case .beforeAnswer:
                _ = Self.exchange(request, port)
                return .raw([])
            case nil: return .raw(Self.exchange(request, port))
            }
        }
    }

    func arm(_ place: Cut) { cut.arm(place) }

    private final class Armed: Sendable {
        private let place = Mutex<Cut?>(nil)
        func arm(_ place: Cut) { self.place.withLock { $0 = place } }
        func take() -> Cut? {
            place.withLock { place in
                defer { place = nil }
                return place
            }
        }
    }

    /// The server's whole answer, as it came.
    private static func exchange(_ request: TestServer.Request, _ port: UInt16) -> [UInt8] {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return [] }
        var text = "\(request.method) \(request.target) HTTP/1.1\r\n"
        for (name, value) in request.headers where name != "connection" { text += "\(name): \(value)\r\n" }
        text += "connection: close\r\n\r\n"
        var bytes = Array(text.utf8) + request.body
        while !bytes.isEmpty {
            let count = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { return [] }
            bytes.removeFirst(count)
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return answer }
            answer += buffer.prefix(count)
        }
    }
}
