import CCurl
import Glibc

/// Why a request got no whole answer. Safe to log: no address, header or body is in it.
public struct HTTPFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Sendable, CaseIterable {
        /// No connection, or it broke before the whole answer was there.
        case unreachable
        /// ``HTTPRequest/timeout`` or ``HTTPRequest/connectTimeout`` passed.
        case timedOut = "timed out"
        /// No trust: certificate, name, pin or protocol version.
        case tls = "TLS"
        /// The answer exceeds ``HTTPRequest/maximumBodyBytes``.
        case tooLarge = "too large"
        /// What came is not HTTP, or what was to be sent is none.
        case protocolError = "protocol error"
        /// By cancellation of the task, or by ``HTTPClient/shutdown()``.
        case cancelled
    }

    /// How far the exchange had come.
    public enum Progress: Sendable {
        /// There was no connection: nobody has seen the request.
        case none
        /// The request, or a part of it, was sent.
        case asked
        /// A part of the answer was there.
        case answering
    }

    public let kind: Kind
    public let detail: String
    public internal(set) var progress = Progress.none

    public init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    public var description: String { detail.isEmpty ? kind.rawValue : "\(kind.rawValue): \(detail)" }
}

extension HTTPFailure {
    static let taskCancelled = HTTPFailure(.cancelled, "the task was cancelled")
    static let clientClosed = HTTPFailure(.cancelled, "the client is shut down")

    static func tooLarge(_ maximum: Int) -> HTTPFailure {
        HTTPFailure(.tooLarge, "the answer has more than \(maximum) bytes")
    }

    init(_ code: CURLcode, systemError: Int32 = 0) {
        var words = String(cString: curl_easy_strerror(code))
        if systemError != 0 { words += " (\(String(cString: strerror(systemError))))" }
        self.init(Kind(code), words)
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT: progress = .none
        default: progress = .asked
        }
    }

    /// The same, of an exchange whose answer had begun.
    var whileAnswering: HTTPFailure {
        var failure = self
        failure.progress = .answering
        return failure
    }
}

extension HTTPFailure.Kind {
    fileprivate init(_ code: CURLcode) {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY,
            CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_SEND_ERROR, CURLE_RECV_ERROR:
            self = .unreachable
        case CURLE_OPERATION_TIMEDOUT: self = .timedOut
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ENGINE_NOTFOUND,
            CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED,
            CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_SHUTDOWN_FAILED,
            CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
            self = .tls
        default: self = .protocolError
        }
    }
}
