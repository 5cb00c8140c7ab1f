import Cryptography
import Events

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
        var text: [UInt8] = []
        text.reserveCapacity(1_024)
        text += request.method.utf8
        text.append(newline)
        text += canonicalPath(request.path, normalized: request.normalizesPath)
        text.append(newline)
        text += canonicalQuery(request.query).utf8
        text.append(newline)
        for header in headers { text += header.line }
        text.append(newline)
        let start = text.count
        for header in headers {
            if text.count > start { text.append(UInt8(ascii: ";")) }
            text += header.name
        }
        let names = String(decoding: text[start...], as: UTF8.self)
        text.append(newline)
        text.append(hexadecimalOf: request.payloadDigest)
        return (text, names)
    }

    static func stringToSign(_ canonicalRequest: [UInt8], at time: String, _ scope: String) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(192)
        text += "AWS4-HMAC-SHA256\n".utf8
        text += time.utf8
        text.append(newline)
        text += scope.utf8
        text.append(newline)
        text.append(hexadecimalOf: Hash.sha256(canonicalRequest))
        return text
    }

    static func signature(of stringToSign: [UInt8], key: HMACKey) -> String { key.code(of: stringToSign).hexadecimal }

    static func signingKey(secret: String, _ scope: Scope) -> HMACKey {
        let secret = HMACKey("AWS4\(secret)".utf8)
        return [scope.date, scope.region, scope.service, "aws4_request"].reduce(secret) { key, part in
            HMACKey(key.code(of: Array(part.utf8)).bytes)
        }
    }

    // MARK: canonical forms

    private struct CanonicalHeader {
        /// `name:value` and the line feed.
        var line: [UInt8]
        let nameLength: Int
        var name: ArraySlice<UInt8> { line[..<nameLength] }
    }

    /// Lower-case names in order, values trimmed and their inner blanks collapsed, repeated names joined by commas.
    private static func canonicalHeaders(_ headers: [Header]) -> [CanonicalHeader] {
        var result: [CanonicalHeader] = []
        result.reserveCapacity(headers.count)
        for header in headers {
            var line: [UInt8] = []
            line.reserveCapacity(header.name.utf8.count + header.value.utf8.count + 2)
            for byte in header.name.utf8 { line.append(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte) }
            let length = line.count
            if let index = result.firstIndex(where: { $0.name.elementsEqual(line) }) {
                result[index].line.removeLast()
                result[index].line.append(UInt8(ascii: ","))
                append(collapsed: header.value, to: &result[index].line)
                result[index].line.append(newline)
            } else {
                line.append(UInt8(ascii: ":"))
                append(collapsed: header.value, to: &line)
                line.append(newline)
                result.append(CanonicalHeader(line: line, nameLength: length))
            }
        }
        return result.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    private static func append(collapsed value: String, to line: inout [UInt8]) {
        var isAfterText = false
        var isAfterBlank = false
        for byte in value.utf8 {
            if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
                isAfterBlank = isAfterText
                continue
            }
            if isAfterBlank { line.append(0x20) }
            isAfterBlank = false
            isAfterText = true
            line.append(byte)
        }
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

extension [UInt8] {
    fileprivate mutating func append(hexadecimalOf digest: Digest) { append(contentsOf: digest.hexadecimal.utf8) }
}
