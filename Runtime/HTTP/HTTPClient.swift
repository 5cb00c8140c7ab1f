/// An HTTP/1.1 client for TCP, TLS and Unix sockets, on libcurl's multi interface: one permanent thread moves all
/// transfers, connections are kept and used again.
///
/// Its only thread is made here and ends with ``shutdown()`` or with the client.
public final class HTTPClient: Sendable {
    private let mailbox: Mailbox

    /// - Parameter connections: open at once, over all hosts; further requests wait, and their timeouts run.
    public init(connections: Int = 256) { mailbox = TransferLoop.start(connections: max(1, connections)) }

    deinit { mailbox.close() }

    /// Any status is an answer. Cancelling the task ends the transfer and closes its connection.
    public func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse {
        let exchange = Exchange(request)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                exchange.answer(to: continuation)
                if !mailbox.post(exchange) { exchange.finish(.failure(.clientClosed)) }
            }
        } onCancel: {
            mailbox.cancel(exchange)
        }
        return try result.get()
    }

    /// Ends all transfers with ``HTTPFailure/Kind/cancelled`` and refuses new ones. Does not wait for that.
    public func shutdown() { mailbox.close() }
}
