import Foundation
import Glibc
import StoreConformance
import Support
import Synchronization

/// Stands between a store and the server, and breaks their connections: at a place in an exchange, or all at once.
final class Proxy: Sendable {
    private struct State {
        var cut: Cut?
        var isDown = false
        var isSilent = false
        var descriptors: Set<Int32> = []
    }

    let folder: TemporaryFolder
    private let server: String
    private let listener: Int32
    private let state = Mutex(State())

    init(to server: PostgreSQLServer) throws {
        self.server = server.folder + "/.s.PGSQL.5432"
        folder = try TemporaryFolder()
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let path = folder.file(".s.PGSQL.5432")
        guard Self.with(path, { bind(listener, $0, $1) }) == 0, listen(listener, 64) == 0 else {
            throw PostgreSQLServer.Missing(description: "no proxy at \(path): \(errno)")
        }
        let (door, me) = (listener, Unowned(self))
        Thread.detachNewThread {
            while true {
                let client = accept(door, nil, nil)
                guard client >= 0, let proxy = me.value else { break }
                proxy.serve(client)
            }
        }
    }

    func stop() {
        isDown = true
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// The next request is cut there.
    func arm(_ cut: Cut) { state.withLock { $0.cut = cut } }

    /// While it is down, connections end as soon as they begin.
    var isDown: Bool {
        get { state.withLock { $0.isDown } }
        set {
            let ending = state.withLock { state in
                state.isDown = newValue
                return newValue ? state.descriptors : []
            }
            for descriptor in ending { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// While it is silent, nothing that the server says gets through.
    var isSilent: Bool {
        get { state.withLock { $0.isSilent } }
        set { state.withLock { $0.isSilent = newValue } }
    }

    private func serve(_ client: Int32) {
        let upstream = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard !isDown, Self.with(server, { connect(upstream, $0, $1) }) == 0 else {
            close(client)
            close(upstream)
            return
        }
        state.withLock { $0.descriptors.formUnion([client, upstream]) }
        let link = Link(client: client, upstream: upstream, proxy: self)
        Thread.detachNewThread { link.carryRequests() }
        Thread.detachNewThread { link.carryAnswers() }
    }

    fileprivate func take() -> Cut? {
        state.withLock { state in
            defer { state.cut = nil }
            return state.cut
        }
    }

    fileprivate func forget(_ descriptors: [Int32]) {
        state.withLock { $0.descriptors.subtract(descriptors) }
        for descriptor in descriptors { close(descriptor) }
    }

    private static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// Does not keep the proxy alive.
private final class Unowned: Sendable {
    private let pointer: Weak
    init(_ proxy: Proxy) { pointer = Weak(proxy) }
    var value: Proxy? { pointer.value }

    private final class Weak: @unchecked Sendable {
        private(set) weak var value: Proxy?
        init(_ value: Proxy) { self.value = value }
    }
}

/// One connection: bytes from here to there, and the messages in them counted (protocol 3.0: a letter, a length).
private final class Link: Sendable {
    private struct State {
        var cut: Cut?
        var syncs = 0
        var ended = 0
    }
    private let client: Int32
    private let upstream: Int32
    private let proxy: Proxy
    private let state = Mutex(State())

    init(client: Int32, upstream: Int32, proxy: Proxy) {
        self.client = client
        self.upstream = upstream
        self.proxy = proxy
    }

    func carryRequests() {
        var rest: [UInt8] = []
        while let bytes = receive(client) {
            if let cut = proxy.take() { state.withLock { $0.cut = cut } }
            let cut = state.withLock { $0.cut }
            if cut == .beforeRequest { break }
            guard send(bytes, upstream) else { break }
            guard let cut else { continue }
            // Frames begin at the request that is cut: the connection was quiet before.
            rest += bytes
            let syncs = Self.count("S", in: &rest)
            state.withLock { $0.syncs += syncs }
            if cut == .afterRequest, syncs > 0, rest.isEmpty {
                shutdown(client, Int32(SHUT_RDWR))
                break
            }
        }
        finish(after: state.withLock { $0.cut } == .afterRequest)
    }

    func carryAnswers() {
        var rest: [UInt8] = []
        var ready = 0
        while let bytes = receive(upstream) {
            let (cut, syncs) = state.withLock { ($0.cut, $0.syncs) }
            if cut == .afterRequest || proxy.isSilent { continue }
            guard cut == .beforeAnswer else {
                guard send(bytes, client) else { break }
                continue
            }
            rest += bytes
            ready += Self.count("Z", in: &rest)
            if ready >= max(syncs, 1) { break }
        }
        finish(after: false)
    }

    /// Both ways end together; a server that has a request still works on it.
    private func finish(after request: Bool) {
        shutdown(client, Int32(SHUT_RDWR))
        shutdown(upstream, Int32(request ? SHUT_WR : SHUT_RDWR))
        let isLast = state.withLock { state in
            state.ended += 1
            return state.ended == 2
        }
        if isLast { proxy.forget([client, upstream]) }
    }

    private static func count(_ letter: UnicodeScalar, in bytes: inout [UInt8]) -> Int {
        var (count, position) = (0, 0)
        while bytes.count - position >= 5 {
            let length = bytes[position + 1..<position + 5].reduce(0) { $0 << 8 | Int($1) }
            guard bytes.count - position >= length + 1 else { break }
            if bytes[position] == UInt8(ascii: letter) { count += 1 }
            position += length + 1
        }
        bytes.removeFirst(position)
        return count
    }

    private func receive(_ descriptor: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer.prefix(count)) : nil
    }

    private func send(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
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
}
