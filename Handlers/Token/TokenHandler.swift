/// Keeps balances of tokens, and carries requests to the networks until enough of them have confirmed.

public import Kit
import Vocabulary

public struct TokenHandler: Handler {
    public static let id = "token"
    public static let summary = "Mint, transfer, burn and metadata over several networks; balances never below zero"
    public static let routes: [Route] = [
        .tokenMintRequested, .tokenTransferRequested, .tokenBurnRequested, .tokenMetadataRequested,
    ]
    public static let businessKey: [Pointer] = ["/requestId"]
    public static let stateKeys = [operationKey, fromKey, toKey, supplyKey]
    public static let publishes: [Route] = [.tokenConfirmed, .tokenPartiallyConfirmed, .tokenFailed]
    public static let services: [Service] = [.state, .publish, .timer]
    public static let configSchema: String? = TokenSettings.schema

    static let operationKey: KeyTemplate = "operation:{/requestId}"
    static let fromKey: KeyTemplate = "balance:{/token}:{/from}"
    static let toKey: KeyTemplate = "balance:{/token}:{/to}"
    static let supplyKey: KeyTemplate = "supply:{/token}"
    static let metadataKey: KeyTemplate = "metadata:{/token}"
    static let timerKey: KeyTemplate = "broadcast:{/requestId}"

    /// More than this of one token is never believed: one more than the largest quantity has digits.
    static let supplyAtMost = Amount("1000000000000000") ?? .zero

    private let settings: TokenSettings
    private let broadcaster: any Broadcaster

    public init(config: JSON) throws {
        let settings = try TokenSettings(json: config)
        self.init(settings, settings.broadcaster)
    }

    public init(_ settings: TokenSettings, _ broadcaster: any Broadcaster) {
        self.settings = settings
        self.broadcaster = broadcaster
    }

    public func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        if event.isTimer { return try goOn(event, host) }
        guard let action = TokenRequest.Action(Route(event.source, event.detailType)) else {
            throw Rejection("token.unknown-request", "not a request of tokens")
        }
        let request = try TokenRequest(action, event.detail)
        try settings.check(request)
        return try take(request, event, host)
    }

    // MARK: - a request

    /// Takes what the request gives away, and commits that before any network hears of it: a timer that is due at once
    /// does the asking.
    private func take(_ request: TokenRequest, _ event: Event, _ host: any Host) throws -> Outcome {
        let key = try Self.operationKey.key(in: request.json)
        if let known = try host.read(Operation.self, key) {
            guard known.request == request else {
                throw Rejection("token.request-changed", "this request id was used for another request")
            }
            host.count("repeated_requests")
            return .done
        }
        do {
            let networks = try networks(for: request)
            let before = try holdings(of: request, host)
            let after = try before.reserving(
                request, supplyAtMost: settings.supply(of: request.token) ?? Self.supplyAtMost)
            try write(after, before, request, host)
            let operation = Operation(
                request, Broadcast(to: networks, quorum: min(settings.quorum, networks.count)))
            try host.write(operation, key)
            try schedule(request, at: event.signedAt, host)
        } catch let refusal as Refusal {
            let operation = Operation(request, nil)
            try host.write(operation, key, timeToLive: settings.remember)
            try publish(.tokenFailed, operation, refusal, host)
        }
        return .done
    }

    private func networks(for request: TokenRequest) throws(Refusal) -> [Identifier] {
        guard let network = request.network else { return settings.networks.names }
        guard settings.networks.contains(network) else { throw .unknownNetwork }
        return [network]
    }

    /// Says the request again, so that the keys it names travel with the timer.
    private func schedule(_ request: TokenRequest, at time: Timestamp, _ host: any Host) throws {
        let detail = JSON.detail([
            .requestID: request.id.json, .token: request.token.json, .from: request.from?.json, .to: request.to?.json,
        ])
        try host.setTimer(try Self.timerKey.key(in: detail), at: time, detail: detail)
    }

    // MARK: - the networks

    /// Asks every network that has not confirmed yet, and does what their answers come to.
    private func goOn(_ event: Event, _ host: any Host) throws -> Outcome {
        let key = try Self.operationKey.key(in: event.detail)
        guard var operation = try host.read(Operation.self, key), var broadcast = operation.broadcast else {
            return .done
        }
        let request = operation.request
        for network in broadcast.waiting {
            guard case .waiting(let asked) = broadcast.networks[network] else { continue }
            let answer = try broadcaster.broadcast(request, to: network, asked: asked, host)
            broadcast.note(answer, of: network, attempts: settings.attempts)
        }
        let reports = broadcast.advance()
        operation.broadcast = broadcast
        for report in reports { try tell(report, of: operation, host) }
        let isFinished = broadcast.phase == .finished
        if !isFinished { try schedule(request, at: event.signedAt + settings.every, host) }
        try host.write(operation, key, timeToLive: isFinished ? settings.remember : nil)
        return .done
    }

    private func tell(_ report: Broadcast.Report, of operation: Operation, _ host: any Host) throws {
        let request = operation.request
        switch report {
        case .confirmed:
            let before = try holdings(of: request, host)
            try write(try before.confirming(request), before, request, host)
            if let metadata = request.metadata {
                try host.write(metadata, try Self.metadataKey.key(in: request.json))
            }
            try publish(.tokenConfirmed, operation, nil, host)
        case .partiallyConfirmed:
            try publish(.tokenPartiallyConfirmed, operation, nil, host)
        case .failed:
            let before = try holdings(of: request, host)
            try write(try before.returning(request), before, request, host)
            try publish(.tokenFailed, operation, .noQuorum, host)
        }
    }

    private func publish(_ route: Route, _ operation: Operation, _ refusal: Refusal?, _ host: any Host) throws {
        try host.publish(
            Draft(
                route, resource: Resource.tokenRequest(operation.request.id), detail: operation.detail(refusal)))
        host.count("answers", ["answer": refusal?.rawValue ?? route.detailType])
    }

    // MARK: - balances

    private func holdings(of request: TokenRequest, _ host: any Host) throws -> Holdings {
        let detail = request.json
        func balance(_ owner: Identifier?, _ key: KeyTemplate) throws -> Balance {
            guard owner != nil else { return .none }
            return try host.read(Balance.self, key.key(in: detail)) ?? .none
        }
        return Holdings(
            from: try balance(request.from, Self.fromKey), to: try balance(request.to, Self.toKey),
            supply: try host.read(Balance.self, Self.supplyKey.key(in: detail)))
    }

    private func write(
        _ after: Holdings, _ before: Holdings, _ request: TokenRequest, _ host: any Host
    ) throws {
        let detail = request.json
        if after.from != before.from { try host.write(after.from, Self.fromKey.key(in: detail)) }
        if after.to != before.to { try host.write(after.to, Self.toKey.key(in: detail)) }
        if let supply = after.supply, supply != before.supply {
            try host.write(supply, Self.supplyKey.key(in: detail))
        }
    }
}
