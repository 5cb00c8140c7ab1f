// The small grammars: names, patterns, web and listen addresses.
import Events

enum Names {
    /// A JSON Pointer (RFC 6901) that is not empty.
    static func isPointer(_ text: String) -> Bool {
        let isEscaped = text.split(separator: "~", omittingEmptySubsequences: false).dropFirst()
            .allSatisfy { $0.first == "0" || $0.first == "1" }
        return text.hasPrefix("/") && text.utf8.count <= Limits.identifierBytes && isEscaped
    }

    static func isName(_ text: String) -> Bool {
        (1...48).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// As ``RouteTable`` reads it: a segment holds `*` alone or no `*`.
    static func isPattern(_ text: String) -> Bool {
        guard (1...Limits.identifierBytes).contains(text.utf8.count),
            !text.unicodeScalars.contains(where: { $0.value <= 32 || (0x7F...0x9F).contains($0.value) })
        else { return false }
        return text.split(separator: ".", omittingEmptySubsequences: false)
            .allSatisfy { $0 == "*" || (!$0.isEmpty && !$0.contains("*")) }
    }

    /// True if everything that `other` matches is matched by `pattern`.
    static func covers(_ pattern: String, _ other: String) -> Bool {
        if pattern == "*" || pattern == other { return true }
        let mine = pattern.split(separator: "."), theirs = other.split(separator: ".")
        return mine.count == theirs.count && zip(mine, theirs).allSatisfy { $0 == "*" || $0 == $1 }
    }

    static func isVariable(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128, !(0x30...0x39).contains(first) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    /// Lower-case digits only: one text for one digest.
    static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
            default: nil
            }
        }
        guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

/// An absolute http or https URL, as far as the settings need to understand it.
struct WebAddress {
    let isEncrypted: Bool
    let hasUser: Bool
    let host: String
    let path: String

    init?(_ text: String) {
        guard (8...2048).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            !text.contains("#")
        else { return nil }
        let rest: Substring
        if text.hasPrefix("https://") {
            (isEncrypted, rest) = (true, text.dropFirst(8))
        } else if text.hasPrefix("http://") {
            (isEncrypted, rest) = (false, text.dropFirst(7))
        } else {
            return nil
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        path = String(rest.dropFirst(authority.count))
        hasUser = authority.contains("@")
        let server = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        if server.hasPrefix("[") {
            host = String(server.dropFirst().prefix { $0 != "]" })
        } else {
            host = String(server.prefix { $0 != ":" })
        }
        if host.isEmpty { return nil }
    }

    var isLoopback: Bool { host == "localhost" || host == "::1" || ListenAddress.isLoopback4(host) }
}

/// An address to listen on.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// IPv4 or IPv6, without brackets.
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(digits), port <= 65_535
        else { return nil }
        let host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            let inner = host.dropFirst().dropLast()
            guard inner.contains(":"), inner.allSatisfy({ $0.isHexDigit || $0 == ":" }) else { return nil }
            self.init(host: String(inner), port: port)
        } else {
            let parts = host.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 4, parts.allSatisfy({ UInt8($0) != nil }) else { return nil }
            self.init(host: String(host), port: port)
        }
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    public var isLoopback: Bool { host == "::1" || Self.isLoopback4(host) }

    /// 127.0.0.0/8 (RFC 1122, 3.2.1.3).
    static func isLoopback4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil } && parts[0] == "127"
    }
}
