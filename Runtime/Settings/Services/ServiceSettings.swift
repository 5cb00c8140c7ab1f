// The services of the pod: whom handlers may call, and who may be a handler.
import Events

public struct ServiceSettings: NamedGroup, Hashable {
    public var name = ""
    public var socket = ""
    public var timeout = Duration.seconds(2)
    public var concurrency = 16
    public var breaker = BreakerSettings()

    public init() {}

    static let section = Section<Self>(
        Setting(
            "socket", \.socket, .path("/run/ledger/api.sock"), required: true, example: "/run/ledger/api.sock",
            "The Unix socket on which it speaks HTTP/1.1."),
        Setting(
            "timeout", \.timeout, .duration(.milliseconds(10)...(.minutes(5))),
            "How long one exchange may take. An event's own deadline ends it sooner."),
        Setting(
            "concurrency", \.concurrency, .count(1...Limits.serviceConcurrency),
            "Exchanges at once. Others wait in line, within their time."),
        Setting("breaker", \.breaker, .section(), "When it is left in peace."))
}

public struct BreakerSettings: SettingsGroup, Hashable {
    public var failures = 5
    public var open = Duration.seconds(1)
    public var openAtMost = Duration.minutes(1)

    public init() {}

    static let section = Section<Self>(
        Setting(
            "failures", \.failures, .count(1...1_000),
            "Exchanges in a row without an answer, or answered 503, after which calls are refused at once."),
        Setting(
            "open", \.open, .duration(.milliseconds(100)...(.minutes(10))),
            "For how long, before one call is let through to try; twice as long after each try that fails."),
        Setting(
            "open-at-most", \.openAtMost, .duration(.milliseconds(100)...(.hours(1))), "The longest that it grows to."))
}

/// A handler that is a service, and no plugin.
public struct ServiceHandlerSettings: SettingsGroup, Hashable {
    public var name = ""
    public var path = ""

    public init() {}

    static let section = Section<Self>(
        Setting(
            "name", \.name, .name("ledger"), required: true, example: "ledger", "One of `services`."),
        Setting(
            "path", \.path,
            .text(
                "an absolute path, percent-encoded", pattern: "^/([!-\"$-.0-~][!-\"$-~]*)?$", example: "/events",
                Self.isPath),
            required: true, example: "/events", "Where it takes events: a POST with a CloudEvent in structured mode."))

    /// Visible ASCII without a fragment; not `//`, which reads as a host.
    private static func isPath(_ text: String) -> Bool {
        text.hasPrefix("/") && !text.hasPrefix("//") && text.utf8.count <= Limits.callPathBytes
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
    }
}

extension CrossChecks {
    func check(_ service: ServiceSettings, _ reader: inout Reader) {
        let path = "services.\(service.name)"
        if service.socket.utf8.count > Limits.unixPathBytes {
            reader.error(
                "\(path).socket", "The path of a Unix socket has at most \(Limits.unixPathBytes) bytes.", "Shorten it.")
        }
        if service.breaker.open > service.breaker.openAtMost {
            reader.error("\(path).breaker.open", "It is longer than open-at-most.", "Shorten it, or raise that.")
        }
    }

    /// What a handler is, and which services it names.
    func checkKind(of handler: HandlerSettings, _ path: String, _ reader: inout Reader) {
        let kinds = handler.kinds
        if kinds.isEmpty {
            reader.error("\(path).plugin", "It must be given, unless `service` or `journal` is.", "Name the file.")
        } else if kinds.count > 1 {
            reader.error(
                "\(path).\(kinds[1].rawValue)", "A handler is one of these, not \(kinds.count).",
                "Keep one of \(kinds.map { "`\($0.rawValue)`" }.joined(separator: ", ")).")
        }
        if handler.call != nil, handler.plugin.isEmpty {
            reader.error("\(path).call", "Without `plugin` there is no library to call.", "Name the library.")
        }
        for (index, name) in handler.calls.enumerated() { known(name, "\(path).calls[\(index)]", &reader) }
        if let service = handler.service { known(service.name, "\(path).service.name", &reader) }
        guard handler.kind != .plugin else { return }
        if handler.routes.isEmpty {
            reader.error(
                "\(path).routes", "A \(handler.kind.rawValue) does not say which events it takes.",
                "List them under `routes`.")
        }
        let idle = [
            ("config", handler.config != Bytes("{}")), ("publish", !handler.publish.isEmpty),
            ("calls", !handler.calls.isEmpty), ("environment", !handler.environment.isEmpty),
            ("readable", !handler.readable.isEmpty), ("sha256", handler.sha256 != nil), ("trial", handler.trial != nil),
        ]
        for (key, isGiven) in idle where isGiven {
            reader.error("\(path).\(key)", "It has no meaning for a \(handler.kind.rawValue).", "Remove it.")
        }
    }

    private func known(_ name: String, _ path: String, _ reader: inout Reader) {
        let names = configuration.services.map(\.name)
        guard !names.contains(name) else { return }
        let meant = Nearest.to(name, among: names).map { "Did you mean \"\($0)\"?" }
        reader.error(path, found: name, "There is no service of this name.", meant ?? "Add it under `services`.")
    }
}
