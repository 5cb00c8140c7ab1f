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

/// What an object has under ``MemberNames``, by their order. Scalars are read without a node in between.
public struct NamedMembers {
    static let most = 32
    private let storage: JSONStorage
    private var places = SIMD32<UInt32>()

    init(_ storage: JSONStorage) { self.storage = storage }

    mutating func fill(_ body: (UnsafeMutablePointer<UInt32>?) -> Void) {
        withUnsafeMutableBytes(of: &places) { body($0.bindMemory(to: UInt32.self).baseAddress) }
    }

    private func place(_ index: Int) -> Int? { places[index] == 0 ? nil : Int(places[index]) }

    /// Whether the object has a member of the name at this place.
    public func has(_ index: Int) -> Bool { places[index] != 0 }

    /// ``JSONNode/isNull`` of it; false where there is none.
    public func isNull(_ index: Int) -> Bool { place(index).map { storage.code($0) == CSIMDJSON_NULL } ?? false }

    /// Its value; `nil` where there is none.
    public subscript(index: Int) -> JSONNode? { place(index).map { JSONNode(storage, $0) } }

    /// ``JSONNode/string`` of it.
    public func string(_ index: Int) -> String? { place(index).flatMap { storage.string($0) } }

    /// The same, if the bytes are what `isFit` wants.
    public func string(_ index: Int, where isFit: (UnsafeBufferPointer<UInt8>) -> Bool) -> String? {
        guard let place = place(index) else { return nil }
        return storage.withString(place) { isFit($0) ? String(decoding: $0, as: UTF8.self) : nil } ?? nil
    }

    /// ``JSONNode/stringBytes`` of it.
    public func stringBytes(_ index: Int) -> ArraySlice<UInt8>? { place(index).flatMap { storage.stringBytes($0) } }

    /// ``JSONNode/digits`` of it.
    public func digits(_ index: Int) -> Int64? { place(index).flatMap { storage.digits($0) } }

    /// ``JSONNode/isString(_:)`` of it; false where there is none.
    public func isString(_ index: Int, _ text: String) -> Bool {
        place(index).map { storage.isString(text, $0) } ?? false
    }

    /// ``JSONNode/isString(where:)`` of it; false where there is none.
    public func isString(_ index: Int, where isFit: (UnsafeBufferPointer<UInt8>) -> Bool) -> Bool {
        place(index).flatMap { storage.withString($0, isFit) } ?? false
    }
}
