/// Keeps balances of tokens: mint, transfer, burn.

public import Kit

public struct TokenHandler: Handler {
    public static let id = "token"
    public static let summary = "Balances per network, token and owner, never below zero"
    public static let routes = [
        Route("qsl.tokens", "Token.MintRequested.v1"), Route("qsl.tokens", "Token.TransferRequested.v1"),
        Route("qsl.tokens", "Token.BurnRequested.v1"),
    ]
    public static let businessKey: [Pointer] = ["/requestId"]
    public static let stateKeys = [fromKey, toKey]
    public static let publishes = [confirmed, failed]

    static let fromKey: KeyTemplate = "balance:{/network}:{/token}:{/from}"
    static let toKey: KeyTemplate = "balance:{/network}:{/token}:{/to}"
    static let confirmed = Route("qsl.token", "Token.Confirmed.v1")
    static let failed = Route("qsl.token", "Token.Failed.v1")

    private let networks: Set<Identifier>

    /// `{"networks": ["main", "test"]}`
    public init(config: JSON) throws {
        var networks: Set<Identifier> = []
        for index in try config.array(at: "/networks").indices {
            networks.insert(try config.identifier(at: "/networks" / String(index)))
        }
        self.networks = networks
    }

    public func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        let request = try TokenRequest(json: event.detail, detailType: event.detailType)
        let fromKey = try request.from.map { _ in try Self.fromKey.key(in: event.detail) }
        let toKey = try request.to.map { _ in try Self.toKey.key(in: event.detail) }
        do {
            let movement = try Movement(
                request, from: balance(fromKey, host), to: balance(toKey, host), networks: networks)
            if let fromKey, let from = movement.from { try host.write(from, fromKey) }
            if let toKey, let to = movement.to { try host.write(to, toKey) }
            try host.publish(draft(Self.confirmed, of: request))
        } catch let refusal as Refusal {
            try host.publish(draft(Self.failed, of: request, refusal))
            host.count("refused", ["reason": refusal.rawValue])
        }
        return .done
    }

    private func balance(_ key: String?, _ host: any Host) throws -> Balance {
        guard let key else { return .none }
        return try host.read(Balance.self, key) ?? .none
    }

    /// Says the request again, and why it was refused.
    private func draft(_ route: Route, of request: TokenRequest, _ refusal: Refusal? = nil) -> Draft {
        var detail = JSON.Members()
        detail.set("requestId", .string(request.id.text))
        detail.set("action", .string(request.action.rawValue))
        detail.set("network", .string(request.network.text))
        detail.set("token", .string(request.token.text))
        detail.set("quantity", request.quantity.json)
        if let from = request.from { detail.set("from", .string(from.text)) }
        if let to = request.to { detail.set("to", .string(to.text)) }
        if let owner = request.owner { detail.set("owner", .string(owner.text)) }
        if let refusal { detail.set("reason", .string(refusal.rawValue)) }
        return Draft(route, resource: "urn:qsl:token:request:\(request.id)", detail: .object(detail))
    }
}
