import Events
public import JSON
public import Pipeline

// Letters as the API and the commands write them. What is empty is left out.

extension Letter {
    public var json: JSONValue {
        var members = [
            JSONMember("id", .string(id.text)), JSONMember("code", .string(record.code)),
            JSONMember("fingerprint", .string(fingerprint.text)), JSONMember("arrivedAt", .time(arrivedAt)),
            JSONMember("attempts", .count(record.attempts)), JSONMember("verified", .bool(record.isVerified)),
            JSONMember("bytes", .count(bytes)),
        ]
        let texts = [
            ("stage", record.stage), ("reason", record.reason), ("handler", record.handler),
            ("source", record.source), ("detailType", record.detailType), ("queue", record.queue),
            ("messageId", record.message), ("eventId", record.event), ("origin", origin), ("group", group ?? ""),
        ]
        members += texts.filter { !$0.1.isEmpty }.map { JSONMember($0.0, .string($0.1)) }
        if record.generation > 0 { members.append(JSONMember("generation", .count(record.generation))) }
        if record.strikes > 0 { members.append(JSONMember("strikes", .count(record.strikes))) }
        if let firstSeen = record.firstSeen { members.append(JSONMember("firstSeen", .time(firstSeen))) }
        return .object(members)
    }

    /// With the whole of it: body and attributes, and until when its event may run once more.
    public func json(with boxed: BoxedLetter, _ permit: Permit?) -> JSONValue {
        var value = json
        if let permit { value["permittedUntil"] = .time(permit.until) }
        value["attributes"] = .object(boxed.attributes.map { JSONMember($0.name, .string($0.value)) })
        value["body"] = .string(boxed.body.text)
        return value
    }
}

extension LetterGroup {
    public var json: JSONValue {
        [
            "fingerprint": .string(fingerprint.text), "code": .string(fingerprint.code),
            "handler": .string(fingerprint.handler), "detailType": .string(fingerprint.detailType),
            "count": .count(count), "oldest": .time(oldest), "newest": .time(newest), "reason": .string(reason),
            "example": .string(example.text),
        ]
    }
}

extension LetterList {
    public func json(_ parked: [ParkedGroup]) -> JSONValue {
        [
            "letters": .array(letters.map(\.json)), "whole": .bool(isWhole),
            "parked": .array(parked.map(\.json)),
        ]
    }

    public func groupsJSON(_ parked: [ParkedGroup]) -> JSONValue {
        let groups = LetterGroup.groups(of: letters)
        return [
            "groups": .array(groups.map(\.json)), "letters": .count(letters.count), "whole": .bool(isWhole),
            "parked": .array(parked.map(\.json)),
        ]
    }
}

extension ParkedGroup {
    var json: JSONValue {
        ["messageGroup": .string(group), "behind": .string(event.text), "since": .time(since)]
    }
}

extension JSONValue {
    static func permit(_ result: Result<Permit, Failure>) -> JSONValue {
        switch result {
        case .success(let permit):
            ["eventId": .string(permit.event), "until": .time(permit.until), "failure": .null]
        case .failure(let failure): ["eventId": "", "until": .null, "failure": .failure(failure)]
        }
    }
}

extension RedriveReport {
    public var json: JSONValue {
        [
            "moved": .count(moved), "refused": .count(refused), "doubled": .count(doubled),
            "canary": canary.map { .string($0.rawValue) } ?? .null, "passed": .count(passed),
            "failed": .strings(failed.map(\.text)), "whole": .bool(isWhole),
            "failure": failure.map(JSONValue.failure) ?? .null,
        ]
    }
}

extension EditedLetter {
    public var json: JSONValue {
        [
            "eventId": .string(eventID), "originalId": .string(originalID), "new": .bool(isNew),
            "messageId": .string(message.text),
        ]
    }
}
