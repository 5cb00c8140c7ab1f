/// One run of one event: what it asked of the host, kept apart until its answer is known.

import Kit

final class Attempt: Host {
    struct Write {
        let value: [UInt8]?
        let timeToLive: Duration?
    }

    /// The limits of one event, as `event_handler.h` has them.
    private enum Limits {
        static let reads = 256
        static let writes = 32
        static let drafts = 16
        static let timers = 16
        static let calls = 32
        static let keyBytes = 1...512
        static let valueBytes = 262_144
        static let draftBytes = 409_600
        static let effectsBytes = 3_145_728
        static let requestBytes = 1_048_576
        static let answerBytes = 1_048_576
        static let callsBytes = 4_194_304
    }

    private let committed: [String: Stored]
    private let publishes: Set<Route>
    private let allowed: Set<Route>?
    private let failure: HostFailure?
    private let services: [String: FakeHost.Service]
    /// What the keys of its calls begin with.
    private let scope: String
    let remaining: Duration

    private var seen: Set<String> = []
    private(set) var writes: [String: Write] = [:]
    private(set) var drafts: [Draft] = []
    /// `nil` removes a timer.
    private(set) var timers: [String: PendingTimer?] = [:]
    private(set) var counts: [String: UInt64] = [:]
    private(set) var measurements: [Measurement] = []
    private(set) var lines: [LogLine] = []
    private(set) var calls: [ServiceRequest] = []
    private var bytes = 0
    private var callBytes = 0

    init<H: Handler>(of handler: H, _ event: Event, _ committed: [String: Stored], _ host: FakeHost) {
        self.committed = committed
        publishes = Set(H.publishes)
        allowed = host.allowed.map { Set($0) }
        failure = host.failure
        services = host.services
        scope = "\(event.id) \(H.id)"
        remaining = host.remaining
    }

    /// True if every key that the event read or wrote is as it was.
    func sees(_ state: [String: Stored]) -> Bool {
        seen.allSatisfy { state[$0]?.version == committed[$0]?.version }
    }

    // MARK: - state

    func get(_ key: String) throws(HostFailure) -> Stored? {
        try check(key)
        seen.insert(key)
        guard seen.count <= Limits.reads else { throw .tooLarge }
        guard let write = writes[key] else { return committed[key] }
        return write.value.map { Stored(value: $0, version: version(of: key)) }
    }

    func put(_ key: String, _ value: [UInt8], ifVersion: Version, timeToLive: Duration?) throws(HostFailure) {
        guard value.count <= Limits.valueBytes else { throw .tooLarge }
        try write(key, Write(value: value, timeToLive: timeToLive), ifVersion)
    }

    func erase(_ key: String, ifVersion: Version) throws(HostFailure) {
        try write(key, Write(value: nil, timeToLive: nil), ifVersion)
    }

    private func write(_ key: String, _ write: Write, _ expected: Version) throws(HostFailure) {
        try check(key)
        guard expected == .any || expected == version(of: key) else { throw .conflict }
        guard writes[key] != nil || writes.count < Limits.writes else { throw .tooLarge }
        try spend(key.utf8.count + (write.value?.count ?? 0))
        if expected != .any { seen.insert(key) }
        writes[key] = write
    }

    private func version(of key: String) -> Version { committed[key]?.version ?? .absent }

    // MARK: - publishing and timers

    func publish(_ draft: Draft) throws(HostFailure) {
        try check()
        let route = Route(draft.source, draft.detailType)
        guard publishes.contains(route), allowed?.contains(route) ?? true else { throw .denied }
        let size = draft.detail.bytes.count
        guard size <= Limits.draftBytes, drafts.count < Limits.drafts else { throw .tooLarge }
        try spend(size)
        drafts.append(draft)
    }

    func setTimer(_ key: String, at time: Timestamp, detail: JSON) throws(HostFailure) {
        try set(key, PendingTimer(at: time, detail: detail))
    }

    func removeTimer(_ key: String) throws(HostFailure) { try set(key, nil) }

    private func set(_ key: String, _ timer: PendingTimer?) throws(HostFailure) {
        try check(key)
        let size = timer?.detail.bytes.count ?? 0
        let isFull = timers[key] == nil && timers.count == Limits.timers
        guard size <= Limits.valueBytes, !isFull else { throw .tooLarge }
        try spend(key.utf8.count + size)
        timers.updateValue(timer, forKey: key)
    }

    // MARK: - calls

    func call(_ request: ServiceRequest) throws(HostFailure) -> ServiceResponse {
        try check()
        guard request.path.utf8.first == UInt8(ascii: "/"), !request.method.isEmpty else { throw .invalid }
        guard let service = services[request.service] else { throw .denied }
        guard request.body.count <= Limits.requestBytes, calls.count < Limits.calls else { throw .tooLarge }
        try spend(call: request.body.count)
        var request = request
        if request.idempotencyKey.isEmpty {
            let what = "\(scope) \(request.service) \(request.method) \(request.path)"
            let count = calls.count { $0.idempotencyKey.hasPrefix("\(what) #") }
            request.idempotencyKey = "\(what) #\(count + 1)"
        }
        calls.append(request)
        let answer: ServiceResponse
        do { answer = try service(request) } catch { throw error as? HostFailure ?? .unavailable }
        guard answer.body.count <= Limits.answerBytes else { throw .tooLarge }
        try spend(call: answer.body.count)
        return answer
    }

    private func spend(call more: Int) throws(HostFailure) {
        guard callBytes + more <= Limits.callsBytes else { throw .tooLarge }
        callBytes += more
    }

    private func check(_ key: String? = nil) throws(HostFailure) {
        if let failure { throw failure }
        guard remaining > .zero else { throw .expired }
        if let key, !Limits.keyBytes.contains(key.utf8.count) { throw .invalid }
    }

    private func spend(_ more: Int) throws(HostFailure) {
        guard bytes + more <= Limits.effectsBytes else { throw .tooLarge }
        bytes += more
    }

    // MARK: - what is outside of the promise

    func log(_ level: Level, _ message: String, _ fields: KeyValuePairs<String, String>) {
        lines.append(LogLine(level: level, message: message, fields: fields.map { ($0.key, $0.value) }))
    }

    func count(_ name: String, by delta: UInt64, _ labels: KeyValuePairs<String, String>) {
        counts[name, default: 0] += delta
        measurements.append(Measurement(name: name, value: Double(delta), labels: labels.map { ($0.key, $0.value) }))
    }

    func observe(_ name: String, _ value: Double, _ labels: KeyValuePairs<String, String>) {
        measurements.append(Measurement(name: name, value: value, labels: labels.map { ($0.key, $0.value) }))
    }
}
