import Cryptography
import Events
import HTTP

/// STS, the Security Token Service, as far as credentials need it: AssumeRoleWithWebIdentity (IRSA) and AssumeRole.
/// Source: docs.aws.amazon.com/STS/latest/APIReference
struct SecurityTokens: Sendable {
    private static let timeout = Duration.seconds(10)

    let http: HTTPClient
    let signer: RequestSigner
    let endpoint: AWSEndpoint

    /// - Parameter path: read anew each time, since Kubernetes rotates it.
    func assumeRole(_ role: String, session: String?, tokenFile path: String) async throws(Failure) -> AWSCredentials {
        guard let token = readToken(path) else {
            throw Failure(.receiveCredentials, "web identity", "cannot read \(path)")
        }
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
            ("RoleSessionName", session ?? "outrigger"), ("WebIdentityToken", token),
        ]
        return try await call(form) { _, _ in [] }
    }

    func assumeRole(
        _ role: String, session: String?, externalID: String?, with credentials: AWSCredentials, at now: Instant
    ) async throws(Failure) -> AWSCredentials {
        var form = [
            ("Action", "AssumeRole"), ("Version", "2011-06-15"), ("RoleArn", role),
            ("RoleSessionName", session ?? "outrigger"),
        ]
        if let externalID { form.append(("ExternalId", externalID)) }
        return try await call(form) { body, headers in
            signer.sign(body, headers: headers, for: endpoint, .sts, with: credentials, at: now)
        }
    }

    private func call(
        _ form: [(name: String, value: String)], signature: (Bytes, [HTTPHeader]) -> [HTTPHeader]
    ) async throws(Failure) -> AWSCredentials {
        let body = Bytes(
            form.map { name, value in
                name + "=" + String(decoding: SigV4.percentEncoded(Array(value.utf8)), as: UTF8.self)
            }.joined(separator: "&"))
        let headers = [HTTPHeader("Content-Type", "application/x-www-form-urlencoded")]
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try await http.send(
                HTTPRequest(
                    method: "POST", url: endpoint.origin + "/", headers: headers + signature(body, headers),
                    body: body, timeout: SecurityTokens.timeout, maximumBodyBytes: 65_536))
        } catch {
            throw Failure(.receiveCredentials, endpoint.host, "\(error)")
        }
        guard let fields = XMLFields(response.body) else {
            throw Failure(.receiveCredentials, endpoint.host, "HTTP \(response.status) with an unreadable answer")
        }
        guard response.status == 200 else {
            throw Failure(
                .receiveCredentials, endpoint.host, "HTTP \(response.status) \(identifier(fields["Code"] ?? ""))")
        }
        return try credentials(in: fields)
    }

    private func credentials(in fields: XMLFields) throws(Failure) -> AWSCredentials {
        guard let id = fields["AccessKeyId"], let secret = fields["SecretAccessKey"],
            let token = fields["SessionToken"], let end = fields["Expiration"].flatMap(CivilTime.init(extended:))
        else { throw Failure(.receiveCredentials, endpoint.host, "an answer without credentials") }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: token, expiresAt: end.instant)
    }
}

/// AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, as EKS sets them for a service account.
struct WebIdentityCredentials: CredentialSource {
    let environment: [String: String]
    let tokens: SecurityTokens

    func credentials(at now: Instant) async throws(Failure) -> AWSCredentials? {
        guard let path = environment.value("AWS_WEB_IDENTITY_TOKEN_FILE") else { return nil }
        guard let role = environment.value("AWS_ROLE_ARN") else {
            throw Failure(.receiveCredentials, "web identity", "AWS_WEB_IDENTITY_TOKEN_FILE without AWS_ROLE_ARN")
        }
        return try await tokens.assumeRole(
            role, session: environment.value("AWS_ROLE_SESSION_NAME"), tokenFile: path)
    }
}
