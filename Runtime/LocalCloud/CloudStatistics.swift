/// What happened in a local cloud so far, and what is in it now.
public struct CloudStatistics: Sendable, Hashable {
    public struct Queue: Sendable, Hashable {
        public let name: String
        /// Messages that can be received.
        public let depth: Int
        public let inFlight: Int
        public let delayed: Int
        public let sent: Int
        /// One message received twice counts two.
        public let received: Int
        public let deleted: Int
        /// Moved away by the redrive policy.
        public let deadLettered: Int
        /// Dropped at the end of their retention.
        public let expired: Int

        init(_ model: QueueModel) {
            name = model.name
            depth = model.readyCount
            inFlight = model.inFlightCount
            delayed = model.delayedCount
            sent = model.counters.sent
            received = model.counters.received
            deleted = model.counters.deleted
            deadLettered = model.counters.deadLettered
            expired = model.counters.expired
        }
    }

    public struct Bus: Sendable, Hashable {
        /// Entries that PutEvents accepted.
        public let put: Int
        /// Events that no rule took.
        public let unmatched: Int
        public let deliveries: Int
        /// Those among them that their queue refused.
        public let failedDeliveries: Int
        /// Targets over all rules.
        public let subscribers: Int
    }

    public let queues: [Queue]
    public let bus: Bus

    public func queue(_ name: String) -> Queue? { queues.first { $0.name == name } }

    var json: JSONText {
        var text = JSONText()
        text.object { text in
            text.key("queues")
            text.object { text in
                for queue in queues {
                    text.key(queue.name)
                    text.object { text in
                        text.member("depth", queue.depth)
                        text.member("inFlight", queue.inFlight)
                        text.member("delayed", queue.delayed)
                        text.member("sent", queue.sent)
                        text.member("received", queue.received)
                        text.member("deleted", queue.deleted)
                        text.member("deadLettered", queue.deadLettered)
                        text.member("expired", queue.expired)
                    }
                }
            }
            text.key("events")
            text.object { text in
                text.member("put", bus.put)
                text.member("unmatched", bus.unmatched)
                text.member("deliveries", bus.deliveries)
                text.member("failedDeliveries", bus.failedDeliveries)
                text.member("subscribers", bus.subscribers)
            }
        }
        return text
    }
}
