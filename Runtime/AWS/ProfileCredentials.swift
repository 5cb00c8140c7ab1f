import Events

/// The shared files: `~/.aws/credentials` and `~/.aws/config`, the profile that AWS_PROFILE names.
/// Source: docs.aws.amazon.com/sdkref/latest/guide/file-format.html
struct ProfileFiles: Sendable {
    /// The settings of one profile; those in `credentials` go before those in `config`.
    typealias Settings = [String: String]

    private static let maximumBytes = 1_048_576

    let environment: [String: String]

    var profileName: String { environment.value("AWS_PROFILE") ?? "default" }

    /// `nil` if neither file has it.
    func settings(of profile: String) -> Settings? {
        let credentials = sections(of: "AWS_SHARED_CREDENTIALS_FILE", default: "credentials")[profile]
        let config = sections(of: "AWS_CONFIG_FILE", default: "config")
        let name = profile == "default" ? "default" : "profile \(profile)"
        let general = config[name] ?? (profile == "default" ? config["profile default"] : nil)
        guard credentials != nil || general != nil else { return nil }
        return (general ?? [:]).merging(credentials ?? [:]) { $1 }
    }

    private func sections(of variable: String, default name: String) -> [String: Settings] {
        let home = environment.value("HOME").map { "\($0)/.aws/\(name)" }
        guard let path = environment.value(variable) ?? home,
            let text = readFile(path, atMost: ProfileFiles.maximumBytes)
        else { return [:] }
        return ProfileFiles.parse(String(decoding: text, as: UTF8.self))
    }

    /// `[section]`, `key = value`; indented lines belong to nested settings, which nothing here needs.
    static func parse(_ text: String) -> [String: Settings] {
        var sections: [String: Settings] = [:]
        var section: String?
        for line in text.split(whereSeparator: \.isNewline) {
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
            if first == "[" {
                section = line.dropFirst().prefix { $0 != "]" }.split(separator: " ").joined(separator: " ")
                if let section, sections[section] == nil { sections[section] = [:] }
            } else if let section, let equals = line.firstIndex(of: "=") {
                let value = line[line.index(after: equals)...]
                sections[section]?[trimmed(line[..<equals]).lowercased()] = trimmed(withoutComment(value))
            }
        }
        return sections
    }

    /// A comment within a line begins after a blank.
    private static func withoutComment(_ value: Substring) -> Substring {
        var isAfterBlank = false
        for index in value.indices {
            if isAfterBlank && (value[index] == "#" || value[index] == ";") { return value[..<index] }
            isAfterBlank = value[index].isWhitespace
        }
        return value
    }

    private static func trimmed(_ text: Substring) -> String {
        let front = text.drop(while: \.isWhitespace)
        return String(front.prefix(front.count - front.reversed().prefix(while: \.isWhitespace).count))
    }
}

/// Keys in a profile, or a role that the profile assumes with another profile's keys or with a web identity.
struct ProfileCredentials: CredentialSource {
    /// `source_profile` of `source_profile` of ...
    private static let longestChain = 4

    let files: ProfileFiles
    let tokens: SecurityTokens

    func credentials(at now: Instant) async throws(Failure) -> AWSCredentials? {
        let name = files.profileName
        guard let settings = files.settings(of: name) else {
            if files.environment.value("AWS_PROFILE") == nil { return nil }
            throw Failure(.receiveCredentials, "profile \(name)", "no such profile")
        }
        return try await credentials(of: name, settings, at: now, depth: 0)
    }

    private func credentials(
        of name: String, _ settings: ProfileFiles.Settings, at now: Instant, depth: Int
    ) async throws(Failure) -> AWSCredentials? {
        guard let role = settings.value("role_arn") else { return try keys(in: settings, of: name) }
        let session = settings.value("role_session_name")
        if let path = settings.value("web_identity_token_file") {
            return try await tokens.assumeRole(role, session: session, tokenFile: path)
        }
        guard let source = settings.value("source_profile") else {
            throw Failure(.receiveCredentials, "profile \(name)", "role_arn without source_profile")
        }
        guard depth < ProfileCredentials.longestChain, let base = files.settings(of: source) else {
            throw Failure(.receiveCredentials, "profile \(name)", "source_profile leads nowhere")
        }
        let parent = source == name
            ? try keys(in: base, of: source)
            : try await credentials(of: source, base, at: now, depth: depth + 1)
        guard let parent else {
            throw Failure(.receiveCredentials, "profile \(source)", "no keys")
        }
        return try await tokens.assumeRole(
            role, session: session, externalID: settings.value("external_id"), with: parent, at: now)
    }

    private func keys(in settings: ProfileFiles.Settings, of name: String) throws(Failure) -> AWSCredentials? {
        guard let id = settings.value("aws_access_key_id") else { return nil }
        guard let secret = settings.value("aws_secret_access_key") else {
            throw Failure(.receiveCredentials, "profile \(name)", "aws_access_key_id without aws_secret_access_key")
        }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: settings.value("aws_session_token"))
    }
}
