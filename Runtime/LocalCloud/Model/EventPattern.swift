// Event patterns: which events a rule takes.

import Events
import JSON

/// A compiled EventBridge event pattern. Source: the EventBridge user guide, "Event pattern syntax" and "Comparison
/// operators".
///
/// `a.b` and `b` within `a` are one place, in patterns as in events. Where an event has an array of objects, one of
/// them has to satisfy all that the pattern says below that place.
public struct EventPattern: Sendable {
    /// EventBridge's own limit, when raised.
    public static let mostBytes = 4_096

    private let root: Node
    /// As it was given.
    public let text: String

    /// - Throws: `invalidEventPattern`, with the reason.
    public init(_ text: String) throws(ServiceError) {
        guard text.utf8.count <= EventPattern.mostBytes else { throw EventPattern.refusal("it is too long") }
        let document: JSONNode
        do { document = try JSONDocument(Array(text.utf8)).root } catch {
            throw EventPattern.refusal("it is not JSON: \(error)")
        }
        guard document.kind == .object, document.count > 0 else {
            throw EventPattern.refusal("Filter is not an object, or it is empty")
        }
        self.text = text
        root = try Node(object: document)
    }

    /// - Parameter event: the whole envelope.
    func matches(_ event: JSONNode) -> Bool { root.matches(EventValue(event)) }

    /// Whether it takes this envelope.
    /// - Throws: `validation` for what is not a JSON object.
    public func matches(event text: String) throws(ServiceError) -> Bool {
        guard let event = try? JSONDocument(Array(text.utf8)).root, event.kind == .object else {
            throw ServiceError(.validation, "Parameter Event is not valid JSON.")
        }
        return matches(event)
    }

    static func refusal(_ reason: String) -> ServiceError {
        ServiceError(.invalidEventPattern, "Event pattern is not valid. Reason: \(reason)")
    }
}

extension EventPattern {
    /// What a pattern says about one place of an event, and about the places below it.
    private struct Node: Sendable {
        /// Lists of which one matcher each has to take the value.
        var lists: [[EventMatcher]] = []
        var children: [(name: String, node: Node)] = []
        /// `$or`: one of each.
        var choices: [[Node]] = []

        init() {}

        init(object: JSONNode) throws(ServiceError) {
            for (key, value) in object.members {
                let name = key.string ?? ""
                if name == "$or", value.kind == .array, value.elements.allSatisfy({ $0.kind == .object }) {
                    guard value.count > 1 else { throw refusal("$or needs two or more alternatives") }
                    var nodes: [Node] = []
                    for element in value.elements { nodes.append(try Node(object: element)) }
                    choices.append(nodes)
                } else {
                    guard let path = EventPath.split(name) else { throw refusal("Too many dots in one name") }
                    try add(path, value)
                }
            }
            guard object.count > 0 else { throw refusal("Empty objects are not allowed") }
        }

        private mutating func add(_ path: ArraySlice<String>, _ value: JSONNode) throws(ServiceError) {
            guard let name = path.first else {
                switch value.kind {
                case .object: merge(try Node(object: value))
                case .array: lists.append(try EventMatcher.list(value))
                default: throw refusal("\"\(value.raw.text.prefix(64))\" must be an object or an array")
                }
                return
            }
            let index = children.firstIndex { $0.name == name } ?? children.count
            if index == children.count { children.append((name, Node())) }
            try children[index].node.add(path.dropFirst(), value)
        }

        private mutating func merge(_ other: Node) {
            lists += other.lists
            choices += other.choices
            for (name, node) in other.children {
                if let index = children.firstIndex(where: { $0.name == name }) {
                    children[index].node.merge(node)
                } else {
                    children.append((name, node))
                }
            }
        }

        func matches(_ value: EventValue?) -> Bool {
            guard lists.allSatisfy({ takesOne($0, of: value) }) else { return false }
            return (children.isEmpty && choices.isEmpty) || matchesBelow(value)
        }

        private func matchesBelow(_ value: EventValue?) -> Bool {
            if case .array(let elements) = value, !elements.isEmpty { return elements.contains { matchesBelow($0) } }
            return children.allSatisfy { $0.node.matches(value?[$0.name]) }
                && choices.allSatisfy { $0.contains { $0.matches(value) } }
        }

        private func takesOne(_ matchers: [EventMatcher], of value: EventValue?) -> Bool {
            let scalars = value?.scalars ?? []
            if scalars.isEmpty { return matchers.contains { $0.takesAbsence } }
            return scalars.contains { scalar in matchers.contains { $0.takes(scalar) } }
        }
    }
}

/// A value of an event, with dots in names taken as steps.
enum EventValue: Sendable {
    case scalar(EventScalar)
    case array([EventValue])
    case object([String: EventValue])

    init(_ node: JSONNode) {
        switch node.kind {
        case .null: self = .scalar(.null)
        case .bool: self = .scalar(.bool(node.bool ?? false))
        case .number: self = .scalar(.number(node.double ?? 0))
        case .string: self = .scalar(.string(node.string ?? ""))
        case .array: self = .array(node.elements.map { EventValue($0) })
        case .object:
            self = .object([:])
            for (key, value) in node.members {
                let name = key.string ?? ""
                add(EventPath.split(name) ?? [name], EventValue(value))
            }
        }
    }

    private mutating func add(_ path: ArraySlice<String>, _ value: EventValue) {
        guard let name = path.first else {
            guard case .object(let members) = value, case .object = self else { return self = value }
            for (name, member) in members { add([name], member) }
            return
        }
        guard case .object(var members) = self else { return }
        // Taken out, so that what is below is changed in place.
        self = .object([:])
        var member = members.removeValue(forKey: name) ?? .object([:])
        member.add(path.dropFirst(), value)
        members[name] = member
        self = .object(members)
    }

    subscript(name: String) -> EventValue? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    /// The scalar, or those in the array.
    var scalars: [EventScalar] {
        switch self {
        case .scalar(let scalar): [scalar]
        case .array(let elements): elements.flatMap(\.scalars)
        case .object: []
        }
    }
}

/// The steps in a name with dots.
private enum EventPath {
    /// Values are walked by recursion: more steps than this in one name are none.
    private static let mostSteps = 16

    static func split(_ name: String) -> ArraySlice<String>? {
        let steps = name.split(separator: ".", omittingEmptySubsequences: false)
        return steps.count <= mostSteps ? steps.map(String.init)[...] : nil
    }
}

enum EventScalar: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)

    static func == (a: EventScalar, b: EventScalar) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        default: false
        }
    }
}
