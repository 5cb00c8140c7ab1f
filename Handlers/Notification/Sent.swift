/// What is remembered of a notice: that it was sent, by which channel, because of which event.

public import Kit

public struct Sent: Hashable, Sendable {
    public let channel: Identifier
    public let eventID: String
    public init(channel: Identifier, eventID: String) {
        self.channel = channel
        self.eventID = eventID
    }
}

extension Sent: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        self.init(channel: try json.identifier(at: "/channel"), eventID: try json.string(at: "/eventId"))
    }

    public var json: JSON { ["channel": .string(channel.text), "eventId": .string(eventID)] }
}
