import Events
import HTTP
import JSON

/// ECS tasks and EKS Pod Identity: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with a token.
/// Source: docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
struct ContainerCredentials: CredentialSource {
    let environment: [String: String]
    let http: HTTPClient

    func credentials(at now: Instant) async throws(Failure) -> AWSCredentials? {
        guard let url = try url() else { return nil }
        var headers: [HTTPHeader] = []
        if let path = environment.value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            guard let token = readToken(path) else {
                throw Failure(.receiveCredentials, "container", "cannot read \(path)")
            }
            headers = [HTTPHeader("Authorization", token)]
        } else if let token = environment.value("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            headers = [HTTPHeader("Authorization", token)]
        }
        let request = HTTPRequest(url: url, headers: headers)
        return try await CredentialEndpoint(name: "container", http: http).credentials(from: request)
    }

    private func url() throws(Failure) -> String? {
        if let path = environment.value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return "http://169.254.170.2" + path
        }
        guard let url = environment.value("AWS_CONTAINER_CREDENTIALS_FULL_URI") else { return nil }
        guard url.hasPrefix("https://") || ContainerCredentials.isLocal(url) else {
            throw Failure(
                .receiveCredentials, "container", "credentials go over http to this host or to AWS's own alone")
        }
        return url
    }

    private static func isLocal(_ url: String) -> Bool {
        guard url.hasPrefix("http://") else { return false }
        let authority = url.dropFirst(7).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let host = authority.hasPrefix("[")
            ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        return ["127.0.0.1", "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"].contains(host)
    }
}

/// The role of an EC2 instance: IMDSv2, the version that asks for a session token first.
/// Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
struct InstanceCredentials: CredentialSource {
    private static let path = "/latest/meta-data/iam/security-credentials/"
    /// Off EC2 nobody answers at that address.
    private static let connectTimeout = Duration.seconds(1)

    let environment: [String: String]
    let http: HTTPClient

    func credentials(at now: Instant) async throws(Failure) -> AWSCredentials? {
        if environment.value("AWS_EC2_METADATA_DISABLED")?.lowercased() == "true" { return nil }
        let named = environment.value("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        let origin = named.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } ?? "http://169.254.169.254"
        let endpoint = CredentialEndpoint(
            name: "instance", http: http, connectTimeout: InstanceCredentials.connectTimeout)
        let lifetime = HTTPHeader("X-aws-ec2-metadata-token-ttl-seconds", "21600")
        let token: String
        do throws(Failure) {
            token = try await endpoint.text(
                from: HTTPRequest(method: "PUT", url: origin + "/latest/api/token", headers: [lifetime]))
        } catch {
            // Not an instance, unless somebody says so.
            if named == nil { return nil }
            throw error
        }
        let headers = [HTTPHeader("X-aws-ec2-metadata-token", token)]
        let url = origin + InstanceCredentials.path
        let role = try await endpoint.text(from: HTTPRequest(url: url, headers: headers))
        return try await endpoint.credentials(from: HTTPRequest(url: url + role, headers: headers))
    }
}

/// An endpoint beside the process that gives out credentials as JSON. Never asked through a proxy.
private struct CredentialEndpoint {
    private static let timeout = Duration.seconds(5)

    let name: String
    let http: HTTPClient
    var connectTimeout = CredentialEndpoint.timeout

    func credentials(from request: HTTPRequest) async throws(Failure) -> AWSCredentials {
        let body = try await answer(to: request)
        guard let document = try? JSONValue.parse(body),
            let id = document["AccessKeyId"]?.string, let secret = document["SecretAccessKey"]?.string,
            let end = document["Expiration"]?.string.flatMap(CivilTime.init(extended:))
        else { throw Failure(.receiveCredentials, name, "an answer without credentials") }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: document["Token"]?.string,
            expiresAt: end.instant)
    }

    /// One word, such as a role's name or a token.
    func text(from request: HTTPRequest) async throws(Failure) -> String {
        let words = String(decoding: try await answer(to: request), as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard let word = words.first else { throw Failure(.receiveCredentials, name, "an empty answer") }
        return String(word)
    }

    private func answer(to request: HTTPRequest) async throws(Failure) -> [UInt8] {
        var request = request
        request.timeout = CredentialEndpoint.timeout
        request.connectTimeout = connectTimeout
        request.maximumBodyBytes = 65_536
        request.obeysProxyEnvironment = false
        let response: HTTPResponse
        do throws(HTTPFailure) { response = try await http.send(request) } catch {
            throw Failure(.receiveCredentials, name, "\(error)")
        }
        guard response.status == 200 else {
            throw Failure(.receiveCredentials, name, "HTTP \(response.status)")
        }
        return response.body
    }
}
