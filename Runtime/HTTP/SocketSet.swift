import CCurl
import Glibc

/// The sockets of libcurl's multi handle, in an epoll set.
///
/// A socket stays in the set while nobody waits for it, until it is closed: an exchange on a connection that is there
/// already costs no `epoll_ctl`. What happens on it meanwhile (the other side hangs up) takes it out.
final class SocketSet {
    private struct Entry {
        /// Opened and closed by us, so that it is known what its number means.
        var isOurs = false
        /// What the set has of it, and what is waited for: of EPOLLIN and EPOLLOUT.
        var registered: UInt32 = 0
        var wanted: UInt32 = 0
    }

    private static let readable = EPOLLIN.rawValue
    private static let writable = EPOLLOUT.rawValue
    private static let broken = EPOLLERR.rawValue | EPOLLHUP.rawValue

    let epoll: Int32
    /// By descriptor.
    private var entries: [Entry] = []

    /// - Parameter wakeup: an event descriptor that ends a wait; it is never read.
    init(wakeup: Int32) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        precondition(epoll >= 0, "no epoll set for the HTTP client")
        control(EPOLL_CTL_ADD, wakeup, SocketSet.readable | EPOLLET.rawValue)
    }

    deinit { _ = Glibc.close(epoll) }

    // MARK: what libcurl says

    func open(_ address: curl_sockaddr) -> curl_socket_t {
        let type = address.socktype | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, type, address.protocol)
        if descriptor >= 0 { change(descriptor) { $0 = Entry(isOurs: true) } }
        return descriptor
    }

    func close(_ descriptor: curl_socket_t) -> Int32 {
        change(descriptor) { entry in
            // Of itself it leaves the set only with its last copy, which a process that is being started may have.
            if entry.registered != 0 { control(EPOLL_CTL_DEL, descriptor, 0) }
            entry = Entry()
        }
        return Glibc.close(descriptor)
    }

    /// - Parameter what: `CURL_POLL_IN`, `OUT`, `INOUT` or `REMOVE`.
    func want(_ descriptor: curl_socket_t, _ what: Int32) {
        var wanted: UInt32 = 0
        if what & CURL_POLL_IN != 0 && what != CURL_POLL_REMOVE { wanted |= SocketSet.readable }
        if what & CURL_POLL_OUT != 0 && what != CURL_POLL_REMOVE { wanted |= SocketSet.writable }
        change(descriptor) { entry in
            entry.wanted = wanted
            // libcurl closes some of its own: then the number may be another's next time.
            if entry.registered == wanted || wanted == 0 && entry.isOurs { return }
            if wanted == 0 {
                control(EPOLL_CTL_DEL, descriptor, 0)
            } else {
                control(entry.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, wanted)
            }
            entry.registered = wanted
        }
    }

    // MARK: what the kernel says

    /// - Returns: what libcurl is to be told, in `CURL_CSELECT_IN` and `OUT`; `nil` if nobody waits for the socket.
    func action(on descriptor: curl_socket_t, _ events: UInt32) -> Int32? {
        change(descriptor) { entry in
            if entry.wanted == 0 {
                if entry.registered != 0 { control(EPOLL_CTL_DEL, descriptor, 0) }
                entry.registered = 0
                return nil
            }
            // Why it is broken, reading and writing tell.
            let isBroken = events & SocketSet.broken != 0
            var action: Int32 = 0
            if isBroken || events & SocketSet.readable != 0 { action |= CURL_CSELECT_IN }
            if isBroken || events & SocketSet.writable != 0 { action |= CURL_CSELECT_OUT }
            return action
        }
    }

    private func change<Answer>(_ descriptor: curl_socket_t, _ body: (inout Entry) -> Answer) -> Answer {
        let index = Int(descriptor)
        while entries.count <= index { entries.append(Entry()) }
        return body(&entries[index])
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ events: UInt32) {
        var event = epoll_event()
        event.events = events
        event.data.fd = descriptor
        epoll_ctl(epoll, operation, descriptor, &event)
    }
}
