public import Events
public import HTTP

/// Reads a key set document over HTTPS, over HTTP from this machine itself, or over a Unix socket.
public struct HTTPKeySetFetcher: KeySetFetcher {
    private let client: HTTPClient
    private let request: HTTPRequest
    private let name: String

    /// - Throws: `settings.invalid` for an address where anybody on the way could write keys of their own.
    public init(_ options: KeySetOptions, client: HTTPClient) throws(Failure) {
        let place = try KeySetAddress(parsing: options.url)
        self.client = client
        name = options.name
        request = HTTPRequest(
            url: place.url, headers: [HTTPHeader("Accept", "application/jwk-set+json, application/json")],
            timeout: .seconds(10), unixSocket: place.unixSocket, maximumBodyBytes: Limits.keySetBytes,
            tls: TLSOptions(pins: options.pins), obeysProxyEnvironment: place.isRemote)
    }

    public func fetch() async throws(Failure) -> Bytes {
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try await client.send(request)
        } catch {
            throw Failure(error.kind == .tooLarge ? .keysRefused : .keysUnreachable, name, error.description)
        }
        guard response.status == 200 else {
            throw Failure(.keysUnreachable, name, "answered with status \(response.status)")
        }
        return response.body[...]
    }
}

/// Where a key set may come from, and who may be asked to sign: `https://host/path`, `http://` to loopback,
/// `unix:/path/to.sock:/path`.
struct KeySetAddress: Hashable {
    let url: String
    let unixSocket: String?
    let isRemote: Bool

    /// - Throws: `settings.invalid`, of the setting that has the address.
    init(parsing text: String, of setting: String = "key-sets[].url") throws(Failure) {
        let problem = Failure(
            .settingsInvalid, setting, "needs https, http to loopback, or unix:/path/to.sock:/path")
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else { throw problem }
        if text.hasPrefix("unix:/") {
            let parts = text.dropFirst("unix:".count).split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[1].hasPrefix("/") else { throw problem }
            (url, unixSocket, isRemote) = ("http://localhost\(parts[1])", String(parts[0]), false)
            return
        }
        guard let (scheme, authority) = Self.split(text), !authority.isEmpty, !authority.contains("@") else {
            throw problem
        }
        let isSecure = scheme == "https"
        guard isSecure || (scheme == "http" && Self.isLoopback(Self.host(of: authority))) else { throw problem }
        (url, unixSocket, isRemote) = (text, nil, isSecure)
    }

    private static func split(_ text: String) -> (scheme: Substring, authority: Substring)? {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[1].hasPrefix("//") else { return nil }
        return (parts[0], parts[1].dropFirst(2).prefix { !"/?#".contains($0) })
    }

    private static func host(of authority: Substring) -> Substring {
        if authority.hasPrefix("[") { return authority.prefix { $0 != "]" } + "]" }
        return authority.prefix { $0 != ":" }
    }

    private static func isLoopback(_ host: Substring) -> Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
