/// The one failure type: what happened, to what, and why. What to do about it stands in the catalogue, with the code.
///
/// Safe to log by construction: `subject` names a thing (a queue, a file, an id), `cause` says why in words. Neither
/// holds payload, secrets or personal data.
public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    public let code: FailureCode
    public let subject: String
    public let cause: String

    public init(_ code: FailureCode, _ subject: String = "", _ cause: String = "") {
        self.code = code
        self.subject = subject
        self.cause = cause
    }

    public var description: String {
        var text = code.rawValue
        if !subject.isEmpty { text += " \(subject)" }
        if !cause.isEmpty { text += ": \(cause)" }
        return text
    }
}

/// What the sidecar does with a message or itself when a failure occurs.
public enum Disposition: String, Sendable {
    /// The message goes to the quarantine: it was never verified.
    case quarantine
    /// The message goes to the dead letters.
    case deadLetter = "dead-letter"
    /// The message is tried again, with backoff.
    case retry
    /// Nothing is received until the cause is gone; no message is blamed.
    case pause
    /// The sidecar does not start, or keeps what it had.
    case refuse
    /// Counted and logged; the event's way goes on.
    case note
    /// Who asked over the local API is told; nothing was taken.
    case answer
}
