import CCurl
import Events
import Synchronization

/// One request on its way. Belongs to the client's thread from the moment it is posted; from elsewhere only
/// ``isCancelled`` may be touched.
final class Exchange: @unchecked Sendable {
    typealias Result = Swift.Result<HTTPResponse, HTTPFailure>

    let request: HTTPRequest
    let isCancelled = Atomic(false)
    /// While it runs.
    private(set) var handle: TransferHandle?
    private var continuation: CheckedContinuation<Result, Never>?
    private var headers = HTTPHeaders()
    /// libcurl takes a connection that ends within the headers for a whole answer.
    private var hasAllHeaders = false
    private var isAnswered = false
    private var body: [UInt8] = []
    /// What the callbacks found wrong: libcurl itself only learns that they want no more.
    private var refusal: HTTPFailure?
    /// The request's header lines, which libcurl reads until the end.
    private var headerLines: UnsafeMutablePointer<curl_slist>?

    init(_ request: HTTPRequest) { self.request = request }

    deinit { curl_slist_free_all(headerLines) }

    /// Before it is posted, once.
    func answer(to continuation: CheckedContinuation<Result, Never>) { self.continuation = continuation }

    // MARK: the client's thread

    func start(on handle: TransferHandle) throws(HTTPFailure) {
        try addHeaderLines()
        try handle.prepare(
            request, headerLines: headerLines, receiver: Unmanaged.passUnretained(self).toOpaque())
        self.handle = handle
    }

    /// What the request has, and the lines that keep libcurl from adding some of its own.
    private func addHeaderLines() throws(HTTPFailure) {
        try addHeaderLine("Expect", ":", "")
        var hasContentType = false
        for header in request.headers {
            guard header.isWellFormed else {
                throw HTTPFailure(.protocolError, "a header has characters that no header may have")
            }
            hasContentType = hasContentType || header.isNamed("content-type")
            // libcurl's way of writing a header without a value.
            try addHeaderLine(header.name, header.value.isEmpty ? ";" : ": ", header.value)
        }
        if !hasContentType { try addHeaderLine("Content-Type", ":", "") }
    }

    private func addHeaderLine(_ name: String, _ separator: StaticString, _ value: String) throws(HTTPFailure) {
        var line: [UInt8] = []
        line.reserveCapacity(name.utf8.count + value.utf8.count + 3)
        line += name.utf8
        separator.withUTF8Buffer { line += $0 }
        line += value.utf8
        line.append(0)
        let longer = line.withUnsafeBytes {
            curl_slist_append(headerLines, $0.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        guard let longer else { throw HTTPFailure(.protocolError, "no memory for the headers") }
        headerLines = longer
    }

    /// - Returns: false to end the transfer.
    func receive(headerLine line: UnsafeRawBufferPointer) -> Bool {
        // Each of several answers (100 Continue, then the real one) begins with its status line.
        if line.first == UInt8(ascii: "H"), line.starts(with: "HTTP/".utf8) {
            headers.removeAll()
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
        handle = nil
        continuation?.resume(returning: result)
        continuation = nil
    }
}

extension HTTPHeader {
    fileprivate var isWellFormed: Bool {
        isToken(name) && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }

    fileprivate func isNamed(_ lowercase: StaticString) -> Bool {
        name.utf8.count == lowercase.utf8CodeUnitCount
            && lowercase.withUTF8Buffer { name.utf8.elementsEqual($0, by: { $0 | 0x20 == $1 }) }
    }
}

/// Whether RFC 9110, section 5.6.2, allows it as the name of a header or a method.
func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"):
            true
        default: "!#$%&'*+.^_`|~".utf8.contains(byte)
        }
    }
}
