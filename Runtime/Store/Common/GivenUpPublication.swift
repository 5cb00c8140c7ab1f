public import Events
import JSON
public import Pipeline

/// A publication that the bus did not take, on the shelf. It is shown as a letter, so that the tools of operators see
/// one thing in every box.
public struct GivenUpPublication: Sendable {
    public let id: String
    public let parent: String
    public let handler: String
    public let draft: Draft
    /// Why, after how many attempts.
    public let code: String
    public let cause: String
    public let attempts: Int
    public let committedAt: Instant
    public let givenUpAt: Instant

    public init(
        id: String, parent: String, handler: String, draft: Draft, code: String, cause: String, attempts: Int,
        committedAt: Instant, givenUpAt: Instant
    ) {
        self.id = id
        self.parent = parent
        self.handler = handler
        self.draft = draft
        self.code = code
        self.cause = cause
        self.attempts = attempts
        self.committedAt = committedAt
        self.givenUpAt = givenUpAt
    }

    public var letter: BoxedLetter {
        let failure: JSONValue = [
            "code": .string(code), "queue": "", "messageId": .string(id), "eventId": .string(id), "stage": "publish",
            "reason": .string(cause), "handler": .string(handler), "attempts": .integer(Int64(attempts)),
            "firstSeen": .integer(committedAt.unixMilliseconds), "signature": "verified",
        ]
        var envelope: JSONValue = [
            "id": .string(id), "source": .string(draft.source), "detail-type": .string(draft.detailType),
            "resources": draft.resource.isEmpty ? [] : [.string(draft.resource)],
        ]
        if let core = try? JSONValue.parse(draft.detail) {
            envelope["detail"] = ["parent": .string(parent), "detailCore": core]
        }
        return BoxedLetter(
            id: MessageID(id), body: envelope.serialised()[...], attributes: draft.attributes,
            failure: String(decoding: failure.serialised(), as: UTF8.self), arrivedAt: givenUpAt, group: nil)
    }
}
