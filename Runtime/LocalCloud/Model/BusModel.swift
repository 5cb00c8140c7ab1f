// Event buses, their rules and targets as a state machine: no clock, no I/O, no randomness but from its seed.

public import Events
import JSON

/// EventBridge with queues for targets. Sources: the EventBridge API reference and user guide.
public struct BusModel: Sendable {
    /// Who owns everything here, and where it pretends to be.
    public struct Place: Sendable, Hashable {
        public let account: String
        public let region: String
        public init(account: String, region: String) {
            self.account = account
            self.region = region
        }

        func queueARN(_ name: String) -> String { "arn:aws:sqs:\(region):\(account):\(name)" }
        func busARN(_ name: String) -> String { "arn:aws:events:\(region):\(account):event-bus/\(name)" }
        func ruleARN(_ name: String, on bus: String) -> String {
            "arn:aws:events:\(region):\(account):rule/\(bus == BusModel.defaultBus ? "" : bus + "/")\(name)"
        }
    }

    public struct Target: Sendable, Hashable {
        public let id: String
        /// Of a queue.
        public let arn: String
        /// SqsParameters.MessageGroupId.
        public let group: String?
        public init(id: String, arn: String, group: String? = nil) {
            self.id = id
            self.arn = arn
            self.group = group
        }
    }

    public struct Rule: Sendable {
        public var pattern: EventPattern
        public var description: String?
        public var isEnabled: Bool
        public fileprivate(set) var targets: [Target] = []

        public init(pattern: EventPattern, description: String? = nil, isEnabled: Bool = true) {
            self.pattern = pattern
            self.description = description
            self.isEnabled = isEnabled
        }
    }

    /// One entry of PutEvents.
    public struct Entry: Sendable {
        public var bus: String?
        public var source: String?
        public var detailType: String?
        /// A JSON object, which the envelope takes as it is.
        public var detail: String?
        public var time: Instant?
        public var resources: [String]

        public init(
            bus: String? = nil, source: String?, detailType: String?, detail: String?, time: Instant? = nil,
            resources: [String] = []
        ) {
            self.bus = bus
            self.source = source
            self.detailType = detailType
            self.detail = detail
            self.time = time
            self.resources = resources
        }

        /// As PutEvents counts it: 14 for a time, and the UTF-8 of the rest.
        var byteCount: Int {
            [source, detailType, detail].reduce(time == nil ? 0 : 14) { $0 + ($1?.utf8.count ?? 0) }
                + resources.reduce(0) { $0 + $1.utf8.count }
        }
    }

    public enum EntryResult: Sendable, Hashable {
        case event(id: String)
        case failed(code: String, message: String)
    }

    /// An envelope on its way to a queue.
    public struct Delivery: Sendable {
        public let target: Target
        public let envelope: Bytes
    }

    public struct Counters: Sendable, Hashable {
        /// Entries that were accepted.
        public var put = 0
        /// Events that no rule took; those for a bus that does not exist are accepted and taken by none.
        public var unmatched = 0
        public var deliveries = 0
    }

    public static let defaultBus = "default"
    /// EventBridge: targets of one rule, rules of one bus, buses.
    static let mostTargets = 5
    static let mostRules = 300
    static let mostBuses = 100

    public let place: Place
    public private(set) var buses: [String: [String: Rule]] = [defaultBus: [:]]
    public private(set) var counters = Counters()
    private var generator: SeededGenerator

    public init(place: Place, seed: UInt64) {
        self.place = place
        generator = SeededGenerator(seed: seed)
    }

    /// Targets over all rules.
    public var subscribers: Int { buses.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.targets.count } } }

    // MARK: - events

    /// - Throws: `validation` for none or more than ten entries, and for more than 1 MiB of them.
    public mutating func put(
        _ entries: [Entry], at now: Instant
    ) throws(ServiceError) -> (results: [EntryResult], deliveries: [Delivery]) {
        guard (1...Limits.putEventsEntries).contains(entries.count) else {
            throw ServiceError(
                .validation, "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member "
                    + "must have length between 1 and \(Limits.putEventsEntries)")
        }
        guard entries.reduce(0, { $0 + $1.byteCount }) <= Limits.putEventsBytes else {
            throw ServiceError(.validation, "Total size of the entries in the request is over the limit.")
        }
        var results: [EntryResult] = []
        var deliveries: [Delivery] = []
        for entry in entries {
            if let refusal = BusModel.refusal(of: entry) {
                results.append(refusal)
            } else {
                results.append(.event(id: take(entry, at: now, &deliveries)))
            }
        }
        return (results, deliveries)
    }

    private static func refusal(of entry: Entry) -> EntryResult? {
        func missing(_ name: String) -> EntryResult {
            .failed(
                code: "InvalidArgument",
                message: "Parameter \(name) is not valid. Reason: \(name) is a required argument.")
        }
        guard let source = entry.source, !source.isEmpty else { return missing("Source") }
        guard let type = entry.detailType, !type.isEmpty else { return missing("DetailType") }
        guard let detail = entry.detail, !detail.isEmpty else { return missing("Detail") }
        guard !source.hasPrefix("aws.") else {
            return .failed(code: "NotAuthorizedForSourceException", message: "Not authorized for the source.")
        }
        // One less, since the envelope is around it.
        let document = try? JSONDocument(Array(detail.utf8), depth: JSONValue.depth - 1)
        guard document?.root.kind == .object else {
            return .failed(code: "MalformedDetail", message: "Detail is malformed.")
        }
        return nil
    }

    private mutating func take(_ entry: Entry, at now: Instant, _ deliveries: inout [Delivery]) -> String {
        let id = generator.uuid()
        let envelope = self.envelope(of: entry, id: id, at: now)
        counters.put += 1
        let before = deliveries.count
        if let rules = buses[BusModel.busName(entry.bus)], let event = try? JSONDocument(envelope).root {
            for (_, rule) in rules.sorted(by: { $0.key < $1.key })
            where rule.isEnabled && !rule.targets.isEmpty && rule.pattern.matches(event) {
                deliveries += rule.targets.map { Delivery(target: $0, envelope: envelope) }
            }
        }
        counters.deliveries += deliveries.count - before
        if deliveries.count == before { counters.unmatched += 1 }
        return id
    }

    private func envelope(of entry: Entry, id: String, at now: Instant) -> Bytes {
        var text = JSONText()
        text.object { text in
            text.member("version", "0")
            text.member("id", id)
            text.member("detail-type", entry.detailType ?? "")
            text.member("source", entry.source ?? "")
            text.member("account", place.account)
            text.member("time", (entry.time ?? now).iso8601)
            text.member("region", place.region)
            text.key("resources")
            text.array(entry.resources) { $0.string($1) }
            text.key("detail")
            text.raw(Bytes(entry.detail ?? "{}"))
        }
        return text.bytes[...]
    }

    /// A name, or the name in an ARN.
    static func busName(_ text: String?) -> String {
        guard let text, !text.isEmpty else { return defaultBus }
        return text.hasPrefix("arn:") ? String(text.drop { $0 != "/" }.dropFirst()) : text
    }
}

// MARK: - buses, rules, targets

extension BusModel {
    public mutating func createBus(_ name: String) throws(ServiceError) {
        guard BusModel.isName(name), !name.contains("/") else {
            throw ServiceError(.validation, "Parameter Name is not valid.")
        }
        guard buses[name] == nil else {
            throw ServiceError(.resourceAlreadyExists, "Event bus \(name) already exists.")
        }
        guard buses.count < BusModel.mostBuses else { throw ServiceError(.limitExceeded, "Too many event buses.") }
        buses[name] = [:]
    }

    public mutating func deleteBus(_ name: String) throws(ServiceError) {
        guard name != BusModel.defaultBus else {
            throw ServiceError(.validation, "Cannot delete event bus default.")
        }
        guard buses[name]?.isEmpty ?? true else {
            throw ServiceError(.validation, "Event bus \(name) cannot be deleted since it has rules.")
        }
        buses[name] = nil
    }

    public func rules(on bus: String) throws(ServiceError) -> [String: Rule] {
        guard let rules = buses[bus] else {
            throw ServiceError(.resourceNotFound, "Event bus \(bus) does not exist.")
        }
        return rules
    }

    public func rule(_ name: String, on bus: String) throws(ServiceError) -> Rule {
        guard let rule = try rules(on: bus)[name] else {
            throw ServiceError(.resourceNotFound, "Rule \(name) does not exist on EventBus \(bus).")
        }
        return rule
    }

    /// A rule of this name is replaced, and keeps its targets.
    public mutating func putRule(_ name: String, on bus: String, _ rule: Rule) throws(ServiceError) {
        let rules = try rules(on: bus)
        guard BusModel.isName(name) else { throw ServiceError(.validation, "Parameter Name is not valid.") }
        guard rules[name] != nil || rules.count < BusModel.mostRules else {
            throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
        }
        var rule = rule
        rule.targets = rules[name]?.targets ?? []
        buses[bus]?[name] = rule
    }

    public mutating func deleteRule(_ name: String, on bus: String) throws(ServiceError) {
        guard let rule = try rules(on: bus)[name] else { return }
        guard rule.targets.isEmpty else {
            throw ServiceError(.validation, "Rule can't be deleted since it has targets.")
        }
        buses[bus]?[name] = nil
    }

    /// Targets are replaced by id.
    public mutating func putTargets(_ targets: [Target], of name: String, on bus: String) throws(ServiceError) {
        var rule = try rule(name, on: bus)
        for target in targets {
            guard BusModel.isName(target.id) else { throw ServiceError(.validation, "Parameter Id is not valid.") }
            guard target.arn.hasPrefix("arn:aws:sqs:") else {
                throw ServiceError(.validation, "Parameter Arn is not valid. Reason: only queues are targets here.")
            }
            rule.targets.removeAll { $0.id == target.id }
            rule.targets.append(target)
        }
        guard rule.targets.count <= BusModel.mostTargets else {
            throw ServiceError(.limitExceeded, "The requested resource exceeds the maximum number allowed.")
        }
        buses[bus]?[name] = rule
    }

    public mutating func removeTargets(_ ids: [String], of name: String, on bus: String) throws(ServiceError) {
        _ = try rule(name, on: bus)
        buses[bus]?[name]?.targets.removeAll { ids.contains($0.id) }
    }

    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

extension Instant {
    /// `2026-11-20T08:15:00Z`: whole seconds, as EventBridge writes them.
    var iso8601: String {
        let seconds = unixMilliseconds / 1000
        let clock = Int((seconds % 86_400 + 86_400) % 86_400)
        let (year, month, day) = Instant.date(ofDay: (Int(seconds) - clock) / 86_400)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(two(month))-\(two(day))T\(two(clock / 3600)):\(two(clock / 60 % 60)):\(two(clock % 60))Z"
    }

    /// Days since 1970-01-01 to a date of the Gregorian calendar, by eras of 400 years.
    private static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }
}
