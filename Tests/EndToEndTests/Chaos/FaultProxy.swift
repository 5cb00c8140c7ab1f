import Foundation
import Glibc
import Support
import Synchronization

/// A network that a test breaks: a TCP proxy on loopback between a sidecar and the server of its queues.
final class FaultProxy: Sendable {
    enum Weather: Sendable, Equatable {
        case fine
        /// Each piece of at most 16 KiB is late by so much, and takes its time by the bandwidth.
        case slow(milliseconds: Int, bytesPerSecond: Int)
        /// Nothing goes through and nobody is told, as when a cable is pulled: connections are taken and stay silent.
        case silent
        /// Refused, and what is open is reset.
        case cut
        /// Of so many answers one is reset in its middle.
        case resets(oneOf: Int)
        /// Each answer stops in its middle. Its connection takes requests and says nothing more, also when the weather
        /// is fine again.
        case halves
    }
    private struct State {
        var weather = Weather.fine
        var target: Int
        /// Connections of an earlier one are reset.
        var age = 0
        var answers = 0
        var isClosed = false
    }

    /// `http://127.0.0.1:PORT`.
    var endpoint: String { "http://127.0.0.1:\(port)" }
    let port: Int
    private let listener: Int32
    private let state: Mutex<State>

    /// - Parameter target: the port on loopback that it leads to.
    init(to target: Int) throws {
        state = Mutex(State(target: target))
        (listener, port) = try Socket.listen()
        Thread.detachNewThread { [self] in accept() }
    }

    /// Ends the network. Until then the proxy's thread keeps it.
    func close() {
        state.withLock { $0.isClosed = true }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    var weather: Weather {
        get { state.withLock { $0.weather } }
        set {
            state.withLock { state in
                // What a silent network held is lost, and so are its connections.
                if newValue == .cut || state.weather == .silent { state.age += 1 }
                state.weather = newValue
            }
        }
    }

    /// Another server, to which nothing of the old connections leads.
    func lead(to target: Int) {
        state.withLock { state in
            state.target = target
            state.age += 1
        }
    }

    // MARK: - connections, each on a thread of its own

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            Thread.detachNewThread { [self] in serve(client) }
        }
        Glibc.close(listener)
    }

    private func serve(_ client: Int32) {
        let (target, age, weather) = state.withLock { ($0.target, $0.age, $0.weather) }
        guard weather != .cut, let server = Socket.connect(to: target) else { return Socket.reset(client) }
        var course = Course.goesOn
        while course != .ends, state.withLock({ $0.age == age && !$0.isClosed }) {
            let open = course == .isStuck ? [client] : [client, server]
            var ends = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            // Silent, it does not even read: the sender's window fills.
            if self.weather == .silent { ends = [] }
            // The weather is looked at a hundred times a second.
            guard poll(&ends, nfds_t(ends.count), 10) > 0 else { continue }
            for end in ends where course != .ends && end.revents != 0 {
                let isAnswer = end.fd == server
                let next = pass(from: end.fd, to: isAnswer ? client : server, isAnswer: isAnswer)
                course = course == .isStuck && next == .goesOn ? .isStuck : next
            }
        }
        Socket.reset(client)
        Socket.reset(server)
    }

    /// How a connection goes on.
    private enum Course { case goesOn, isStuck, ends }

    private func pass(from sender: Int32, to receiver: Int32, isAnswer: Bool) -> Course {
        var piece = [UInt8](repeating: 0, count: 16_384)
        let count = recv(sender, &piece, piece.count, 0)
        guard count > 0 else { return .ends }
        switch weather {
        case .slow(let milliseconds, let bytesPerSecond):
            usleep(UInt32(milliseconds * 1_000 + count * 1_000_000 / bytesPerSecond))
        case .resets(let number) where isAnswer:
            let isUnlucky = state.withLock { state in
                state.answers += 1
                return state.answers % number == 0
            }
            if isUnlucky {
                _ = Socket.send(piece[..<(count / 2)], on: receiver)
                return .ends
            }
        case .halves where isAnswer: return Socket.send(piece[..<(count / 2)], on: receiver) ? .isStuck : .ends
        default: break
        }
        return Socket.send(piece[..<count], on: receiver) ? .goesOn : .ends
    }
}

/// Sockets on loopback, as far as the proxy needs them.
private enum Socket {
    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = UInt16(port).bigEndian
        return address
    }

    private static func make() -> Int32 {
        socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }

    private static func with(
        _ address: sockaddr_in, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafeBytes(of: address) { bytes in
            bytes.baseAddress.map {
                call($0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
            } ?? -1
        }
    }

    static func listen() throws -> (listener: Int32, port: Int) {
        let port = TestServer.freePort()
        let listener = make()
        guard with(address(port), { bind(listener, $0, $1) }) == 0, Glibc.listen(listener, 256) == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
        }
        return (listener, port)
    }

    static func connect(to port: Int) -> Int32? {
        let descriptor = make()
        guard with(address(port), { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            Glibc.close(descriptor)
            return nil
        }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        return descriptor
    }

    static func send(_ bytes: ArraySlice<UInt8>, on descriptor: Int32) -> Bool {
        var left = bytes
        while !left.isEmpty {
            let count = left.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            left = left.dropFirst(count)
        }
        return true
    }

    /// Closed with an RST: nobody takes it for an orderly end.
    static func reset(_ descriptor: Int32) {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        Glibc.close(descriptor)
    }
}
