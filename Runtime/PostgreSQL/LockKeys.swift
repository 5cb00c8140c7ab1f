import Events
import Pipeline
import StoreCommon

/// Names of advisory locks (PostgreSQL, "Advisory Locks"): whoever looks at the rows of an identity or changes them
/// holds its lock to the end of the transaction. A number that two things share costs one a wait, and nothing else.
///
/// A transaction takes all of its locks first, in ascending order, so that no circle of waits can be. The server's
/// table of locks is small: ``Writer`` bounds how many one transaction has.
enum LockKeys {
    static func key(_ parts: String...) -> Int64 { number(parts, []) }

    private static func number(_ parts: [String], _ bytes: Bytes) -> Int64 {
        var hash = StableHash()
        hash.add("outrigger.lock/1")
        for part in parts { hash.add(part) }
        hash.add(bytes)
        return Int64(bitPattern: hash.finish().high.0)
    }

    static func identities(of request: ClaimRequest, in schema: String) -> [Int64] {
        identities(
            request.consumer, request.event.id, request.event.tokenDigest, request.handler, request.businessKey,
            request.group, in: schema)
    }

    static func identities(of claim: Claimed, in schema: String) -> [Int64] {
        identities(
            claim.consumer, claim.id, claim.tokenDigest, claim.handler, claim.businessKey, claim.group, in: schema)
    }

    private static func identities(
        _ consumer: QueueName, _ id: EventID, _ token: Digest?, _ handler: HandlerID, _ business: Digest?,
        _ group: String?, in schema: String
    ) -> [Int64] {
        var keys = [number([schema, "event", consumer.text, id.issuer, id.text], [])]
        if let token { keys.append(number([schema, "token", consumer.text], token.bytes[...])) }
        if let business {
            keys.append(number([schema, "business", consumer.text, handler.text], business.bytes[...]))
        }
        if let group { keys.append(Self.group(group, of: consumer, in: schema)) }
        return keys
    }

    static func group(_ group: String, of consumer: QueueName, in schema: String) -> Int64 {
        number([schema, "group", consumer.text, group], [])
    }

    static func state(_ key: Bytes, of handler: HandlerID) -> Int64 { number(["state", handler.text], key) }
    static func timer(_ key: Bytes, of handler: HandlerID) -> Int64 { number(["timer", handler.text], key) }
    static func resource(_ resource: String) -> Int64 { number(["resource", resource], []) }

    static func sorted(_ keys: [Int64]) -> [Int64] { Set(keys).sorted() }
}
