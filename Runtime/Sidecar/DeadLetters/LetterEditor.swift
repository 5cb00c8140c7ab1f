import Events
import Foundation
import JSON
import Pipeline
import Signatures

/// Makes another event of a letter: the envelope as it was, the payload as somebody wrote it, signed anew.
///
/// Another payload is another event, with an id of its own: what is known of the old one says nothing of it. The same
/// payload keeps its id: so a letter whose signature no longer verifies can be signed by a key that does.
struct LetterEditor: Sendable {
    struct Edited: Sendable {
        let letter: RedrivenLetter
        let eventID: String
        let originalID: String
        let isNew: Bool
    }

    /// A hint for people, in the edited message.
    static let originAttribute = "outrigger-origin"

    let signer: any Signer
    let now: Instant

    /// - Throws: `api.malformed` for a payload that is no strict JSON, `api.unsupported` for a letter that is no event,
    ///   `publish.signing`.
    func edit(_ boxed: BoxedLetter, _ letter: Letter, core: Bytes) async throws(Failure) -> Edited {
        let payload = try canonical(core)
        guard var root = try? JSONValue.parse(boxed.body) else { throw unsupported("its body is no JSON") }
        let isWrapped = root["Data"] != nil
        var body = root["Data"] ?? root
        let isEnveloped = body["detail"] != nil
        let detail = body["detail"] ?? body
        let header = (detail["sig_compact"]?.string).flatMap { try? CompactToken(parsing: Bytes($0)) }?.header
        let source = letter.record.source.isEmpty ? header?.source ?? "" : letter.record.source
        let detailType = letter.record.detailType.isEmpty ? header?.detailType ?? "" : letter.record.detailType
        guard !source.isEmpty, !detailType.isEmpty else { throw unsupported("it names no source and detail type") }
        let original = header?.id ?? body["id"]?.string ?? letter.record.event
        let isSame = (try? detail["detailCore"]?.canonical()).map { $0[...] == payload } ?? false
        let id = isSame && !original.isEmpty ? original : UUID().uuidString.lowercased()
        let resource = detail["resource"]?.string ?? header?.resource ?? body["resources"]?[0]?.string ?? ""
        let signed = try await signer.sign(
            Publication(
                row: 0, id: id,
                draft: Draft(
                    source: source, detailType: detailType, resource: resource,
                    correlationID: detail["trace"]?["correlationId"]?.string ?? "", detail: payload),
                parent: "", trace: trace(of: detail), committedAt: now, attempts: 0), at: now)
        guard let value = try? JSONValue.parse(signed.detail) else { throw unsupported("its detail cannot be made") }
        if isEnveloped {
            body["detail"] = value
            body["id"] = .string(id)
        } else {
            body = value
        }
        if isWrapped { root["Data"] = body } else { root = body }
        var attributes = boxed.attributes.filter { $0.name != Self.originAttribute }
        if attributes.count < Limits.messageAttributes {
            let origin = original.isEmpty ? boxed.id.text : original
            attributes.append(Attribute(name: Self.originAttribute, value: origin))
        }
        // A FIFO queue takes it as another message than the letter: it may be edited twice within five minutes.
        let name = MessageID(isSame ? boxed.id.text : id)
        return Edited(
            letter: RedrivenLetter(
                id: name, body: root.serialised()[...], attributes: attributes, group: boxed.group),
            eventID: id, originalID: original, isNew: !isSame || original.isEmpty)
    }

    private func canonical(_ core: Bytes) throws(Failure) -> Bytes {
        do throws(JSONError) {
            return try JSONDocument(core, depth: Limits.jsonDepth).root.canonical()[...]
        } catch {
            throw Failure(.apiMalformed, "detailCore", "not strict JSON: \(error)")
        }
    }

    private func trace(of detail: JSONValue) -> Event.Trace {
        let trace = detail["trace"]
        func text(_ name: String) -> String {
            guard let text = trace?[name]?.string, Identifier.isText(text.utf8) else { return "" }
            return text
        }
        let parent = text("traceparent")
        return Event.Trace(
            correlationID: text("correlationId"), userID: text("userId"), tenantID: text("tenantId"),
            deviceID: text("deviceId"), parent: Identifier.isTraceParent(parent) ? parent : "")
    }

    private func unsupported(_ cause: String) -> Failure { Failure(.apiUnsupported, "letter", cause) }
}
