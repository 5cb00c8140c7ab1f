/// The networks that tokens live on.

public import Kit

/// Networks by name, in order, each once.
public struct Networks: Hashable, Sendable {
    public let names: [Identifier]
    public static let atMost = 64

    /// The six of the house, where the configuration names none.
    public static let standard = Networks(
        ["arbitrum", "avalanche", "base", "ethereum", "optimism", "polygon"].compactMap(Identifier.init))

    public init(_ names: [Identifier]) { self.names = Set(names).sorted() }

    public func contains(_ name: Identifier) -> Bool { names.contains(name) }

    /// The list at a place of a configuration, or the standard ones.
    public init(_ config: JSON, at place: Pointer) throws(JSON.Mismatch) {
        guard config[place] != nil else {
            self = .standard
            return
        }
        var names: [Identifier] = []
        let places = try config.array(at: place).indices
        guard places.count <= Networks.atMost else {
            throw JSON.Mismatch(place, expected: "at most \(Networks.atMost) networks")
        }
        for index in places {
            let name = try config.identifier(at: place / String(index))
            guard !names.contains(name) else {
                throw JSON.Mismatch(place / String(index), expected: "a network that is not listed yet")
            }
            names.append(name)
        }
        guard !names.isEmpty else { throw JSON.Mismatch(place, expected: "at least one network") }
        self.init(names)
    }
}
