import Events

/// A key that requests are signed with. It has no description: it must never end up in a log.
struct AWSCredentials: Hashable, Sendable {
    let accessKeyID: String
    let secretAccessKey: String
    let sessionToken: String?
    /// `nil` for keys that do not end.
    let expiresAt: Instant?

    init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiresAt: Instant? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiresAt = expiresAt
    }
}

extension AWSCredentials: CustomStringConvertible, CustomReflectable {
    var description: String { "credentials" }
    var customMirror: Mirror { Mirror(self, children: []) }
}

/// One place that credentials may come from.
protocol CredentialSource: Sendable {
    /// `nil` where this source is not set up, and the next one is asked. A source that is set up and does not work is a
    /// failure: whoever meant that one must not get another's rights.
    func credentials(at now: Instant) async throws(Failure) -> AWSCredentials?
}

/// The sources in the order of AWS's own tools: environment, profile, web identity, container, instance.
struct CredentialChain: CredentialSource {
    let sources: [any CredentialSource]

    func credentials(at now: Instant) async throws(Failure) -> AWSCredentials? {
        for source in sources {
            if let credentials = try await source.credentials(at: now) { return credentials }
        }
        return nil
    }
}

/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
struct EnvironmentCredentials: CredentialSource {
    let environment: [String: String]

    func credentials(at now: Instant) throws(Failure) -> AWSCredentials? {
        guard let id = environment.value("AWS_ACCESS_KEY_ID") else { return nil }
        guard let secret = environment.value("AWS_SECRET_ACCESS_KEY") else {
            throw Failure(.receiveCredentials, "environment", "AWS_ACCESS_KEY_ID without AWS_SECRET_ACCESS_KEY")
        }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: environment.value("AWS_SESSION_TOKEN"))
    }
}

extension [String: String] {
    /// A variable that is set and not empty.
    func value(_ name: String) -> String? {
        guard let value = self[name], !value.isEmpty else { return nil }
        return value
    }
}
