/// An HTTP/1.1 client for TCP, TLS and Unix sockets, on libcurl's multi interface; connections are kept and used again.
///
/// Requests are sent by the threads of those who send them; answers are received by one permanent thread, which is made
/// here and ends with ``shutdown()`` or with the client.
public final class HTTPClient: Sendable {
    let loop: TransferLoop

    /// - Parameter connections: open at once, over all hosts; further requests wait, and their timeouts run.
    public init(connections: Int = 256) { loop = TransferLoop.start(connections: max(1, connections)) }

    deinit { loop.close() }

    /// Any status is an answer. Cancelling the task ends the transfer and closes its connection.
    public func send(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse {
        let exchange = Exchange(request)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                exchange.answer(to: continuation)
                loop.post(exchange)
            }
        } onCancel: {
            loop.cancel(exchange)
        }
        return try result.get()
    }

    /// Ends all transfers with ``HTTPFailure/Kind/cancelled`` and refuses new ones. Does not wait for that.
    public func shutdown() { loop.close() }
}
