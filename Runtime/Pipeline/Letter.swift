import Events

/// Builds the dead letter of a message: the body unchanged, the whole failure in one attribute.
struct LetterWriter {
    let settings: PipelineSettings

    func letter(for item: Item, failure: Failure) -> DeadLetter {
        let folds = item.envelope.attributes.count > Limits.messageAttributes - 1
        var members = essentials(of: item, failure)
        members.append(("stage", quoted(failure.code.area)))
        members.append(("reason", quoted(clipped(failure.cause, to: 600))))
        if let handler = item.handler { members.append(("handler", quoted(handler.text))) }
        members.append(("generation", String(item.generation > 0 ? item.generation : settings.generation)))
        members.append(("attempts", String(item.history.attempts)))
        members.append(("strikes", String(item.history.strikes)))
        members.append(("firstSeen", String(item.history.firstSeen.unixMilliseconds)))
        members.append(("sentAt", String(item.envelope.sentAt.unixMilliseconds)))
        if let group = item.envelope.group { members += order(of: item, in: group) }
        members.append(("configuration", quoted(clipped(settings.configuration, to: 64))))
        members.append(("signature", quoted(item.event == nil ? "not-verified" : "verified")))
        var size = members.reduce(2) { $0 + $1.0.utf8.count + $1.1.utf8.count + 4 }
        if folds {
            for attribute in item.envelope.attributes {
                let member = ("attribute." + attribute.name, quoted(attribute.value))
                size += member.0.utf8.count + member.1.utf8.count + 4
                if size > Limits.failureAttributeBytes { break }
                members.append(member)
            }
        }
        return DeadLetter(
            body: item.envelope.body, attributes: folds ? [] : item.envelope.attributes, failure: object(members),
            shortFailure: object(essentials(of: item, failure)), group: item.envelope.group,
            deduplicationID: deduplicationID(of: item))
    }

    /// Its place in the order: so a person sees what went on without it.
    private func order(of item: Item, in group: String) -> [(String, String)] {
        [
            ("group", quoted(clipped(group, to: 128))),
            ("sequence", quoted(clipped(item.envelope.sequence ?? "", to: 40))),
            ("poisonousHead", quoted(settings.poisonousHead.rawValue)),
        ]
    }

    private func essentials(of item: Item, _ failure: Failure) -> [(String, String)] {
        [
            ("code", quoted(failure.code.rawValue)),
            ("queue", quoted(clipped(settings.queue.text, to: 80))),
            ("messageId", quoted(clipped(item.envelope.messageID.text, to: 128))),
            ("eventId", quoted(clipped(item.event?.id.text ?? "", to: 200))),
        ]
    }

    /// At most the 128 characters that a MessageDeduplicationId may have (SQS API reference, SendMessage).
    private func deduplicationID(of item: Item) -> String {
        String("\(item.envelope.messageID.text).\(settings.queue.text)".prefix(128))
    }

    private func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    private func clipped(_ text: String, to bytes: Int) -> String {
        if text.utf8.count <= bytes { return text }
        var clipped = ""
        for character in text.unicodeScalars {
            if clipped.utf8.count + 4 > bytes { break }
            clipped.unicodeScalars.append(character)
        }
        return clipped
    }

    /// A JSON string (RFC 8259, section 7) without control characters: SQS refuses most of them.
    private func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F || scalar.value & 0xFFFE == 0xFFFE:
                quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
