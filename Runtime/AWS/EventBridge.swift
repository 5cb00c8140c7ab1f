public import Events
import JSON
public import Pipeline

/// An event bus of EventBridge (PutEvents).
/// Source: docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
public final class EventBusClient: EventBus {
    /// What a time counts for, however it is written.
    private static let timeBytes = 14

    private let session: AWSSession
    private let bus: String

    /// - Parameter bus: its name or its ARN.
    public init(_ session: AWSSession, bus: String) {
        self.session = session
        self.bus = bus
    }

    /// Source: docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html, "Calculating event entry size".
    public func size(of entry: SignedPublication) -> Int {
        let draft = entry.publication.draft
        return EventBusClient.timeBytes + draft.source.utf8.count + draft.detailType.utf8.count + entry.detail.count
            + draft.resource.utf8.count
    }

    public func put(_ entries: [SignedPublication]) async -> [Failure?] {
        var results: [Failure?] = entries.map { entry in
            let size = size(of: entry)
            if size <= Limits.putEventsBytes { return nil }
            return Failure(.publishTooLarge, bus, "\(size) bytes, and \(Limits.putEventsBytes) are the most")
        }
        let fitting = entries.indices.filter { results[$0] == nil }
        for (index, failure) in zip(fitting, await putFitting(fitting.map { entries[$0] })) {
            results[index] = failure
        }
        return results
    }

    /// A call that is refused as a whole blames every entry for one: they are tried one by one, to find it.
    private func putFitting(_ entries: [SignedPublication]) async -> [Failure?] {
        if entries.isEmpty { return [] }
        do throws(AWSError) {
            return try await call(entries).map { $0?.whilePublishing(to: bus) }
        } catch {
            guard error.kind == .refused, entries.count > 1 else {
                return entries.map { _ in error.whilePublishing(to: bus) }
            }
            var results: [Failure?] = []
            for entry in entries { results += await putFitting([entry]) }
            return results
        }
    }

    private func call(_ entries: [SignedPublication]) async throws(AWSError) -> [AWSError?] {
        let endpoint: AWSEndpoint
        do throws(Failure) {
            endpoint = try session.endpoint(of: .events, in: try region())
        } catch { throw AWSError(error) }
        let body = JSONValue.object([JSONMember("Entries", .array(entries.map(member)))]).serialised()
        let reply = try await session.call(.events("PutEvents"), at: endpoint, body: body)
        let results = reply.root["Entries"]?.elements ?? []
        guard results.count == entries.count else { throw AWSError(.badReply, "PutEvents without a word per entry") }
        return results.map { result in
            if let code = result["ErrorCode"]?.string, !code.isEmpty { return AWSError(entryCode: code) }
            return result["EventId"]?.string == nil ? AWSError(.badReply, "no word about this entry") : nil
        }
    }

    /// The bus's own, if it is an ARN: `arn:aws:events:REGION:ACCOUNT:event-bus/NAME`.
    private func region() throws(Failure) -> String {
        let parts = bus.split(separator: ":").map(String.init)
        if parts.count == 6 && parts[2] == "events" { return parts[3] }
        return try session.region()
    }

    private func member(_ entry: SignedPublication) -> JSONValue {
        let draft = entry.publication.draft
        return [
            "EventBusName": .string(bus), "Source": .string(draft.source), "DetailType": .string(draft.detailType),
            "Detail": .string(entry.detail.text),
            "Resources": draft.resource.isEmpty ? [] : [.string(draft.resource)],
            "Time": .integer(entry.publication.committedAt.unixMilliseconds / 1000),
        ]
    }
}

extension AWSError {
    /// Rights and names can be mended while the entry waits; what is wrong with the entry itself cannot.
    fileprivate func whilePublishing(to bus: String) -> Failure {
        let code: FailureCode =
            switch kind {
            case .refused: .publishRefused
            case .throttled: .publishThrottled
            default: .publishUnavailable
            }
        return Failure(code, bus, cause)
    }
}
