import CCurl
import Events
import Glibc
import Synchronization

/// What moves a client's transfers, one at a time: whoever sends a request takes it as far as it goes without waiting,
/// which is mostly until it is on the wire; one permanent thread does what sockets and timers ask for after that.
final class TransferLoop: Sendable {
    private let mailbox: Mailbox
    private let transfers: Mutex<Transfers>

    private init(connections: Int) {
        let wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        precondition(wakeup >= 0, "no event descriptor for the HTTP client")
        mailbox = Mailbox(wakeup: wakeup)
        transfers = Mutex(Transfers(connections: connections, wakeup: wakeup))
    }

    /// Starts the thread.
    static func start(connections: Int) -> TransferLoop {
        let loop = TransferLoop(connections: connections)
        PermanentThread.start { loop.run() }
        return loop
    }

    // MARK: from any thread

    func post(_ exchange: Exchange) {
        if !move(with: exchange) && !mailbox.post(exchange) {
            return exchange.finish(.failure(.clientClosed))
        }
        // Who found the transfers in use left something behind; who uses them looks once more afterwards.
        while !mailbox.isEmpty, move(with: nil) {}
    }

    func cancel(_ exchange: Exchange) { mailbox.cancel(exchange) }
    func close() { mailbox.close() }

    /// - Returns: false if another thread is at it.
    private func move(with exchange: Exchange?) -> Bool {
        let turn = transfers.withLockIfAvailable { transfers in
            var news = mailbox.take()
            if let exchange { news.posted.append(exchange) }
            let answers = transfers.turn(news)
            return (answers: answers, isWakeDue: transfers.isWakeDue())
        }
        guard let turn else { return false }
        if turn.isWakeDue { mailbox.wake() }
        turn.answers.deliver()
        return true
    }

    // MARK: the thread

    private func run() {
        blockSignals()
        let epoll = transfers.withLock { $0.sockets.epoll }
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        var count: Int32 = 0
        while true {
            let ready = events.prefix(Int(max(0, count)))
            let turn = transfers.withLock { transfers in
                let news = mailbox.take()
                if news.isClosed { return (answers: transfers.end(news, mailbox.detach()), sleep: nil as Int32?) }
                let answers = transfers.turn(news, ready)
                return (answers: answers, sleep: transfers.sleep())
            }
            turn.answers.deliver()
            guard let sleep = turn.sleep else { return }
            count = epoll_wait(epoll, &events, Int32(events.count), mailbox.isEmpty ? sleep : 0)
        }
    }

    /// No handler of the process should run here.
    private func blockSignals() {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
    }
}

extension [Transfers.Answer] {
    /// Without any lock: whoever waits may do anything.
    fileprivate func deliver() {
        for answer in self { answer.exchange.finish(answer.result) }
    }
}
