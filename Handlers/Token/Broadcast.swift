/// One request on its way to the networks.

public import Kit
import Vocabulary

/// What each network said so far, and what that comes to.
public struct Broadcast: Hashable, Sendable {
    public enum Standing: Hashable, Sendable {
        /// Asked so often, and not yet confirmed.
        case waiting(asked: Int)
        case confirmed(transaction: Identifier)
        /// Will not do it, ever.
        case refused(reason: Identifier)
        /// Asked as often as is allowed.
        case abandoned
    }

    public enum Phase: String, Sendable {
        /// Too few networks confirmed it, and enough may.
        case open
        /// Enough did: it is done. The others are still asked.
        case done
        /// Nothing more is asked.
        case finished
    }

    /// What is to be told, each at most once.
    public enum Report: Hashable, Sendable {
        case confirmed
        /// Done, but some networks never confirmed it.
        case partiallyConfirmed
        case failed
    }

    public private(set) var networks: [Identifier: Standing]
    public let quorum: Int
    public private(set) var phase: Phase

    public init(to networks: [Identifier], quorum: Int) {
        self.networks = Dictionary(networks.map { ($0, .waiting(asked: 0)) }) { first, _ in first }
        self.quorum = quorum
        phase = .open
    }

    /// Whom to ask next, in order.
    public var waiting: [Identifier] {
        phase == .finished ? [] : networks.filter { $0.value.isWaiting }.keys.sorted()
    }

    public var confirmed: Int { networks.values.filter(\.isConfirmed).count }

    /// Notes what a network said. Only one that is waited for can say anything.
    public mutating func note(_ answer: Answer, of network: Identifier, attempts: Int) {
        guard phase != .finished, case .waiting(let asked) = networks[network] else { return }
        networks[network] =
            switch answer {
            case .confirmed(let transaction): .confirmed(transaction: transaction)
            case .refused(let reason): .refused(reason: reason)
            case .notYet: asked + 1 < attempts ? .waiting(asked: asked + 1) : .abandoned
            }
    }

    /// Goes on as far as the answers allow.
    public mutating func advance() -> [Report] {
        var reports: [Report] = []
        if phase == .open, confirmed >= quorum {
            phase = .done
            reports.append(.confirmed)
        }
        if phase == .open, confirmed + waiting.count < quorum {
            phase = .finished
            reports.append(.failed)
        }
        if phase == .done, waiting.isEmpty {
            phase = .finished
            if confirmed < networks.count { reports.append(.partiallyConfirmed) }
        }
        return reports
    }
}

extension Broadcast.Standing {
    var isWaiting: Bool { if case .waiting = self { true } else { false } }
    var isConfirmed: Bool { if case .confirmed = self { true } else { false } }
}

extension Broadcast: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        quorum = try json.integer(at: "/quorum")
        guard let phase = Phase(rawValue: try json.string(at: "/phase")) else {
            throw JSON.Mismatch("/phase", expected: "a phase")
        }
        self.phase = phase
        networks = [:]
        for member in try json.members(at: "/networks") {
            guard let network = Identifier(member.key) else {
                throw JSON.Mismatch("/networks", expected: "networks by name")
            }
            networks[network] = try Standing(json: member.value)
        }
    }

    public var json: JSON {
        var members = JSON.Members()
        for (network, standing) in networks { members.set(network.text, standing.json) }
        return [
            "quorum": .number(JSON.Number(quorum)), "phase": .string(phase.rawValue), "networks": .object(members),
        ]
    }
}

extension Broadcast.Standing: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        if json["/asked"] != nil {
            self = .waiting(asked: try json.integer(at: "/asked"))
        } else if json["/transactionId"] != nil {
            self = .confirmed(transaction: try json.identifier(at: "/transactionId"))
        } else if json["/reason"] != nil {
            self = .refused(reason: try json.identifier(at: "/reason"))
        } else {
            self = .abandoned
        }
    }

    public var json: JSON {
        switch self {
        case .waiting(let asked): ["asked": .number(JSON.Number(asked))]
        case .confirmed(let transaction): ["transactionId": transaction.json]
        case .refused(let reason): ["reason": reason.json]
        case .abandoned: [:]
        }
    }
}
