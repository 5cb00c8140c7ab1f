import Cryptography
import Events
import JSON
public import Pipeline

/// What is needed to take events for the bus.
public struct Publishing: Sendable {
    let intake: any Intake
    let schemas: @Sendable () -> EventSchemas
    let size: @Sendable (Submission.Entry) -> Int

    /// - Parameters:
    ///   - schemas: those of the generation in force.
    ///   - size: the bytes that the bus will count for an entry, its token included.
    public init(
        intake: any Intake, schemas: @escaping @Sendable () -> EventSchemas,
        size: @escaping @Sendable (Submission.Entry) -> Int
    ) {
        self.intake = intake
        self.schemas = schemas
        self.size = size
    }
}

/// Why events were not taken: the failure, and, of a schema, every place that breaks it.
struct PublishRefusal: Error {
    let failure: Failure
    var violations: [JSONSchema.Problem] = []
}

/// Whether a peer's events may be signed, and as what. Pure; all or nothing.
struct PublishDecision {
    let grant: Grant
    let schemas: EventSchemas
    let size: @Sendable (Submission.Entry) -> Int
    /// How long a key is remembered.
    let keep: Duration

    /// - Parameter traceParent: of the request, for events that have none.
    func submission(
        of body: PublishBody, key: String?, traceParent: String, at now: Instant,
        _ random: inout some RandomNumberGenerator
    ) throws(PublishRefusal) -> Submission {
        var entries: [Submission.Entry] = []
        for (index, event) in body.events.enumerated() {
            let named = { (failure: Failure) in body.isBatch ? failure.at(index) : failure }
            guard grant.maySign(source: event.source, detailType: event.detailType) else {
                let cause = "peer \(grant.name) may not publish \(event.detailType) of \(event.source)"
                throw PublishRefusal(failure: named(Failure(.publishDenied, "", cause)))
            }
            let violations = schemas.violations(of: event.core, event.detailType)
            if let first = violations.first {
                let failure = Failure(.publishSchema, "detailCore", "\(event.detailType): \(first)")
                throw PublishRefusal(failure: named(failure), violations: violations)
            }
            let entry = Self.entry(event, traceParent: traceParent, at: now, &random)
            let bytes = size(entry)
            guard bytes <= Limits.putEventsBytes else {
                let cause = "\(bytes) bytes with its signature, and the bus takes \(Limits.putEventsBytes)"
                throw PublishRefusal(failure: named(Failure(.publishTooLarge, "", cause)))
            }
            entries.append(entry)
        }
        return Submission(
            peer: grant.name, idempotencyKey: key, digest: Self.digest(of: body.events), entries: entries,
            keepUntil: now + keep)
    }

    private static func entry(
        _ event: EventRequest, traceParent: String, at now: Instant, _ random: inout some RandomNumberGenerator
    ) -> Submission.Entry {
        let id = EventIdentifier.make(at: now, &random)
        var trace = event.trace
        if trace.correlationID.isEmpty { trace.correlationID = id }
        if trace.parent.isEmpty { trace.parent = EventRequest.traceParent(traceParent) }
        let draft = Draft(
            source: event.source, detailType: event.detailType, resource: event.resource,
            correlationID: trace.correlationID, detail: event.core)
        return Submission.Entry(id: id, draft: draft, trace: trace)
    }

    /// SHA-256 of what the caller asked for, however it was written. What the sidecar adds does not count, nor the span
    /// that it was asked in, so that the same request is the same a second time.
    static func digest(of events: [EventRequest]) -> Digest {
        var bytes: [UInt8] = []
        for event in events {
            let trace = event.trace
            let texts = [
                event.source, event.detailType, event.resource, trace.correlationID, trace.userID, trace.tenantID,
                trace.deviceID,
            ]
            for text in texts { append(Array(text.utf8)[...], to: &bytes) }
            append(event.core, to: &bytes)
        }
        return Hash.sha256(bytes)
    }

    private static func append(_ part: Bytes, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: UInt64(part.count).bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: part)
    }
}

/// The answer to events that were taken.
struct PublishReceipt {
    /// Signed ids and correlation ids, in the order of the request.
    let events: [(id: String, correlationID: String)]
    /// They were taken before, under the same key.
    let isReplay: Bool

    /// - Parameter ids: what the intake answered.
    init(_ submission: Submission, ids: [String]) {
        isReplay = ids != submission.entries.map(\.id)
        events = zip(submission.entries, ids).map { entry, id in
            let correlation = entry.trace.correlationID
            return (id, correlation == entry.id ? id : correlation)
        }
    }

    var json: [UInt8] {
        let events = events.map { JSONValue.object([
            JSONMember("id", .string($0.id)), JSONMember("correlationId", .string($0.correlationID)),
        ]) }
        return JSONValue.object([JSONMember("events", .array(events))]).serialised()
    }

    /// The timeline, where all are in one.
    var location: String? {
        guard let first = events.first?.correlationID, events.allSatisfy({ $0.correlationID == first }) else {
            return nil
        }
        return "/v1/events/\(PercentCoding.encode(first))"
    }
}
