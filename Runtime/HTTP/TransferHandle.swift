import CCurl
import Events

/// One easy handle of libcurl, used for one exchange after the other. Connections do not belong to it, but to the loop.
final class TransferHandle {
    /// A handle keeps its copy of the last body; a larger one is not worth keeping.
    private static let keptBodyBytes = 65_536

    let raw: UnsafeMutableRawPointer
    /// False once it had authorities or pins, which no later request may inherit, or a large body.
    private(set) var isReusable = true

    init?() {
        guard let handle = curl_easy_init() else { return nil }
        raw = handle
        guard setUp() else { return nil }
    }

    deinit { curl_easy_cleanup(raw) }

    /// What all requests have in common.
    private func setUp() -> Bool {
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
        return numbers.allSatisfy { ccurl_set_long(raw, $0, $1) == CURLE_OK }
            && ccurl_set_text(raw, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK
            && ccurl_set_callback(raw, CURLOPT_HEADERFUNCTION, receiveHeaderLine) == CURLE_OK
            && ccurl_set_callback(raw, CURLOPT_WRITEFUNCTION, receiveBody) == CURLE_OK
    }

    /// What differs between requests is set for each, so that nothing is left over from the one before.
    func prepare(
        _ request: HTTPRequest, headerLines: UnsafeMutablePointer<curl_slist>?, receiver: UnsafeMutableRawPointer
    ) throws(HTTPFailure) {
        try set(CURLOPT_URL, request.url)
        try set(CURLOPT_UNIX_SOCKET_PATH, request.unixSocket)
        try set(CURLOPT_NOPROXY, request.obeysProxyEnvironment && request.unixSocket == nil ? nil : "*")
        try set(CURLOPT_TIMEOUT_MS, max(1, Int(request.timeout.milliseconds)))
        try set(CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(request.connectTimeout.milliseconds)))
        try check(ccurl_set_size(raw, CURLOPT_MAXFILESIZE_LARGE, curl_off_t(max(1, request.maximumBodyBytes))))
        try setMethodAndBody(of: request)
        try check(ccurl_set_pointer(raw, CURLOPT_HTTPHEADER, headerLines))
        try check(ccurl_set_pointer(raw, CURLOPT_HEADERDATA, receiver))
        try check(ccurl_set_pointer(raw, CURLOPT_WRITEDATA, receiver))
        try setTrust(request.tls)
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
        if body.count > TransferHandle.keptBodyBytes { isReusable = false }
    }

    private func setTrust(_ tls: TLSOptions) throws(HTTPFailure) {
        guard tls != TLSOptions() else { return }
        isReusable = false
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
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ receiver: UnsafeMutableRawPointer?
) -> Int {
    guard let receiver else { return 0 }
    let exchange = Unmanaged<Exchange>.fromOpaque(receiver).takeUnretainedValue()
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return exchange.receive(headerLine: line) ? line.count : 0
}

private func receiveBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ receiver: UnsafeMutableRawPointer?
) -> Int {
    guard let receiver else { return 0 }
    let exchange = Unmanaged<Exchange>.fromOpaque(receiver).takeUnretainedValue()
    let piece = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return exchange.receive(body: piece) ? piece.count : 0
}
