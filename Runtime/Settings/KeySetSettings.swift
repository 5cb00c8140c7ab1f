// Whose signatures are believed, for which sources.
import Events

public struct KeySetSettings: SettingsGroup, Hashable {
    /// The signature scheme that "Dilithium2" stands for here.
    public enum Profile: String, CaseIterable, Sendable {
        case auto, mldsa44, ipd
        case round31 = "r3.1"
    }
    public enum CanonicalForm: String, CaseIterable, Sendable {
        case strict
        case asSigned = "as-signed"
    }

    public var name = ""
    /// `nil` only with a socket: then `/keys/jwks-pqc` is asked for.
    public var url: String?
    /// The Unix socket to connect to in place of the URL's host.
    public var socket: String?
    public var sources: [String] = []
    public var profile = Profile.auto
    public var requireBinding = false
    public var canonical = CanonicalForm.strict
    public var revoked: [String] = []
    public var refresh = Duration.minutes(5)
    public var maximumAge = Duration.hours(24)
    public var pins: [String] = []

    public init() {}

    /// Where to ask: the URL, or `unix:SOCKET:PATH`.
    public var location: String {
        guard let socket else { return url ?? "" }
        let path = url.map { WebAddress($0)?.path ?? "" } ?? "/keys/jwks-pqc"
        return "unix:\(socket):\(path.isEmpty ? "/" : path)"
    }

    static let section = Section<Self>(
        Setting(
            "name", \.name, .name("signing-service"), required: true, example: "signing-service",
            "The issuer: names the key set in metrics, and scopes the ids of its events."),
        Setting(
            "url", \.url, .or("none", .url("https://keys.example.com/keys/jwks-pqc")),
            example: "https://keys.example.com/keys/jwks-pqc",
            "Where the key set is. https, or http on loopback or over `socket`. Redirects are not followed."),
        Setting(
            "socket", \.socket, .or("none", .path("/run/keys/keys.sock")),
            "A Unix socket to ask instead of the URL's host. Without `url`, /keys/jwks-pqc is asked for."),
        Setting(
            "sources", \.sources, .list(of: .pattern("com.example.orders"), atLeast: 1), required: true,
            example: "[com.example.*]",
            "The sources that its keys may speak for; * for any, or for one part between dots."),
        Setting(
            "profile", \.profile, .choice,
            "What its keys are: ML-DSA-44 (mldsa44), its draft (ipd), Dilithium round 3.1 (r3.1). auto: by trying."
        ),
        Setting(
            "require-binding", \.requireBinding, .flag,
            "Refuses its tokens unless source, detail type, resource and id are signed."),
        Setting(
            "canonical", \.canonical, .choice,
            "strict: signed payloads are in RFC 8785 form. as-signed: payloads are compared by value."),
        Setting(
            "revoked", \.revoked, .list(of: .word("a key id", "sigsvc-2025-09")),
            "Key ids that are refused, whatever the key set says."),
        Setting("refresh", \.refresh, .duration(.seconds(10)...(.hours(24))), "How often it is fetched."),
        Setting(
            "maximum-age", \.maximumAge, .duration(.minutes(1)...(.days(30))),
            "How long the last good one is used when it cannot be fetched. After that its queues pause."),
        Setting(
            "pins", \.pins, .list(of: .pin, atMost: 16),
            "SHA-256 of public keys in base64, one of which the server's certificate must have."))
}

extension Form where Value == String {
    /// SHA-256 of a SubjectPublicKeyInfo in base64 (RFC 7469, 2.4).
    static var pin: Form {
        .text(
            "44 characters of base64", pattern: "^[A-Za-z0-9+/]{43}=$",
            example: "YmFzZTY0IG9mIHRoZSBwdWJsaWMga2V5J3MgaGFzaC4="
        ) { text in
            text.utf8.count == 44 && text.hasSuffix("=")
                && text.dropLast().utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                        true
                    default: false
                    }
                }
        }
    }
}
