import Events
import JSON
public import Pipeline

/// Reads what a letter says of itself. Nothing of it is believed, and nothing of it can break a terminal.
public enum LetterReader {
    /// Of one text; a reason has at most 600 where we wrote it.
    private static let textBytes = 1_024

    public static func record(of letter: BoxedLetter) -> LetterRecord {
        var record = LetterRecord()
        if let failure = letter.failure, failure.utf8.count <= Limits.messageBytes,
            let root = try? JSONDocument(Bytes(failure), depth: 4).root, root.kind == .object {
            read(root, into: &record)
        }
        if let root = try? JSONDocument(letter.body, depth: Limits.jsonDepth).root, root.kind == .object {
            let body = root["Data"] ?? root
            let metadata = root["Metadata"]
            record.source = name(body["source"] ?? metadata?["source"])
            record.detailType = name(body["detail-type"] ?? metadata?["detail-type"])
        }
        return record
    }

    private static func read(_ root: JSONNode, into record: inout LetterRecord) {
        let code = name(root["code"])
        if !code.isEmpty, !code.contains("/") { record.code = code }
        record.stage = name(root["stage"])
        record.reason = words(root["reason"])
        let handler = name(root["handler"])
        if !handler.contains("/") { record.handler = handler }
        record.generation = number(root["generation"])
        record.attempts = number(root["attempts"])
        record.strikes = number(root["strikes"])
        record.firstSeen = (root["firstSeen"]?.int).map { Instant(unixMilliseconds: $0) }
        record.queue = name(root["queue"])
        record.message = name(root["messageId"])
        record.event = name(root["eventId"])
        record.isVerified = root["signature"]?.isString("verified") == true
        for (key, value) in root.members where record.folded.count < Limits.messageAttributes {
            guard let key = key.string, key.hasPrefix("attribute."), let value = value.string else { continue }
            record.folded.append(Attribute(name: String(key.dropFirst(10)), value: value))
        }
    }

    private static func number(_ node: JSONNode?) -> Int { Int(clamping: max(0, node?.int ?? 0)) }

    /// A dash is how a fingerprint writes that there is none.
    private static func name(_ node: JSONNode?) -> String {
        guard let bytes = node?.stringBytes, Identifier.isText(bytes), !bytes.elementsEqual("-".utf8) else { return "" }
        return bytes.text
    }

    /// For people: on one line, and not too long.
    private static func words(_ node: JSONNode?) -> String {
        guard let text = node?.string else { return "" }
        var clean = ""
        for scalar in text.unicodeScalars where clean.utf8.count < textBytes {
            let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
            clean.unicodeScalars.append(isControl ? " " : scalar)
        }
        return clean
    }
}
