/// What a token is said to be.

public import Kit

/// Short texts by name.
public struct Metadata: Hashable, Sendable {
    static let membersAtMost = 32
    public static let longestText = 1_024
    public let texts: [Identifier: String]
}

extension Metadata: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        var texts: [Identifier: String] = [:]
        let members = try json.members(at: "")
        guard (1...Metadata.membersAtMost).contains(members.count) else {
            throw JSON.Mismatch("/metadata", expected: "1 to \(Metadata.membersAtMost) members")
        }
        for member in members {
            guard let name = Identifier(member.key), case .string(let text) = member.value,
                text.utf8.count <= Metadata.longestText
            else { throw JSON.Mismatch("/metadata", expected: "texts of at most \(Metadata.longestText) bytes") }
            texts[name] = text
        }
        self.texts = texts
    }

    public var json: JSON {
        var members = JSON.Members()
        for (name, text) in texts { members.set(name.text, .string(text)) }
        return .object(members)
    }
}
