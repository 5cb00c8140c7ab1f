import CCurl
import Events

/// One easy handle of libcurl, used for one exchange after the other. Connections do not belong to it, but to the
/// multi handle.
final class TransferHandle {
    /// What most requests have in common with the one before.
    private struct Options: Equatable {
        var url: String
        var unixSocket: String?
        var obeysProxyEnvironment: Bool
        var timeout: Duration
        var connectTimeout: Duration
        var maximumBodyBytes: Int
        var usualAnswerBytes: Int
    }

    /// What libcurl reads at once, at most.
    private static let mostReadBytes = 65_536
    /// A handle keeps its copy of the last body; a larger one is not worth keeping.
    private static let keptBodyBytes = 65_536

    let raw: UnsafeMutableRawPointer
    /// While it runs, with its place among those that do.
    private(set) var exchange: Exchange?
    var place = 0
    /// It had authorities or pins, which no later request may inherit, or a large body, or gave up.
    var isWorn = false
    private var options: Options?
    /// The address, taken apart.
    private var address: OpaquePointer?
    private var headerLines = HeaderLines()

    init?(_ sockets: SocketSet) {
        guard let handle = curl_easy_init() else { return nil }
        raw = handle
        guard setUp(sockets) else { return nil }
    }

    deinit {
        curl_easy_cleanup(raw)
        curl_url_cleanup(address)
    }

    static func of(_ raw: UnsafeMutableRawPointer) -> TransferHandle? {
        var this: UnsafeMutablePointer<CChar>?
        ccurl_get_pointer(raw, CURLINFO_PRIVATE, &this)
        return this.map { Unmanaged<TransferHandle>.fromOpaque($0).takeUnretainedValue() }
    }

    /// What all requests have in common.
    private func setUp(_ sockets: SocketSet) -> Bool {
        let numbers: [(CURLoption, Int)] = [
            (CURLOPT_NOSIGNAL, 1),
            (CURLOPT_FOLLOWLOCATION, 0),
            (CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)),
            (CURLOPT_HTTP09_ALLOWED, 0),
            (CURLOPT_SSL_VERIFYPEER, 1),
            (CURLOPT_SSL_VERIFYHOST, 2),
            (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            (CURLOPT_TCP_KEEPALIVE, 1),
            (CURLOPT_SUPPRESS_CONNECT_HEADERS, 1),
        ]
        let this = Unmanaged.passUnretained(self).toOpaque()
        let set = Unmanaged.passUnretained(sockets).toOpaque()
        let pointers = [
            (CURLOPT_PRIVATE, this), (CURLOPT_HEADERDATA, this), (CURLOPT_WRITEDATA, this),
            (CURLOPT_OPENSOCKETDATA, set), (CURLOPT_CLOSESOCKETDATA, set),
        ]
        return numbers.allSatisfy { ccurl_set_long(raw, $0, $1) == CURLE_OK }
            && pointers.allSatisfy { ccurl_set_pointer(raw, $0, $1) == CURLE_OK }
            && ccurl_set_text(raw, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK
            && ccurl_set_callback(raw, CURLOPT_HEADERFUNCTION, receiveHeaderLine) == CURLE_OK
            && ccurl_set_callback(raw, CURLOPT_WRITEFUNCTION, receiveBody) == CURLE_OK
            && ccurl_set_open_callback(raw, openSocket) == CURLE_OK
            && ccurl_set_close_callback(raw, closeSocket) == CURLE_OK
    }

    /// What may differ between requests is set for each, so that nothing is left over from the one before.
    func take(_ exchange: Exchange) throws(HTTPFailure) {
        let request = exchange.request
        try setOptions(of: request)
        try setMethodAndBody(of: request)
        try check(ccurl_set_pointer(raw, CURLOPT_HTTPHEADER, try headerLines.set(request.headers)))
        try setTrust(request.tls)
        self.exchange = exchange
        exchange.handle = self
    }

    /// The exchange is over, or never began.
    func release() {
        exchange?.handle = nil
        exchange = nil
    }

    private func setOptions(of request: HTTPRequest) throws(HTTPFailure) {
        let new = Options(
            url: request.url, unixSocket: request.unixSocket, obeysProxyEnvironment: request.obeysProxyEnvironment,
            timeout: request.timeout, connectTimeout: request.connectTimeout,
            maximumBodyBytes: request.maximumBodyBytes, usualAnswerBytes: request.usualAnswerBytes)
        if new == options { return }
        options = nil
        try setAddress(request.url)
        try set(CURLOPT_UNIX_SOCKET_PATH, request.unixSocket)
        try set(CURLOPT_NOPROXY, request.obeysProxyEnvironment && request.unixSocket == nil ? nil : "*")
        try set(CURLOPT_TIMEOUT_MS, max(1, Int(request.timeout.milliseconds)))
        try set(CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(request.connectTimeout.milliseconds)))
        try check(ccurl_set_size(raw, CURLOPT_MAXFILESIZE_LARGE, curl_off_t(max(1, request.maximumBodyBytes))))
        try set(CURLOPT_BUFFERSIZE, min(max(1, request.usualAnswerBytes), TransferHandle.mostReadBytes))
        options = new
    }

    /// Taken apart once: libcurl would do so for each transfer. The text is what it begins anew with, if a connection
    /// turns out to be closed.
    private func setAddress(_ url: String) throws(HTTPFailure) {
        try set(CURLOPT_URL, url)
        try check(ccurl_set_pointer(raw, CURLOPT_CURLU, nil))
        curl_url_cleanup(address)
        address = curl_url()
        guard let address, curl_url_set(address, CURLUPART_URL, url, 0) == CURLUE_OK else {
            throw HTTPFailure(CURLE_URL_MALFORMAT)
        }
        try check(ccurl_set_pointer(raw, CURLOPT_CURLU, UnsafeRawPointer(address)))
    }

    private func setMethodAndBody(of request: HTTPRequest) throws(HTTPFailure) {
        guard isToken(request.method) else { throw HTTPFailure(.protocolError, "no method has such a name") }
        switch request.method {
        case "GET" where request.body.isEmpty:
            try set(CURLOPT_HTTPGET, 1)
            try set(CURLOPT_CUSTOMREQUEST, nil)
        case "HEAD":
            try set(CURLOPT_NOBODY, 1)
            try set(CURLOPT_CUSTOMREQUEST, nil)
        default:
            try set(CURLOPT_POST, 1)
            try set(CURLOPT_CUSTOMREQUEST, request.method == "POST" ? nil : request.method)
            try setBody(request.body)
        }
    }

    private func setBody(_ body: Bytes) throws(HTTPFailure) {
        try check(ccurl_set_size(raw, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
        // libcurl takes a copy, 0.2 us for 5 kB: no pointer into an array outlives its closure.
        let code = body.withUnsafeBytes { bytes in
            bytes.isEmpty
                ? ccurl_set_text(raw, CURLOPT_COPYPOSTFIELDS, "")
                : ccurl_set_pointer(raw, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress)
        }
        try check(code)
        if body.count > TransferHandle.keptBodyBytes { isWorn = true }
    }

    private func setTrust(_ tls: TLSOptions) throws(HTTPFailure) {
        guard tls != TLSOptions() else { return }
        isWorn = true
        if let authorities = tls.authorities {
            try set(CURLOPT_CAINFO, authorities)
            try set(CURLOPT_CAPATH, nil)
        }
        if !tls.pins.isEmpty {
            try set(CURLOPT_PINNEDPUBLICKEY, tls.pins.map { "sha256//\($0)" }.joined(separator: ";"))
        }
    }

    // MARK: after the transfer

    var status: Int {
        var code = 0
        ccurl_get_long(raw, CURLINFO_RESPONSE_CODE, &code)
        return code
    }

    /// The `Content-Length` of the answer, 0 if it has none.
    var announcedLength: Int {
        var length: curl_off_t = 0
        ccurl_get_size(raw, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length)
        return max(0, Int(length))
    }

    /// None: it had one that was open already.
    var openedConnections: Int {
        var count = 0
        ccurl_get_long(raw, CURLINFO_NUM_CONNECTS, &count)
        return count
    }

    /// The `errno` of a failed connect, or 0.
    var systemError: Int32 {
        var number = 0
        ccurl_get_long(raw, CURLINFO_OS_ERRNO, &number)
        return Int32(truncatingIfNeeded: number)
    }

    // MARK: options

    private func set(_ option: CURLoption, _ value: Int) throws(HTTPFailure) {
        try check(ccurl_set_long(raw, option, value))
    }
    private func set(_ option: CURLoption, _ value: String?) throws(HTTPFailure) {
        // A C string ends at its first NUL: the rest would be dropped in silence.
        guard value?.utf8.contains(0) != true else { throw HTTPFailure(.protocolError, "NUL in an address or path") }
        try check(ccurl_set_text(raw, option, value))
    }
    private func check(_ code: CURLcode) throws(HTTPFailure) {
        if code != CURLE_OK { throw HTTPFailure(code) }
    }
}

private func receiveHeaderLine(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ handle: UnsafeMutableRawPointer?
) -> Int {
    guard let handle else { return 0 }
    let exchange = Unmanaged<TransferHandle>.fromOpaque(handle).takeUnretainedValue().exchange
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return exchange?.receive(headerLine: line) ?? false ? line.count : 0
}

private func receiveBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ handle: UnsafeMutableRawPointer?
) -> Int {
    guard let handle else { return 0 }
    let exchange = Unmanaged<TransferHandle>.fromOpaque(handle).takeUnretainedValue().exchange
    let piece = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return exchange?.receive(body: piece) ?? false ? piece.count : 0
}

private func openSocket(
    _ sockets: UnsafeMutableRawPointer?, _ purpose: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let sockets, let address else { return -1 }
    return Unmanaged<SocketSet>.fromOpaque(sockets).takeUnretainedValue().open(address.pointee)
}

private func closeSocket(_ sockets: UnsafeMutableRawPointer?, _ descriptor: curl_socket_t) -> Int32 {
    guard let sockets else { return -1 }
    return Unmanaged<SocketSet>.fromOpaque(sockets).takeUnretainedValue().close(descriptor)
}
