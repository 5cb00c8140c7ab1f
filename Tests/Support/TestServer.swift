import Foundation
import Glibc
import Synchronization

/// A small HTTP/1.1 server on loopback or on a Unix socket, which answers as a test says: also wrongly, halfway or not
/// at all. One thread a connection.
public final class TestServer: Sendable {
    public struct Request: Sendable {
        public let method: String
        /// Path and query.
        public let target: String
        /// By lower-case name.
        public let headers: [String: String]
        public var body: [UInt8]
        /// Connections are numbered from 1.
        public let connection: Int
    }

    public enum Reply: Sendable {
        case answer(Int, headers: [String: String] = [:], body: [UInt8] = [])
        /// These bytes, then the end of the connection.
        case raw([UInt8])
        /// Nothing, until the client hangs up.
        case silence
        /// 200 and a body of so many bytes, announced or chunked, sent as long as the client takes them.
        case flood(Int, isAnnounced: Bool)

        public static func json(_ text: String, status: Int = 200, headers: [String: String] = [:]) -> Reply {
            .answer(status, headers: headers, body: Array(text.utf8))
        }
    }

    public typealias Handler = @Sendable (Request) -> Reply

    /// `http://127.0.0.1:PORT`.
    public let url: String
    /// Each request, as it arrives.
    public let arrivals: AsyncStream<Request>
    private let connections: Connections

    public var requests: [Request] { connections.requests }
    public var connectionCount: Int { connections.count }

    public init(unixSocket path: String? = nil, handler: @escaping Handler) throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Request.self)
        arrivals = stream
        let listener = try path.map(TestServer.listen(atPath:)) ?? TestServer.listenOnLoopback()
        url = "http://127.0.0.1:\(path == nil ? TestServer.port(of: listener) : 80)"
        let connections = Connections(listener, handler, continuation)
        self.connections = connections
        Thread.detachNewThread { connections.accept() }
    }

    deinit { connections.close() }

    // MARK: sockets

    /// - Parameter port: 0 for any.
    private static func listenOnLoopback(_ port: UInt16 = 0) throws -> Int32 {
        var address = sockaddr_in()
        address.sin_port = port.bigEndian
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return try listen(at: address, AF_INET)
    }

    private static func listen(atPath path: String) throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
        return try listen(at: address, AF_UNIX)
    }

    private static func listen<Address>(at address: Address, _ family: Int32) throws -> Int32 {
        let listener = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let code = withUnsafeBytes(of: address) { bytes in
            guard let base = bytes.baseAddress else { return Int32(-1) }
            return bind(listener, base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
        guard code == 0, Glibc.listen(listener, 256) == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
        }
        return listener
    }

    /// A port that nobody listens on. No other call of this process gets it, nor does anybody who leaves the choice to
    /// the kernel: it is below those that the kernel chooses from.
    public static func freePort() -> Int {
        lastPort.withLock { last in
            for _ in 0..<1_000 {
                last = last < lastOfPorts ? last + 1 : firstOfPorts
                if isFree(last) { return Int(last) }
            }
            return 0
        }
    }

    private static let firstOfPorts: UInt16 = 10_000
    private static let lastOfPorts: UInt16 = {
        let range = try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
        let lowest = range?.split(whereSeparator: \.isWhitespace).first.flatMap { UInt16($0) } ?? 32_768
        return lowest > firstOfPorts + 1_000 ? lowest - 1 : .max
    }()
    /// Runs side by side begin at different places.
    private static let lastPort = Mutex(UInt16.random(in: firstOfPorts..<lastOfPorts))

    private static func isFree(_ port: UInt16) -> Bool {
        guard let listener = try? listenOnLoopback(port) else { return false }
        Glibc.close(listener)
        return true
    }

    private static func port(of listener: Int32) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutableBytes(of: &address) { bytes in
            bytes.baseAddress.map { getsockname(listener, $0.assumingMemoryBound(to: sockaddr.self), &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// What the server's threads share.
private final class Connections: Sendable {
    private struct State {
        var requests: [TestServer.Request] = []
        var count = 0
        var open: Set<Int32> = []
        var isClosed = false
    }

    private let listener: Int32
    private let handler: TestServer.Handler
    private let arrivals: AsyncStream<TestServer.Request>.Continuation
    private let state = Mutex(State())

    init(
        _ listener: Int32, _ handler: @escaping TestServer.Handler,
        _ arrivals: AsyncStream<TestServer.Request>.Continuation
    ) {
        self.listener = listener
        self.handler = handler
        self.arrivals = arrivals
    }

    var requests: [TestServer.Request] { state.withLock { $0.requests } }
    var count: Int { state.withLock { $0.count } }

    func accept() {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            let number = state.withLock { state in
                state.count += 1
                state.open.insert(descriptor)
                return state.isClosed ? nil : state.count
            }
            guard let number else { break }
            Thread.detachNewThread { self.serve(descriptor, number) }
        }
        Glibc.close(listener)
    }

    func close() {
        arrivals.finish()
        state.withLock { state in
            state.isClosed = true
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func serve(_ descriptor: Int32, _ number: Int) {
        var unread: [UInt8] = []
        while let request = read(from: descriptor, &unread, number) {
            state.withLock { $0.requests.append(request) }
            arrivals.yield(request)
            guard reply(handler(request), to: request, on: descriptor) else { break }
        }
        state.withLock { state in
            state.open.remove(descriptor)
            _ = Glibc.close(descriptor)
        }
    }

    /// - Returns: whether the connection goes on.
    private func reply(_ reply: TestServer.Reply, to request: TestServer.Request, on descriptor: Int32) -> Bool {
        switch reply {
        case .answer(let status, let headers, let body):
            var head = "HTTP/1.1 \(status) Test\r\nContent-Length: \(body.count)\r\n"
            for (name, value) in headers { head += "\(name): \(value)\r\n" }
            return send(Array((head + "\r\n").utf8) + (request.method == "HEAD" ? [] : body), on: descriptor)
        case .raw(let bytes):
            _ = send(bytes, on: descriptor)
            return false
        case .silence:
            var byte: UInt8 = 0
            while recv(descriptor, &byte, 1, 0) > 0 {}
            return false
        case .flood(let size, let isAnnounced):
            return flood(size, isAnnounced, on: descriptor)
        }
    }

    private func flood(_ size: Int, _ isAnnounced: Bool, on descriptor: Int32) -> Bool {
        let length = isAnnounced ? "Content-Length: \(size)" : "Transfer-Encoding: chunked"
        let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 65_536)
        let part = isAnnounced ? piece : Array("10000\r\n".utf8) + piece + Array("\r\n".utf8)
        guard send(Array("HTTP/1.1 200 Test\r\n\(length)\r\n\r\n".utf8), on: descriptor) else { return false }
        for _ in 0..<size / piece.count where !send(part, on: descriptor) { return false }
        return isAnnounced || send(Array("0\r\n\r\n".utf8), on: descriptor)
    }

    private func send(_ bytes: [UInt8], on descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private func read(from descriptor: Int32, _ unread: inout [UInt8], _ number: Int) -> TestServer.Request? {
        let blank = Array("\r\n\r\n".utf8)
        var headEnd = unread.firstRange(of: blank)
        while headEnd == nil {
            guard receive(from: descriptor, &unread) else { return nil }
            headEnd = unread.firstRange(of: blank)
        }
        guard let headEnd else { return nil }
        let lines = String(decoding: unread[..<headEnd.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ").map(String.init)
        guard words.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            headers[line[..<colon].lowercased()] =
                line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        let end = headEnd.upperBound + length
        while unread.count < end {
            guard receive(from: descriptor, &unread) else { return nil }
        }
        let body = Array(unread[headEnd.upperBound..<end])
        unread.removeFirst(end)
        return TestServer.Request(
            method: words[0], target: words[1], headers: headers, body: body, connection: number)
    }

    private func receive(from descriptor: Int32, _ unread: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        unread += buffer.prefix(count)
        return true
    }
}
