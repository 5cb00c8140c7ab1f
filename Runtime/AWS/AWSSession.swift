import Cryptography
import Events
public import HTTP
import JSON
public import Pipeline
import Synchronization

/// What all adapters of one account share: the way to AWS, credentials, the correction of the clock.
public final class AWSSession: Sendable {
    /// A clock that is off by less needs no correction: AWS allows five minutes.
    private static let toleratedSkew = Duration.minutes(1)
    static let callTimeout = Duration.seconds(10)

    let options: AWSOptions
    private let http: HTTPClient
    /// For calls that wait at the other end.
    private let polls: HTTPClient
    private let clock: any WallClock
    private let signer = RequestSigner()
    private let credentials: CredentialCache
    private let profileRegion: String?
    private let skew = Mutex(Duration.zero)

    /// - Parameter polls: for long polls, so that no other call waits for a connection of theirs; `http` by default.
    public init(_ options: AWSOptions, http: HTTPClient, polls: HTTPClient? = nil, clock: any WallClock) {
        self.options = options
        self.http = http
        self.polls = polls ?? http
        self.clock = clock
        let environment = options.environment
        let files = ProfileFiles(environment: environment)
        profileRegion = files.settings(of: files.profileName)?["region"]
        let region = options.region ?? environment.region ?? profileRegion
        let tokens = SecurityTokens(http: http, signer: signer, endpoint: .securityTokens(environment, region))
        let chain = CredentialChain(sources: [
            EnvironmentCredentials(environment: environment),
            ProfileCredentials(files: files, tokens: tokens),
            WebIdentityCredentials(environment: environment, tokens: tokens),
            ContainerCredentials(environment: environment, http: http),
            InstanceCredentials(environment: environment, http: http),
        ])
        credentials = CredentialCache(chain, clock: clock)
    }

    // MARK: where

    /// The region for what does not name its own.
    func region() throws(Failure) -> String {
        guard let region = options.region ?? options.environment.region ?? profileRegion else {
            throw Failure(.receiveCredentials, "region", "set AWS_REGION, or name the queue by its URL")
        }
        return region
    }

    /// - Parameter origin: what the address of a queue says, where nothing else is configured.
    func endpoint(of service: AWSService, in region: String, origin: String? = nil) throws(Failure) -> AWSEndpoint {
        let environment = options.environment
        let configured: String? =
            switch service {
            case .sqs: options.queueEndpoint ?? environment.value("AWS_ENDPOINT_URL_SQS")
            case .events: options.busEndpoint ?? environment.value("AWS_ENDPOINT_URL_EVENTS")
            case .sts: environment.value("AWS_ENDPOINT_URL_STS")
            case .dynamodb: options.tableEndpoint ?? environment.value("AWS_ENDPOINT_URL_DYNAMODB")
            }
        let url = configured ?? environment.value("AWS_ENDPOINT_URL") ?? origin
        let endpoint = url.map { AWSEndpoint(url: $0, region: region) } ?? AWSEndpoint(service, in: region)
        guard let endpoint else {
            throw Failure(.receiveCredentials, service.rawValue, "neither endpoint nor region can be used")
        }
        return endpoint
    }

    // MARK: calls

    /// One call of a JSON protocol. What wrong time or used-up credentials spoiled is mended and sent once more.
    /// - Parameters:
    ///   - digest: of the body, where it is known.
    ///   - usualAnswerBytes: see ``HTTPRequest/usualAnswerBytes``.
    ///   - isPoll: it waits at the other end.
    func call(
        _ operation: AWSOperation, at endpoint: AWSEndpoint, body: [UInt8], digest: Digest? = nil,
        timeout: Duration = AWSSession.callTimeout, maximumBodyBytes: Int = 1_048_576,
        usualAnswerBytes: Int = 16_384, isPoll: Bool = false
    ) async throws(AWSError) -> JSONDocument {
        let http = isPoll ? polls : http
        let digest = digest ?? Hash.sha256(body)
        var isFirst = true
        while true {
            let key = try await currentCredentials()
            let now = clock.now + skew.withLock { $0 }
            let signature = signer.sign(
                digest, headers: operation.headers, for: endpoint, operation.service, with: key, at: now)
            var request = HTTPRequest(
                method: "POST", url: endpoint.url, headers: operation.headers + signature, body: body[...],
                timeout: timeout, maximumBodyBytes: maximumBodyBytes)
            request.usualAnswerBytes = usualAnswerBytes
            let response: HTTPResponse
            do throws(HTTPFailure) { response = try await http.send(request) } catch { throw AWSError(error) }
            let document = try? JSONDocument(response.body)
            if response.status == 200 {
                guard let document, document.root.kind == .object else {
                    throw AWSError(.badReply, "HTTP 200 without a JSON object")
                }
                return document
            }
            let error = AWSError(response, document)
            guard isFirst, mend(error, response, document, key) else { throw error }
            isFirst = false
        }
    }

    /// How far a service's clock is ahead of ours, and how long its answer took; `nil` without one. It needs no
    /// credentials: every answer has a date.
    func clockAhead(of service: AWSService, clock: any WallClock) async -> (ahead: Duration, took: Duration)? {
        guard let region = try? region(), let endpoint = try? endpoint(of: service, in: region) else { return nil }
        let start = clock.now
        let request = HTTPRequest(
            method: "GET", url: endpoint.url, headers: [], body: [], timeout: Self.callTimeout,
            maximumBodyBytes: 65_536)
        guard let response = try? await http.send(request),
            let date = response.headers["date"].flatMap(CivilTime.init(http:))
        else { return nil }
        let took = clock.now - start
        return (date.instant - start - took / 2, took)
    }

    private func currentCredentials() async throws(AWSError) -> AWSCredentials {
        do throws(Failure) { return try await credentials.current() } catch { throw AWSError(error) }
    }

    /// - Returns: whether there was something to mend.
    private func mend(
        _ error: AWSError, _ response: HTTPResponse, _ document: JSONDocument?, _ key: AWSCredentials
    ) -> Bool {
        switch error.code {
        case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException":
            credentials.invalidate(key)
            return true
        case "RequestTimeTooSkewed", "RequestExpired", "SignatureDoesNotMatch", "InvalidSignatureException",
            "AccessDenied", "AccessDeniedException":
            let message = document?.root["message"]?.string ?? document?.root["Message"]?.string ?? ""
            let isAboutTime = error.code.hasPrefix("Request") || message.hasPrefix("Signature expired")
                || message.hasPrefix("Signature not yet current")
            guard isAboutTime, let date = response.headers["date"].flatMap(CivilTime.init(http:)) else { return false }
            return correctClock(by: date.instant - clock.now)
        default: return false
        }
    }

    private func correctClock(by difference: Duration) -> Bool {
        skew.withLock { skew in
            let change = difference - skew
            guard change > AWSSession.toleratedSkew || change < .zero - AWSSession.toleratedSkew else { return false }
            skew = difference
            return true
        }
    }
}

/// One operation of a service with a JSON protocol.
struct AWSOperation: Sendable {
    let service: AWSService
    /// `Content-Type` and `X-Amz-Target`.
    let headers: [HTTPHeader]

    private init(_ service: AWSService, _ target: String, version: String) {
        self.service = service
        headers = [
            HTTPHeader("Content-Type", "application/x-amz-json-\(version)"), HTTPHeader("X-Amz-Target", target),
        ]
    }

    static func sqs(_ name: String) -> AWSOperation { AWSOperation(.sqs, "AmazonSQS.\(name)", version: "1.0") }
    static func dynamodb(_ name: String) -> AWSOperation {
        AWSOperation(.dynamodb, "DynamoDB_20120810.\(name)", version: "1.0")
    }
    static func events(_ name: String) -> AWSOperation { AWSOperation(.events, "AWSEvents.\(name)", version: "1.1") }
}

extension [String: String] {
    fileprivate var region: String? { value("AWS_REGION") ?? value("AWS_DEFAULT_REGION") }
}

extension AWSEndpoint {
    /// Without a region, the old endpoint that serves all of them.
    fileprivate static func securityTokens(_ environment: [String: String], _ region: String?) -> AWSEndpoint {
        let url = environment.value("AWS_ENDPOINT_URL_STS") ?? environment.value("AWS_ENDPOINT_URL")
        return url.flatMap { AWSEndpoint(url: $0, region: region ?? "us-east-1") }
            ?? region.flatMap { AWSEndpoint(.sts, in: $0) }
            ?? .globalSecurityTokens
    }

    private static let globalSecurityTokens = AWSEndpoint(origin: "https://sts.amazonaws.com", region: "us-east-1")
}
