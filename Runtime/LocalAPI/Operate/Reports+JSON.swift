// The reports as the API writes them.
import Events
import JSON

extension StatusReport {
    var json: JSONValue {
        [
            "version": .string(version), "now": .time(now), "since": .time(since),
            "ready": .bool(problems.isEmpty), "problems": .strings(problems),
            "generation": [
                "number": .count(generation.number), "since": .time(generation.since),
                "digest": .string(generation.digest), "configuration": .string(generation.configuration),
                "alive": .array(generation.alive.map(JSONValue.count)),
                "needsRestart": .strings(generation.needsRestart),
            ],
            "lastReload": lastReload.map(\.json) ?? .null,
            "queues": .array(queues.map(\.json)),
            "outbox": outbox.map(\.json) ?? .null,
            "store": .object(store.map { JSONMember($0.name, .count($0.count)) }),
            "sandbox": .string(sandbox),
            "trials": .array(trials.map(\.json)),
            "services": .array(services.map { ["name": .string($0.name), "circuit": .string($0.circuit)] }),
        ]
    }
}

extension StatusReport.Attempt {
    fileprivate var json: JSONValue {
        [
            "trigger": .string(trigger), "at": .time(at), "result": .string(result),
            "failure": failure.map(JSONValue.failure) ?? .null,
        ]
    }
}

extension StatusReport.Queue {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "handlers": .strings(handlers), "messages": .count(messages),
            "bytes": .count(bytes), "oldestMilliseconds": .integer(oldest.milliseconds),
            "paused": paused.map(JSONValue.failure) ?? .null,
            "available": available.map { .count($0) } ?? .null, "hidden": .count(hidden),
            "circuits": .array(circuits.map(\.json)), "parked": .count(parked),
            "parkedSince": parkedSince.map(JSONValue.time) ?? .null,
        ]
    }
}

extension StatusReport.Queue.Circuit {
    fileprivate var json: JSONValue {
        ["handler": .string(handler), "until": .time(until), "failure": .failure(failure)]
    }
}

extension StatusReport.Outbox {
    fileprivate var json: JSONValue {
        ["rows": .count(rows), "bytes": .count(bytes), "oldest": oldest.map(JSONValue.time) ?? .null]
    }
}

extension StatusReport.Trial {
    fileprivate var json: JSONValue {
        [
            "handler": .string(handler), "kind": .string(kind), "plugin": .string(plugin),
            "verdict": verdict.map { .string($0) } ?? .null,
        ]
    }
}

extension HandlerReport {
    var json: JSONValue {
        [
            "id": .string(id), "plugin": .string(plugin), "version": .string(version), "digest": .string(digest),
            "generation": .count(generation), "workers": .count(workers), "reused": .bool(isReused),
            "routes": .array(
                routes.map { ["source": .string($0.source), "detailType": .string($0.detailType)] }),
            "sandbox": .object(sandbox.sorted { $0.key < $1.key }.map { JSONMember($0.key, .bool($0.value)) }),
        ]
    }
}

extension ReloadReport.Problem {
    var json: JSONValue {
        ["place": .string(place), "path": .string(path), "why": .string(why), "fix": .string(fix)]
    }
}

extension JSONValue {
    static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
    static func count(_ number: Int) -> JSONValue { .integer(Int64(number)) }
    static func time(_ instant: Instant) -> JSONValue { .string(Timestamp.text(of: instant)) }
    static func failure(_ failure: Failure) -> JSONValue {
        [
            "code": .string(failure.code.rawValue), "subject": .string(failure.subject),
            "cause": .string(failure.cause.isEmpty ? failure.code.entry.meaning : failure.cause),
        ]
    }
}
