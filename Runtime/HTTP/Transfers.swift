import CCurl
import Glibc
import Synchronization

/// libcurl's multi handle, which owns the connections, and the exchanges that run on it. Used by one thread at a time,
/// whichever it is.
final class Transfers {
    struct Answer: Sendable {
        let exchange: Exchange
        let result: Exchange.Result
    }

    /// Idle easy handles, a few kilobytes each: as many as run at once in a busy sidecar.
    private static let keptHandles = 64
    /// How often in a row libcurl may say that it wants to go on at once before others have their turn.
    private static let rounds = 32

    let sockets: SocketSet
    private let multi: UnsafeMutableRawPointer
    private var running: [TransferHandle] = []
    private var idle: [TransferHandle] = []
    private var answers: [Answer] = []
    private var isEnded = false
    /// When libcurl wants to be asked whatever happens, in milliseconds of the monotonic clock; 0: now.
    private var deadline: Int64?
    /// Until when the thread sleeps at most. It is never put off, so that not each exchange has to wake it.
    private var alarm: Int64?

    init(connections: Int, wakeup: Int32) {
        precondition(Transfers.isLibraryReady, "libcurl cannot be initialised")
        guard let multi = curl_multi_init() else { preconditionFailure("libcurl has no memory") }
        self.multi = multi
        sockets = SocketSet(wakeup: wakeup)
        _ = ccurl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections)
        _ = ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, connections)
        let this = Unmanaged.passUnretained(self).toOpaque()
        _ = ccurl_multi_set_socket_callback(multi, wantSocket, this)
        _ = ccurl_multi_set_timer_callback(multi, wantTimer, this)
    }

    private static let isLibraryReady: Bool = {
        // OpenSSL writes to sockets without MSG_NOSIGNAL: a peer that hangs up is an error of the write.
        var before = sigaction()
        sigaction(SIGPIPE, nil, &before)
        if before.__sigaction_handler.sa_handler == nil { signal(SIGPIPE, SIG_IGN) }
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    }()

    // MARK: a turn

    /// Does all that can be done without waiting.
    func turn(_ news: Mailbox.News, _ events: ArraySlice<epoll_event> = []) -> [Answer] {
        if isEnded || news.isClosed {
            return news.posted.map { Answer(exchange: $0, result: .failure(.clientClosed)) }
        }
        for event in events {
            guard let action = sockets.action(on: event.data.fd, event.events) else { continue }
            var count: Int32 = 0
            curl_multi_socket_action(multi, event.data.fd, action, &count)
        }
        collect()
        for exchange in news.posted { start(exchange) }
        for exchange in news.cancelled { cancel(exchange) }
        var rounds = 0
        while rounds < Transfers.rounds, isDue {
            rounds += 1
            deadline = nil
            var count: Int32 = 0
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &count)
            collect()
        }
        defer { answers = [] }
        return answers
    }

    private var isDue: Bool { deadline.map { $0 == 0 || $0 <= monotonicMilliseconds() } ?? false }

    /// For any other thread: whether the one that sleeps has to hear of an earlier deadline.
    func isWakeDue() -> Bool {
        guard !isEnded, let deadline, deadline < alarm ?? .max else { return false }
        alarm = deadline
        return true
    }

    /// For the thread: for how many milliseconds it may sleep; -1 for ever.
    func sleep() -> Int32 {
        if deadline == nil && alarm == nil { return -1 }
        let now = monotonicMilliseconds()
        if let alarm, alarm <= now { self.alarm = nil }
        if let deadline { alarm = min(deadline, alarm ?? .max) }
        return alarm.map { Int32(clamping: max(0, $0 - now)) } ?? -1
    }

    /// Answers everybody; there is nothing after this.
    func end(_ news: Mailbox.News, _ last: Mailbox.News) -> [Answer] {
        isEnded = true
        let waiting = running.compactMap(\.exchange) + news.posted + last.posted
        for handle in running {
            curl_multi_remove_handle(multi, handle.raw)
            handle.release()
        }
        running = []
        idle = []
        curl_multi_cleanup(multi)
        return waiting.map { Answer(exchange: $0, result: .failure(.clientClosed)) }
    }

    // MARK: exchanges

    private func start(_ exchange: Exchange) {
        if exchange.isCancelled.load(ordering: .relaxed) { return answer(exchange, .failure(.taskCancelled)) }
        guard let handle = idle.popLast() ?? TransferHandle(sockets) else {
            return answer(exchange, .failure(HTTPFailure(.protocolError, "no memory for a transfer")))
        }
        do throws(HTTPFailure) {
            try handle.take(exchange)
            guard curl_multi_add_handle(multi, handle.raw) == CURLM_OK else {
                throw HTTPFailure(.protocolError, "libcurl refuses the transfer")
            }
            handle.place = running.count
            running.append(handle)
        } catch {
            handle.release()
            answer(exchange, .failure(error))
        }
    }

    private func cancel(_ exchange: Exchange) {
        guard let handle = exchange.handle else { return }
        remove(handle)
        answer(exchange, .failure(.taskCancelled))
    }

    private func collect() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let raw = message.pointee.easy_handle,
                let handle = TransferHandle.of(raw), let exchange = handle.exchange
            else { continue }
            let code = message.pointee.data.result
            let isGivenUp = exchange.isGivenUp(code, on: handle)
            let result = exchange.result(code, on: handle)
            // Its connection is free again before the caller hears of it, so that the caller's next request has it.
            remove(handle)
            if isGivenUp { start(exchange) } else { answer(exchange, result) }
        }
    }

    private func answer(_ exchange: Exchange, _ result: Exchange.Result) {
        answers.append(Answer(exchange: exchange, result: result))
    }

    private func remove(_ handle: TransferHandle) {
        curl_multi_remove_handle(multi, handle.raw)
        let last = running.removeLast()
        if last !== handle {
            last.place = handle.place
            running[handle.place] = last
        }
        handle.release()
        if !handle.isWorn && idle.count < Transfers.keptHandles { idle.append(handle) }
    }

    // MARK: what libcurl waits for

    fileprivate func want(after milliseconds: Int) {
        switch milliseconds {
        case ..<0: deadline = nil
        case 0: deadline = 0
        default: deadline = monotonicMilliseconds() + Int64(milliseconds)
        }
    }
}

private func wantSocket(
    _ easy: UnsafeMutableRawPointer?, _ socket: curl_socket_t, _ what: Int32, _ transfers: UnsafeMutableRawPointer?,
    _ unused: UnsafeMutableRawPointer?
) -> Int32 {
    guard let transfers else { return -1 }
    Unmanaged<Transfers>.fromOpaque(transfers).takeUnretainedValue().sockets.want(socket, what)
    return 0
}

private func wantTimer(
    _ multi: UnsafeMutableRawPointer?, _ milliseconds: Int, _ transfers: UnsafeMutableRawPointer?
) -> Int32 {
    guard let transfers else { return -1 }
    Unmanaged<Transfers>.fromOpaque(transfers).takeUnretainedValue().want(after: milliseconds)
    return 0
}

/// Of a clock that nobody sets. Its first is 1: 0 means at once.
private func monotonicMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return max(1, Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
}
