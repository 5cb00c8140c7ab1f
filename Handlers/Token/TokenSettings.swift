/// The token handler's configuration.

public import Kit
public import Vocabulary

/// What the operator sets; see the README.
public struct TokenSettings: Sendable {
    /// What is particular to one token.
    public struct Token: Hashable, Sendable {
        /// The smallest part is 10 to the power of minus this.
        public var decimals = Amount.places
        /// The most that there may be of it; `nil` for the most that is believed.
        public var supply: Amount?
    }

    public let networks: Networks
    /// How many networks must confirm.
    public let quorum: Int
    /// How often a network is asked, and how long after the last time.
    public let attempts: Int
    public let every: Duration
    private let tokens: [Identifier: Token]
    /// How long a finished request is remembered.
    public let remember: Duration
    /// The way to the networks.
    public let broadcaster: any Broadcaster

    public init(json: JSON) throws(JSON.Mismatch) {
        networks = try Networks(json, at: "/networks")
        let count = networks.names.count
        quorum = json["/quorum"] == nil ? max(1, count - 1) : try json.integer(at: "/quorum")
        guard (1...count).contains(quorum) else {
            throw JSON.Mismatch("/quorum", expected: "a number from 1 to that of the networks")
        }
        attempts = json["/retry/attempts"] == nil ? 5 : try json.integer(at: "/retry/attempts")
        guard (1...1_000).contains(attempts) else {
            throw JSON.Mismatch("/retry/attempts", expected: "a number from 1 to 1,000")
        }
        every = try json.period(at: "/retry/every", default: .seconds(30))
        tokens = try TokenSettings.tokens(json)
        remember = try json.period(at: "/remember", default: .seconds(30 * 86_400))
        broadcaster = try TokenSettings.broadcaster(json, networks)
    }

    private static func tokens(_ json: JSON) throws(JSON.Mismatch) -> [Identifier: Token] {
        guard json["/tokens"] != nil else { return [:] }
        var tokens: [Identifier: Token] = [:]
        for member in try json.members(at: "/tokens") {
            let place = "/tokens" / member.key
            guard let name = Identifier(member.key) else { throw JSON.Mismatch(place, expected: "a token's name") }
            var token = Token()
            if json[place / "decimals"] != nil { token.decimals = try json.integer(at: place / "decimals") }
            guard (0...Amount.places).contains(token.decimals) else {
                throw JSON.Mismatch(place / "decimals", expected: "a number from 0 to 18")
            }
            if json[place / "supply"] != nil { token.supply = try json.positiveAmount(at: place / "supply") }
            tokens[name] = token
        }
        return tokens
    }

    /// A service, or nothing but a simulation: pretending to reach networks must be asked for.
    private static func broadcaster(_ json: JSON, _ networks: Networks) throws(JSON.Mismatch) -> any Broadcaster {
        let place: Pointer = "/broadcast"
        guard (json[place / "service"] == nil) != (json[place / "simulated"] == nil) else {
            throw JSON.Mismatch(place, expected: "either a `service`, or `simulated` networks")
        }
        guard json[place / "service"] != nil else { return try simulated(json, networks) }
        let (most, longest) = (ServiceBroadcaster.networksAtMost, ServiceBroadcaster.longestNetwork)
        guard networks.names.count <= most, networks.names.allSatisfy({ $0.text.utf8.count <= longest }) else {
            throw JSON.Mismatch("/networks", expected: "at most \(most) names of \(longest) bytes for a service")
        }
        return ServiceBroadcaster(try json.identifier(at: place / "service"))
    }

    private static func simulated(_ json: JSON, _ networks: Networks) throws(JSON.Mismatch) -> SimulatedNetworks {
        let place: Pointer = "/broadcast/simulated"
        var failing: Set<Identifier> = []
        if json[place / "failing"] != nil {
            for index in try json.array(at: place / "failing").indices {
                failing.insert(try known(at: place / "failing" / String(index), json, networks))
            }
        }
        var slow: [Identifier: Int] = [:]
        if json[place / "slow"] != nil {
            for member in try json.members(at: place / "slow") {
                guard let network = Identifier(member.key), networks.contains(network) else {
                    throw JSON.Mismatch(place / "slow" / member.key, expected: "one of the networks")
                }
                slow[network] = try json.integer(at: place / "slow" / member.key)
            }
        }
        return SimulatedNetworks(failing: failing, slow: slow)
    }

    private static func known(
        at place: Pointer, _ json: JSON, _ networks: Networks
    ) throws(JSON.Mismatch) -> Identifier {
        let network = try json.identifier(at: place)
        guard networks.contains(network) else { throw JSON.Mismatch(place, expected: "one of the networks") }
        return network
    }

    public func supply(of token: Identifier) -> Amount? { tokens[token]?.supply }

    /// - Throws: a ``Rejection`` for a quantity that cannot be meant.
    public func check(_ request: TokenRequest) throws(Rejection) {
        guard request.action != .metadata else { return }
        guard request.quantity > .zero else {
            throw Rejection("token.not-positive", "the quantity is not above zero")
        }
        try request.quantity.mustBeBelievable("token.absurd")
        guard request.quantity.decimals <= tokens[request.token]?.decimals ?? Amount.places else {
            throw Rejection("token.too-many-decimals", "the quantity is finer than the token's smallest part")
        }
    }
}
