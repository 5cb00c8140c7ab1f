import Events
import Foundation
import HTTP
import Support
import Synchronization
import Testing

@testable import AWS

/// Each source against its own endpoint or file.
@Suite struct CredentialSourceTests {
    let http = HTTPClient()
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func write(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: folder.file(name), atomically: true, encoding: .utf8)
        return folder.file(name)
    }

    func tokens(_ url: String) throws -> SecurityTokens {
        SecurityTokens(
            http: http, signer: RequestSigner(), endpoint: try #require(AWSEndpoint(url: url, region: "eu-central-1")))
    }

    static let answer = """
        {"Code":"Success","AccessKeyId":"AKID","SecretAccessKey":"secret","Token":"token",\
        "Expiration":"2026-01-01T06:00:00Z","RoleArn":"x"}
        """
    static let expected = AWSCredentials(
        accessKeyID: "AKID", secretAccessKey: "secret", sessionToken: "token",
        expiresAt: .newYear + .hours(6))

    static let stsAnswer = """
        <AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser>
        <Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser><Credentials><AccessKeyId>AKID</AccessKeyId>
        <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
        <Expiration>2026-01-01T06:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>
        """

    // MARK: environment

    @Test func environmentVariablesAreKeys() async throws {
        var variables = ["AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"]
        func current() throws(Failure) -> AWSCredentials? {
            try EnvironmentCredentials(environment: variables).credentials(at: .newYear)
        }
        #expect(try current() == AWSCredentials(accessKeyID: "AKID", secretAccessKey: "secret"))
        variables["AWS_SESSION_TOKEN"] = "token"
        #expect(try current()?.sessionToken == "token")
        variables["AWS_SECRET_ACCESS_KEY"] = ""
        #expect(throws: Failure.self) { try current() }
        variables["AWS_ACCESS_KEY_ID"] = nil
        #expect(try current() == nil)
    }

    // MARK: profiles

    @Test func aProfileHasKeysInEitherFile() async throws {
        let files = [
            "AWS_SHARED_CREDENTIALS_FILE": try write(
                "credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=S\n"),
            "AWS_CONFIG_FILE": try write(
                "config", "[profile team]\naws_access_key_id=B\naws_secret_access_key=T\naws_session_token=U\n"),
        ]
        func keys(_ more: [String: String] = [:]) async throws -> AWSCredentials? {
            let environment = files.merging(more) { $1 }
            return try await ProfileCredentials(
                files: ProfileFiles(environment: environment), tokens: try tokens("http://127.0.0.1:1")
            ).credentials(at: .newYear)
        }
        #expect(try await keys() == AWSCredentials(accessKeyID: "A", secretAccessKey: "S"))
        #expect(
            try await keys(["AWS_PROFILE": "team"])
                == AWSCredentials(accessKeyID: "B", secretAccessKey: "T", sessionToken: "U"))
        await #expect(throws: Failure.self) { try await keys(["AWS_PROFILE": "none"]) }
        #expect(try await keys(["AWS_SHARED_CREDENTIALS_FILE": folder.file("absent")]) == nil)
    }

    @Test func aProfileAssumesItsRoleWithTheKeysOfAnother() async throws {
        let server = try TestServer { _ in .answer(200, body: Array(Self.stsAnswer.utf8)) }
        let config = """
            [profile base]
            aws_access_key_id = BASE
            aws_secret_access_key = S
            [profile team]
            role_arn = arn:aws:iam::1:role/team
            source_profile = base
            external_id = e&1
            """
        let environment = ["AWS_CONFIG_FILE": try write("config", config), "AWS_PROFILE": "team"]
        let source = ProfileCredentials(files: ProfileFiles(environment: environment), tokens: try tokens(server.url))
        #expect(try await source.credentials(at: .newYear) == Self.expected)
        let request = try #require(server.requests.first)
        let form = String(decoding: request.body, as: UTF8.self)
        #expect(form.contains("Action=AssumeRole&"))
        #expect(form.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fteam"))
        #expect(form.contains("ExternalId=e%261"))
        #expect(request.headers["authorization"]?.contains("Credential=BASE/20260101/eu-central-1/sts/") == true)
    }

    @Test func profilesThatLeadInACircleAreRefused() async throws {
        let config = """
            [profile a]
            role_arn = r
            source_profile = b
            [profile b]
            role_arn = r
            source_profile = a
            """
        let environment = ["AWS_CONFIG_FILE": try write("config", config), "AWS_PROFILE": "a"]
        let source = ProfileCredentials(
            files: ProfileFiles(environment: environment), tokens: try tokens("http://127.0.0.1:1"))
        await #expect(throws: Failure.self) { try await source.credentials(at: .newYear) }
    }

    // MARK: web identity

    @Test func aWebIdentityIsExchangedAndItsFileReadEachTime() async throws {
        let server = try TestServer { _ in .answer(200, body: Array(Self.stsAnswer.utf8)) }
        let path = try write("token", "first.jwt\n")
        let source = WebIdentityCredentials(
            environment: ["AWS_WEB_IDENTITY_TOKEN_FILE": path, "AWS_ROLE_ARN": "arn:x", "AWS_ROLE_SESSION_NAME": "pod"],
            tokens: try tokens(server.url))
        #expect(try await source.credentials(at: .newYear) == Self.expected)
        _ = try write("token", "second.jwt\n")
        _ = try await source.credentials(at: .newYear)
        let forms = server.requests.map { String(decoding: $0.body, as: UTF8.self) }
        #expect(forms[0].contains("WebIdentityToken=first.jwt"))
        #expect(forms[0].contains("RoleSessionName=pod"))
        #expect(forms[1].contains("WebIdentityToken=second.jwt"))
        #expect(server.requests[0].headers["authorization"] == nil)
    }

    @Test func aRefusedWebIdentitySaysWhyAndNoMore() async throws {
        let server = try TestServer { _ in
            .json("<E><Error><Code>ExpiredTokenException</Code><Message>eyJ</Message></Error></E>", status: 400)
        }
        let source = WebIdentityCredentials(
            environment: ["AWS_WEB_IDENTITY_TOKEN_FILE": try write("token", "t"), "AWS_ROLE_ARN": "arn:x"],
            tokens: try tokens(server.url))
        let failure = await #expect(throws: Failure.self) { try await source.credentials(at: .newYear) }
        #expect(failure?.code == .receiveCredentials)
        #expect(failure?.cause == "HTTP 400 ExpiredTokenException")
    }

    // MARK: container and instance

    @Test func theContainerEndpointIsAskedWithTheTokenOfItsFile() async throws {
        let server = try TestServer { _ in .json(Self.answer) }
        let source = ContainerCredentials(
            environment: [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": try write("token", "pod-token\n"),
            ], http: http)
        #expect(try await source.credentials(at: .newYear) == Self.expected)
        #expect(server.requests.first?.target == "/v1/credentials")
        #expect(server.requests.first?.headers["authorization"] == "pod-token")
    }

    @Test(arguments: [
        "http://example.com/", "http://127.0.0.1.example.com/", "http://169.254.169.254/", "ftp://127.0.0.1/",
        "http://[::2]/", "127.0.0.1",
    ])
    func aContainerTokenDoesNotLeaveTheHostUnencrypted(url: String) async {
        let source = ContainerCredentials(environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": url], http: http)
        let failure = await #expect(throws: Failure.self) { try await source.credentials(at: .newYear) }
        #expect(failure?.cause.contains("over http") == true)
    }

    @Test(arguments: [
        "", "[]", #"{"AccessKeyId":"A"}"#, #"{"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"soon"}"#,
    ])
    func halfAnAnswerIsAFailure(text: String) async throws {
        let server = try TestServer { _ in .json(text) }
        let source = ContainerCredentials(
            environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url], http: http)
        await #expect(throws: Failure.self) { try await source.credentials(at: .newYear) }
    }

    @Test func theInstanceIsAskedByItsSecondVersion() async throws {
        let server = try TestServer { request in
            switch (request.method, request.target) {
            case ("PUT", "/latest/api/token"):
                request.headers["x-aws-ec2-metadata-token-ttl-seconds"] == nil ? .answer(400) : .json("session")
            case ("GET", let target) where request.headers["x-aws-ec2-metadata-token"] == "session":
                switch target {
                case "/latest/meta-data/iam/security-credentials/": .json("role-x\n")
                case "/latest/meta-data/iam/security-credentials/role-x": .json(Self.answer)
                default: .answer(404)
                }
            default: .answer(401)
            }
        }
        var environment = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url + "/"]
        let source = InstanceCredentials(environment: environment, http: http)
        #expect(try await source.credentials(at: .newYear) == Self.expected)
        environment["AWS_EC2_METADATA_DISABLED"] = "true"
        #expect(try await InstanceCredentials(environment: environment, http: http).credentials(at: .newYear) == nil)
        #expect(server.requests.count == 3)
    }

    // MARK: together

    @Test func theFirstSourceThatIsSetUpDecides() async throws {
        let server = try TestServer { _ in .answer(500) }
        let none = EnvironmentCredentials(environment: [:])
        let broken = ContainerCredentials(
            environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url], http: http)
        let keys = EnvironmentCredentials(environment: ["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"])
        #expect(try await CredentialChain(sources: [none, keys, broken]).credentials(at: .newYear)?.accessKeyID == "A")
        await #expect(throws: Failure.self) {
            try await CredentialChain(sources: [none, broken, keys]).credentials(at: .newYear)
        }
        #expect(try await CredentialChain(sources: [none]).credentials(at: .newYear) == nil)
    }

    @Test func credentialsDoNotPrintThemselves() {
        #expect("\(Self.expected)" == "credentials")
        #expect(String(reflecting: Self.expected) == "credentials")
        var dumped = ""
        dump(Self.expected, to: &dumped)
        #expect(!dumped.contains("secret"))
    }
}

/// Keeping them fresh.
@Suite struct CredentialCacheTests {
    let clock = FixedClock(.newYear)

    @Test func theyAreFetchedOnceAndAgainBeforeTheirEnd() async throws {
        let source = CountingSource(life: .hours(1))
        let cache = CredentialCache(source, clock: clock)
        for _ in 0..<3 { #expect(try await cache.current().accessKeyID == "key-1") }
        clock.advance(by: .minutes(53))
        #expect(try await cache.current().accessKeyID == "key-1")
        clock.advance(by: .minutes(2))
        #expect(try await cache.current().accessKeyID == "key-2")
    }

    @Test func manyWhoNeedThemMakeOneFetch() async throws {
        let source = CountingSource(life: .hours(1))
        let cache = CredentialCache(source, clock: clock)
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<50 { group.addTask { try await cache.current().accessKeyID } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(ids == ["key-1"])
    }

    @Test func aFailedRefreshLeavesTheOldOnesInUseUntilTheyEnd() async throws {
        let source = CountingSource(life: .hours(1))
        let cache = CredentialCache(source, clock: clock)
        _ = try await cache.current()
        source.fails.withLock { $0 = true }
        clock.advance(by: .minutes(56))
        #expect(try await cache.current().accessKeyID == "key-1")
        #expect(try await cache.current().accessKeyID == "key-1")
        #expect(source.asked.withLock { $0 } == 2)
        clock.advance(by: .minutes(5))
        await #expect(throws: Failure.self) { try await cache.current() }
        source.fails.withLock { $0 = false }
        #expect(try await cache.current().accessKeyID == "key-4")
    }

    @Test func refusedOnesAreReplacedAndOthersAreNot() async throws {
        let cache = CredentialCache(CountingSource(life: .hours(1)), clock: clock)
        let first = try await cache.current()
        cache.invalidate(first)
        let second = try await cache.current()
        #expect(second.accessKeyID == "key-2")
        cache.invalidate(first)
        #expect(try await cache.current() == second)
    }

    @Test func keysWithoutAnEndAreNeverFetchedAgain() async throws {
        let cache = CredentialCache(CountingSource(life: nil), clock: clock)
        _ = try await cache.current()
        clock.advance(by: .days(3650))
        #expect(try await cache.current().accessKeyID == "key-1")
    }
}

/// Numbers the keys that it gives out.
private final class CountingSource: CredentialSource {
    let life: Duration?
    let asked = Mutex(0)
    let fails = Mutex(false)

    init(life: Duration?) { self.life = life }

    func credentials(at now: Instant) async throws(Failure) -> AWSCredentials? {
        let number = asked.withLock {
            $0 += 1
            return $0
        }
        await Task.yield()
        if fails.withLock({ $0 }) { throw Failure(.receiveCredentials, "test") }
        return AWSCredentials(
            accessKeyID: "key-\(number)", secretAccessKey: "s", expiresAt: life.map { now + $0 })
    }
}

extension MotoTests {
    @Test func aWebIdentityAndARoleAreExchanged() async throws {
        let folder = try TemporaryFolder()
        try "a.b.c".write(toFile: folder.file("token"), atomically: true, encoding: .utf8)
        let endpoint = try #require(AWSEndpoint(url: try MotoServer.shared().endpoint, region: "eu-central-1"))
        let tokens = SecurityTokens(http: HTTPClient(), signer: RequestSigner(), endpoint: endpoint)
        let role = "arn:aws:iam::123456789012:role/pod"
        let first = try await tokens.assumeRole(role, session: "s", tokenFile: folder.file("token"))
        #expect(first.sessionToken != nil)
        let now = SystemClock().now
        let second = try await tokens.assumeRole(role, session: "s", externalID: nil, with: first, at: now)
        #expect(try #require(second.expiresAt) > now)
    }
}
