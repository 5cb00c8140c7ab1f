import CCurl
import Glibc
import Synchronization

/// The client's one permanent thread and everything that belongs to it: libcurl's multi handle, which owns the
/// connections, and the exchanges that run.
final class TransferLoop {
    /// Idle easy handles, a few kilobytes each: as many as run at once in a busy sidecar.
    private static let keptHandles = 64

    private let multi: MultiHandle
    private let mailbox: Mailbox
    private var running: [UnsafeMutableRawPointer: Exchange] = [:]
    private var idle: [TransferHandle] = []

    private init(multi: MultiHandle, mailbox: Mailbox) {
        self.multi = multi
        self.mailbox = mailbox
    }

    /// Starts the thread and returns the way to reach it.
    static func start(connections: Int) -> Mailbox {
        precondition(isLibraryReady, "libcurl cannot be initialised")
        guard let raw = curl_multi_init() else { preconditionFailure("libcurl has no memory") }
        _ = ccurl_multi_set_long(raw, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections)
        _ = ccurl_multi_set_long(raw, CURLMOPT_MAXCONNECTS, connections)
        let multi = MultiHandle(raw: raw)
        let mailbox = Mailbox(wakes: multi)
        let loop = Unmanaged.passRetained(TransferLoop(multi: multi, mailbox: mailbox))
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, { loop in
            guard let loop else { return nil }
            Unmanaged<TransferLoop>.fromOpaque(loop).takeRetainedValue().run()
            return nil
        }, loop.toOpaque())
        precondition(code == 0, "no thread for the HTTP client")
        pthread_detach(thread)
        return mailbox
    }

    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private func run() {
        blockSignals()
        while true {
            let news = mailbox.take()
            if news.isClosed { return end() }
            news.posted.forEach(start)
            news.cancelled.forEach(cancel)
            var count: Int32 = 0
            curl_multi_perform(multi.raw, &count)
            collect()
            curl_multi_poll(multi.raw, nil, 0, 60_000, nil)
        }
    }

    /// OpenSSL writes to sockets without MSG_NOSIGNAL, and no handler of the process should run here.
    private func blockSignals() {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
    }

    private func start(_ exchange: Exchange) {
        guard !exchange.isCancelled.load(ordering: .relaxed) else { return exchange.finish(.failure(.taskCancelled)) }
        guard let handle = idle.popLast() ?? TransferHandle() else {
            return exchange.finish(.failure(HTTPFailure(.protocolError, "no memory for a transfer")))
        }
        do throws(HTTPFailure) {
            try exchange.start(on: handle)
            guard curl_multi_add_handle(multi.raw, handle.raw) == CURLM_OK else {
                throw HTTPFailure(.protocolError, "libcurl refuses the transfer")
            }
            running[handle.raw] = exchange
        } catch {
            exchange.finish(.failure(error))
        }
    }

    private func cancel(_ exchange: Exchange) {
        guard let handle = exchange.handle else { return }
        remove(handle)
        exchange.finish(.failure(.taskCancelled))
    }

    private func collect() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi.raw, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let raw = message.pointee.easy_handle,
                let exchange = running[raw], let handle = exchange.handle
            else { continue }
            let result = exchange.result(message.pointee.data.result, on: handle)
            // Its connection is free again before the caller hears of it, so that the caller's next request has it.
            remove(handle)
            exchange.finish(result)
        }
    }

    private func remove(_ handle: TransferHandle) {
        curl_multi_remove_handle(multi.raw, handle.raw)
        running[handle.raw] = nil
        if handle.isReusable && idle.count < TransferLoop.keptHandles { idle.append(handle) }
    }

    private func end() {
        let news = mailbox.detach()
        for exchange in running.values {
            if let handle = exchange.handle { curl_multi_remove_handle(multi.raw, handle.raw) }
            exchange.finish(.failure(.clientClosed))
        }
        for exchange in news.posted { exchange.finish(.failure(.clientClosed)) }
        running = [:]
        idle = []
        curl_multi_cleanup(multi.raw)
    }
}
