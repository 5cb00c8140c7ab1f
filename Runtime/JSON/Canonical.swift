// RFC 8785, the JSON Canonicalization Scheme: one text for one value.

extension JSONNode {
    /// - Throws: `notInteroperable` for an integer literal that would have to be changed, since a double does not
    ///   hold it.
    public func canonical() throws(JSONError) -> [UInt8] {
        try withCanonical { Array($0) }.get()
    }

    /// True if these bytes are the value's canonical form. Copies nothing.
    public func isCanonically(_ bytes: ArraySlice<UInt8>) -> Bool {
        let result = withCanonical { hasSameBytes($0, bytes) }
        return (try? result.get()) ?? false
    }

    /// True if the text of this value is its canonical form.
    public var isCanonical: Bool { isCanonically(raw) }
}

extension JSONValue {
    /// - Throws: `notInteroperable` for an integer that would have to be changed, since a double does not hold it;
    ///   `notFinite`; `duplicateKey` for an object that was made with one; `tooDeep`.
    public func canonical() throws(JSONError) -> [UInt8] {
        guard isFinite else { throw JSONError(.notFinite) }
        do {
            return try JSONDocument(serialised(), depth: JSONDocument.deepest).root.canonical()
        } catch {
            throw JSONError(error.kind)
        }
    }

    private var isFinite: Bool {
        switch self {
        case .double(let value): value.isFinite
        case .array(let elements): elements.allSatisfy(\.isFinite)
        case .object(let members): members.allSatisfy(\.value.isFinite)
        default: true
        }
    }
}
