/// What a configuration or a preference may leave out.

import Kit

extension JSON {
    /// A value of a closed list, by its name.
    func optional<Value: RawRepresentable<String> & CaseIterable>(
        at place: Pointer, _ named: (String) -> Value?
    ) throws(Mismatch) -> Value? {
        guard self[place] != nil else { return nil }
        guard let value = named(try string(at: place)) else {
            throw Mismatch(place, expected: Value.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return value
    }

    /// Several such values, each once.
    func optionalList<Value: RawRepresentable<String> & CaseIterable & Hashable>(
        at place: Pointer, _ named: (String) -> Value?
    ) throws(Mismatch) -> [Value]? {
        guard self[place] != nil else { return nil }
        var values: [Value] = []
        for index in try array(at: place).indices {
            if let value = try optional(at: place / String(index), named), !values.contains(value) {
                values.append(value)
            }
        }
        return values
    }
}
