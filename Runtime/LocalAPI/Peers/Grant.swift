public import Events

/// What a peer may do on a socket.
public enum Role: String, Sendable, CaseIterable {
    /// Hand in events, of the sources and types that its grant lists.
    case publish
    /// See journal, explanations and streams, of the sources and tenants that its grant lists.
    case read
    /// See the sidecar itself, and reload it.
    case operate
}

/// What may be signed for a peer: one source and its detail types.
public struct PublishGrant: Sendable, Hashable {
    public let source: NamePattern
    public let detailTypes: [NamePattern]

    public init(source: NamePattern, detailTypes: [NamePattern]) {
        self.source = source
        self.detailTypes = detailTypes
    }
}

/// What one kind of process may do: those of certain users, and those in certain groups.
public struct Grant: Sendable, Hashable {
    /// Names it in limits, metrics and the journal.
    public let name: String
    public let users: [UInt32]
    public let groups: [UInt32]
    public let roles: Set<Role>
    /// Empty: nothing is signed for it.
    public let publish: [PublishGrant]
    /// What it may read; empty: of all sources.
    public let sources: [NamePattern]
    /// Likewise; empty: of all tenants.
    public let tenants: [String]

    public init(
        name: String, users: [UInt32], groups: [UInt32], roles: Set<Role>, publish: [PublishGrant] = [],
        sources: [NamePattern] = [], tenants: [String] = []
    ) {
        self.name = name
        self.users = users
        self.groups = groups
        self.roles = roles
        self.publish = publish
        self.sources = sources
        self.tenants = tenants
    }

    func maySign(source: String, detailType: String) -> Bool {
        publish.contains { grant in
            grant.source.matches(source) && grant.detailTypes.contains { $0.matches(detailType) }
        }
    }

    /// Rows without a source or a tenant, such as refused messages, are for those who may read everything.
    func mayRead(_ entry: JournalEntry) -> Bool {
        (sources.isEmpty || sources.contains { $0.matches(entry.source) })
            && (tenants.isEmpty || tenants.contains(entry.tenantID))
    }

    func covers(user: UInt32, groups: [UInt32]) -> Bool {
        users.contains(user) || self.groups.contains { groups.contains($0) }
    }
}
