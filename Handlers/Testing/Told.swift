/// What a handler told its host besides its answer, as values that a test compares.

public import Kit

/// A log line.
public struct LogLine: Sendable, CustomStringConvertible {
    public let level: Level
    public let message: String
    public let fields: [(name: String, value: String)]

    init(level: Level, message: String, fields: [(String, String)]) {
        self.level = level
        self.message = message
        self.fields = fields.map { (name: $0.0, value: $0.1) }
    }

    /// The message and its fields in one line: `greeted count=1`.
    public var description: String { fields.reduce(message) { "\($0) \($1.name)=\($1.value)" } }
}

/// One call of `count` or `observe`.
public struct Measurement: Sendable, Hashable {
    public let name: String
    /// What a counter grew by, or what was observed.
    public let value: Double
    public let labels: [String: String]

    init(name: String, value: Double, labels: [(String, String)]) {
        self.name = name
        self.value = value
        self.labels = Dictionary(labels) { first, _ in first }
    }
}

/// A timer that a handler set.
public struct PendingTimer: Sendable, Hashable {
    public let at: Timestamp
    /// The payload of the event that it becomes.
    public let detail: JSON
}

extension FakeHost {
    /// Every log line as text.
    public var logLines: [String] { lines.map(\.description) }
}

extension JSON {
    /// JSON text in a test.
    public static func text(_ text: String) throws -> JSON { try JSON(parsing: text.utf8) }
}

extension Outcome {
    /// The code of the reason, or `done`.
    public var code: String {
        switch self {
        case .done: "done"
        case .retry(_, let reason), .reject(let reason), .wait(_, let reason): reason.code
        }
    }
}
