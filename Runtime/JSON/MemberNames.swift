import CSimdjson

/// Names of members that are looked for together: one pass over an object finds them all. At most 32.
public struct MemberNames: @unchecked Sendable {
    // Unchecked: they point at literals, which stay where they are.
    let names: [csimdjson_name]

    public init(_ names: [StaticString]) {
        precondition(names.count <= NamedMembers.most)
        self.names = names.map { csimdjson_name(bytes: $0.utf8Start, length: $0.utf8CodeUnitCount) }
    }
}

/// What an object has under ``MemberNames``, by their order.
public struct NamedMembers {
    static let most = 32
    private let storage: JSONDocument.Storage
    private var places = SIMD32<UInt32>()

    init(_ storage: JSONDocument.Storage) { self.storage = storage }

    mutating func fill(_ body: (UnsafeMutablePointer<UInt32>?) -> Void) {
        withUnsafeMutableBytes(of: &places) { body($0.bindMemory(to: UInt32.self).baseAddress) }
    }

    /// Whether the object has a member of the name at this place.
    public func has(_ index: Int) -> Bool { places[index] != 0 }

    /// Its value; `nil` where there is none.
    public subscript(index: Int) -> JSONNode? { places[index] == 0 ? nil : JSONNode(storage, Int(places[index])) }
}
