import Cryptography
import Events
import HTTP
import Synchronization

/// AWS Signature Version 4 for headers.
/// Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
struct SigV4: Sendable {
    typealias Header = (name: String, value: String)

    struct Request: Sendable {
        var method = "POST"
        /// As it goes over the wire.
        var path = "/"
        var query = ""
        /// In any order; `host` and `x-amz-date` among them.
        var headers: [Header]
        var payloadDigest: Digest
        /// Whether dot segments and double slashes are resolved before signing: always, but for S3.
        var normalizesPath = true
    }

    /// What a signature is valid for.
    struct Scope: Hashable, Sendable {
        /// `20150830`
        let date: String
        let region: String
        let service: String

        var text: String { "\(date)/\(region)/\(service)/aws4_request" }
    }

    // MARK: the three stages

    static func canonicalRequest(_ request: Request) -> (text: [UInt8], signedHeaders: String) {
        let headers = canonicalHeaders(request.headers)
        let names = Array(headers.map(\.name).joined(separator: [UInt8(ascii: ";")]))
        var text = Array(request.method.utf8)
        text.append(newline)
        text += canonicalPath(request.path, normalized: request.normalizesPath)
        text.append(newline)
        text += canonicalQuery(request.query).utf8
        text.append(newline)
        for header in headers {
            text += header.name
            text.append(UInt8(ascii: ":"))
            text += header.value
            text.append(newline)
        }
        text.append(newline)
        text += names
        text.append(newline)
        text.append(hexadecimalOf: request.payloadDigest)
        return (text, String(decoding: names, as: UTF8.self))
    }

    static func stringToSign(_ canonicalRequest: [UInt8], at time: CivilTime, _ scope: Scope) -> [UInt8] {
        var text = Array("AWS4-HMAC-SHA256\n\(time.basic)\n\(scope.text)\n".utf8)
        text.append(hexadecimalOf: Hash.sha256(canonicalRequest))
        return text
    }

    static func signature(of stringToSign: [UInt8], key: [UInt8]) -> String {
        var text: [UInt8] = []
        if let digest = Digest(Hash.hmacSHA256(key: key, message: stringToSign)) { text.append(hexadecimalOf: digest) }
        return String(decoding: text, as: UTF8.self)
    }

    static func signingKey(secret: String, _ scope: Scope) -> [UInt8] {
        [scope.date, scope.region, scope.service, "aws4_request"].reduce(Array("AWS4\(secret)".utf8)) { key, part in
            Hash.hmacSHA256(key: key, message: Array(part.utf8))
        }
    }

    // MARK: canonical forms

    /// Lower-case names in order, values trimmed and their inner blanks collapsed, repeated names joined by commas.
    private static func canonicalHeaders(_ headers: [Header]) -> [(name: [UInt8], value: [UInt8])] {
        var result: [(name: [UInt8], value: [UInt8])] = []
        result.reserveCapacity(headers.count)
        for header in headers {
            let name = header.name.utf8.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
            let value = collapsed(header.value)
            if let index = result.firstIndex(where: { $0.name == name }) {
                result[index].value += [UInt8(ascii: ",")] + value
            } else {
                result.append((name, value))
            }
        }
        return result.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    private static func collapsed(_ value: String) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(value.utf8.count)
        var isAfterBlank = false
        for byte in value.utf8 {
            if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
                isAfterBlank = !result.isEmpty
                continue
            }
            if isAfterBlank { result.append(0x20) }
            isAfterBlank = false
            result.append(byte)
        }
        return result
    }

    private static func canonicalPath(_ path: String, normalized: Bool) -> [UInt8] {
        if path == "/" { return [slash] }
        var segments = path.utf8.split(separator: slash, omittingEmptySubsequences: normalized).map { Array($0) }
        if normalized {
            segments = segments.reduce(into: []) { kept, segment in
                switch String(decoding: segment, as: UTF8.self) {
                case ".": break
                case "..": _ = kept.popLast()
                default: kept.append(segment)
                }
            }
        }
        var result = segments.flatMap { [slash] + percentEncoded($0) }
        if !normalized { result.removeFirst() }
        if normalized && (result.isEmpty || path.hasSuffix("/")) { result.append(slash) }
        return result
    }

    /// Names and values decoded, encoded in the one right way, and sorted.
    private static func canonicalQuery(_ query: String) -> String {
        if query.isEmpty { return "" }
        let pairs = query.split(separator: "&").map { pair in
            let name = pair.prefix { $0 != "=" }
            return [name, pair.dropFirst(name.count + 1)].map { part in
                String(decoding: percentEncoded(percentDecoded(Array(part.utf8))), as: UTF8.self)
            }
        }
        return pairs.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }.map { "\($0[0])=\($0[1])" }.joined(separator: "&")
    }

    /// Everything but the unreserved characters of RFC 3986.
    static func percentEncoded(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte in
            isUnreserved(byte) ? [byte] : [UInt8(ascii: "%"), hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
        }
    }

    private static func percentDecoded(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    private static let slash = UInt8(ascii: "/")
    private static let newline = UInt8(ascii: "\n")
    private static let hexadecimal = Array("0123456789ABCDEF".utf8)
}

/// Signs requests; derives the key of a day, region and service once.
final class RequestSigner: Sendable {
    private struct KeyName: Hashable {
        let accessKeyID: String
        let scope: SigV4.Scope
    }

    /// A few services and regions, over midnight and one change of credentials.
    private static let keptKeys = 16

    private let keys = Mutex<[KeyName: [UInt8]]>([:])

    /// The headers to send along: `X-Amz-Date`, `X-Amz-Security-Token` and `Authorization`.
    func sign(
        _ body: Bytes, headers: [HTTPHeader], for endpoint: AWSEndpoint, _ service: AWSService,
        with credentials: AWSCredentials, at now: Instant
    ) -> [HTTPHeader] {
        let time = CivilTime(now)
        let scope = SigV4.Scope(date: time.basicDate, region: endpoint.region, service: service.rawValue)
        var added = [HTTPHeader("X-Amz-Date", time.basic)]
        if let token = credentials.sessionToken { added.append(HTTPHeader("X-Amz-Security-Token", token)) }
        let signed = (headers + added).map { ($0.name, $0.value) } + [("host", endpoint.host)]
        let request = SigV4.Request(headers: signed, payloadDigest: Hash.sha256(body))
        let (canonical, names) = SigV4.canonicalRequest(request)
        let signature = SigV4.signature(
            of: SigV4.stringToSign(canonical, at: time, scope), key: key(of: credentials, scope))
        let authorization = "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope.text), "
            + "SignedHeaders=\(names), Signature=\(signature)"
        return added + [HTTPHeader("Authorization", authorization)]
    }

    private func key(of credentials: AWSCredentials, _ scope: SigV4.Scope) -> [UInt8] {
        let name = KeyName(accessKeyID: credentials.accessKeyID, scope: scope)
        return keys.withLock { keys in
            if let key = keys[name] { return key }
            if keys.count >= RequestSigner.keptKeys { keys.removeAll() }
            let key = SigV4.signingKey(secret: credentials.secretAccessKey, scope)
            keys[name] = key
            return key
        }
    }
}

extension [UInt8] {
    /// Lower-case, 64 characters.
    fileprivate mutating func append(hexadecimalOf digest: Digest) {
        func append(_ word: UInt64) {
            for shift in stride(from: UInt64(60), through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: word >> shift) & 15
                self.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
        append(digest.high.0)
        append(digest.high.1)
        append(digest.low.0)
        append(digest.low.1)
    }
}
