/// What the configuration may say about AWS. What it leaves out comes from the environment, as in AWS's own tools;
/// credentials are never among it.
public struct AWSOptions: Sendable {
    /// In place of AWS_REGION, AWS_DEFAULT_REGION and the profile's. The region in a queue's URL or ARN goes before.
    public var region: String?
    /// In place of AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL.
    public var queueEndpoint: String?
    /// In place of AWS_ENDPOINT_URL_EVENTS and AWS_ENDPOINT_URL.
    public var busEndpoint: String?
    /// In place of AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL.
    public var tableEndpoint: String?
    /// The process's environment.
    public var environment: [String: String]

    public init(
        region: String? = nil, queueEndpoint: String? = nil, busEndpoint: String? = nil,
        tableEndpoint: String? = nil, environment: [String: String]
    ) {
        self.region = region
        self.queueEndpoint = queueEndpoint
        self.busEndpoint = busEndpoint
        self.tableEndpoint = tableEndpoint
        self.environment = environment
    }
}

/// The services that are called here, by the names that requests are signed with.
enum AWSService: String, Sendable {
    case sqs, events, sts, dynamodb
}

/// Where a service is called, and for which region.
struct AWSEndpoint: Hashable, Sendable {
    /// Scheme, host and port; no path.
    let origin: String
    let region: String

    /// The host as the `Host` header has it: without the scheme's own port.
    let host: String
    /// Where everything is asked: the root.
    let url: String

    init(origin: String, region: String) {
        self.origin = origin
        self.region = region
        url = origin + "/"
        let address = origin.drop { $0 != ":" }.dropFirst(3)
        let port = origin.hasPrefix("https:") ? ":443" : ":80"
        host = String(address.hasSuffix(port) ? address.dropLast(port.count) : address)
    }

    /// - Returns: `nil` for anything but `http(s)://host[:port][/...]`.
    init?(url: String, region: String) {
        guard let scheme = ["https://", "http://"].first(where: url.hasPrefix) else { return nil }
        let authority = url.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty, !authority.contains("@"), isRegion(region) else { return nil }
        self.init(origin: scheme + authority.lowercased(), region: region)
    }

    /// AWS's own endpoint of a service.
    init?(_ service: AWSService, in region: String) {
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        self.init(url: "https://\(service.rawValue).\(region).\(domain)", region: region)
    }
}

/// `eu-central-1`: it becomes part of a host name.
private func isRegion(_ text: String) -> Bool {
    1...32 ~= text.utf8.count
        && text.utf8.allSatisfy { byte in
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || byte == UInt8(ascii: "-")
        }
}
