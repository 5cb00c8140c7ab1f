// What of a connection string matters before libpq parses it.

/// PostgreSQL, "Connection Strings": keywords with values, or a URI.
struct ConnectionString {
    private let text: String

    init(_ text: String) { self.text = text }

    /// `password=` and `sslpassword=` in either form, whatever spaces stand around the sign; `user:password@` in a URI.
    var holdsPassword: Bool {
        let dense = String(decoding: text.lowercased().utf8.filter { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self)
        if dense.contains("password=") { return true }
        guard let authority, let at = authority.lastIndex(of: "@") else { return false }
        return authority[..<at].contains(":")
    }

    /// Whether it goes over a network to a server that need not show who it is. What a service file or the environment
    /// says is not known here.
    var isUnverified: Bool {
        let modes = words.filter { $0.hasPrefix("sslmode=") }
        if modes.contains(where: { $0.hasSuffix("=verify-full") || $0.hasSuffix("=verify-ca") }) { return false }
        if words.contains(where: { $0.hasPrefix("service=") }) { return false }
        return hosts.contains { host in
            !host.isEmpty && !host.hasPrefix("/") && !host.hasPrefix("%2f")
                && !["localhost", "127.0.0.1", "[::1]", "::1"].contains(host)
        }
    }

    /// Of a URI: users, hosts and ports.
    private var authority: Substring? {
        guard let scheme = text.firstRange(of: "://") else { return nil }
        return text[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
    }

    private var words: [String] {
        text.lowercased().split { " \t?&".contains($0) }.map(String.init)
    }

    private var hosts: [String] {
        let named = words.filter { $0.hasPrefix("host=") || $0.hasPrefix("hostaddr=") }.flatMap { word in
            word.drop { $0 != "=" }.dropFirst().filter { $0 != "'" }.split(separator: ",").map(String.init)
        }
        guard let authority else { return named }
        let places = authority.split(separator: "@").last ?? ""
        let own = places.lowercased().split(separator: ",").map { place in
            place.hasPrefix("[") ? String(place.prefix { $0 != "]" }) + "]" : String(place.prefix { $0 != ":" })
        }
        return named + (authority.hasSuffix("@") ? [] : own)
    }
}
