import CCurl
import Events
import Synchronization

/// One request on its way. From the moment it is posted it belongs to whoever moves the transfers; from elsewhere only
/// ``isCancelled`` may be touched.
final class Exchange: @unchecked Sendable {
    typealias Result = Swift.Result<HTTPResponse, HTTPFailure>

    /// Most answers have fewer bytes of headers.
    private static let usualHeaderBytes = 512

    let request: HTTPRequest
    let isCancelled = Atomic(false)
    /// While it runs.
    var handle: TransferHandle?
    private var continuation: CheckedContinuation<Result, Never>?
    private var headers = HTTPHeaders()
    /// libcurl takes a connection that ends within the headers for a whole answer.
    private var hasAllHeaders = false
    private var isAnswered = false
    private var isRestarted = false
    private var body: [UInt8] = []
    /// What the callbacks found wrong: libcurl itself only learns that they want no more.
    private var refusal: HTTPFailure?

    init(_ request: HTTPRequest) { self.request = request }

    /// Before it is posted, once.
    func answer(to continuation: CheckedContinuation<Result, Never>) { self.continuation = continuation }

    /// - Returns: false to end the transfer.
    func receive(headerLine line: UnsafeRawBufferPointer) -> Bool {
        // Each of several answers (100 Continue, then the real one) begins with its status line.
        if line.first == UInt8(ascii: "H"), line.starts(with: "HTTP/".utf8) {
            headers.removeAll(reserving: Exchange.usualHeaderBytes)
            hasAllHeaders = false
            isAnswered = true
            return true
        }
        hasAllHeaders = hasAllHeaders || line.first == UInt8(ascii: "\r") || line.first == UInt8(ascii: "\n")
        guard headers.append(line: line) else {
            refusal = HTTPFailure(.protocolError, "more than \(HTTPHeaders.maximumBytes) bytes of headers")
            return false
        }
        return true
    }

    /// - Returns: false to end the transfer.
    func receive(body bytes: UnsafeRawBufferPointer) -> Bool {
        if let take = request.onBody, let handle, handle.status < 400 { return take(Bytes(bytes)) }
        guard body.count + bytes.count <= request.maximumBodyBytes else {
            refusal = .tooLarge(request.maximumBodyBytes)
            return false
        }
        if body.isEmpty, let announced = handle?.announcedLength {
            body.reserveCapacity(min(announced, request.maximumBodyBytes))
        }
        body.append(contentsOf: bytes)
        return true
    }

    /// A connection that is used again may have been closed meanwhile; libcurl sends the request once more then. But an
    /// easy handle counts how often in all its life (libcurl 7.88), and the sixth time it gives up: the request goes on
    /// with another one. Once, since a new handle takes it as far as libcurl would.
    func isGivenUp(_ code: CURLcode, on handle: TransferHandle) -> Bool {
        guard code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR, !isAnswered, !isRestarted,
            handle.openedConnections == 0
        else { return false }
        isRestarted = true
        handle.isWorn = true
        return true
    }

    /// What came of the transfer, read while its handle is still untouched.
    func result(_ code: CURLcode, on handle: TransferHandle) -> Result {
        switch code {
        case CURLE_OK where hasAllHeaders:
            return .success(HTTPResponse(status: handle.status, headers: headers, body: body))
        default:
            let failure = failure(code, on: handle)
            return .failure(isAnswered ? failure.whileAnswering : failure)
        }
    }

    private func failure(_ code: CURLcode, on handle: TransferHandle) -> HTTPFailure {
        switch code {
        case CURLE_OK: HTTPFailure(CURLE_PARTIAL_FILE)
        case CURLE_FILESIZE_EXCEEDED: .tooLarge(request.maximumBodyBytes)
        default: refusal ?? HTTPFailure(code, systemError: handle.systemError)
        }
    }

    func finish(_ result: Result) {
        continuation?.resume(returning: result)
        continuation = nil
    }
}
