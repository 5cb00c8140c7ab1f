// The Amazon EventBridge API over the AWS JSON 1.1 protocol, and the way from a rule to a queue.

import Events
import JSON
import Synchronization

/// Source: Amazon EventBridge API reference.
final class EventsService: Sendable {
    private let bus: Mutex<BusModel>
    private let queues: QueueRegistry
    private let faults: FaultInjector
    private let clock: CloudClock
    /// Deliveries that their queue did not take: it is gone, or refuses the message.
    private let failedDeliveries = Atomic<Int>(0)

    init(queues: QueueRegistry, faults: FaultInjector, clock: CloudClock, seed: UInt64) {
        self.clock = clock
        self.queues = queues
        self.faults = faults
        bus = Mutex(BusModel(place: queues.place, seed: seed))
    }

    var statistics: CloudStatistics.Bus {
        let failed = failedDeliveries.load(ordering: .relaxed)
        return bus.withLock { bus in
            CloudStatistics.Bus(
                put: bus.counters.put, unmatched: bus.counters.unmatched, deliveries: bus.counters.deliveries,
                failedDeliveries: failed, subscribers: bus.subscribers)
        }
    }

    /// Changes the model. Deliveries are made by ``put(_:)`` alone.
    func change<Result: Sendable>(
        _ body: (inout BusModel) throws(ServiceError) -> Result
    ) throws(ServiceError) -> Result {
        try bus.withLock { bus throws(ServiceError) in try body(&bus) }
    }

    /// Puts and delivers.
    func put(_ entries: [BusModel.Entry]) throws(ServiceError) -> [BusModel.EntryResult] {
        let (results, deliveries) = try change { bus throws(ServiceError) in try bus.put(entries, at: clock.now) }
        for delivery in deliveries { deliver(delivery) }
        return results
    }

    private func deliver(_ delivery: BusModel.Delivery) {
        guard let queue = queues.find(arn: delivery.target.arn), let body = try? MessageBody(delivery.envelope),
            (try? queue.send(MessageDraft(body, group: delivery.target.group))) != nil
        else {
            failedDeliveries.wrappingAdd(1, ordering: .relaxed)
            return
        }
    }

    func answer(_ operation: String, _ request: JSONNode, _ faults: Faults?) throws(ServiceError) -> JSONText {
        switch operation {
        case "PutEvents": return try putEvents(request, faults)
        case "TestEventPattern": return try testPattern(request)
        case "PutRule": return try putRule(request)
        case "DescribeRule": return try describeRule(request)
        case "ListRules": return try listRules(request)
        case "DeleteRule": return try deleteRule(request)
        case "PutTargets": return try putTargets(request)
        case "ListTargetsByRule": return try listTargets(request)
        case "RemoveTargets": return try removeTargets(request)
        case "CreateEventBus": return try createBus(request)
        case "DeleteEventBus": return try deleteBus(request)
        case "ListEventBuses": return try listBuses()
        default: throw ServiceError(.unknownOperation, "Operation \(operation.prefix(64)) is not known here.")
        }
    }

    // MARK: - events

    private func putEvents(_ request: JSONNode, _ faults: Faults?) throws(ServiceError) -> JSONText {
        let nodes = request["Entries"]?.elements ?? []
        let failing = nodes.map { _ in faults.map { self.faults.happens($0.partialFailure) } ?? false }
        let kept = zip(nodes, failing).filter { !$0.1 }.map { EventsService.entry($0.0) }
        // An empty call is the model's to refuse; one whose entries all fail on demand is not empty.
        var results = kept.isEmpty && !nodes.isEmpty ? [] : try put(kept)[...]
        var failures = 0
        var entries = JSONText()
        entries.array(failing) { text, fails in
            let result = fails ? .failed(code: "InternalFailure", message: "A fault on demand.") : results.popFirst()
            text.object { text in
                switch result {
                case .event(let id): text.member("EventId", id)
                case .failed(let code, let message):
                    failures += 1
                    text.member("ErrorCode", code)
                    text.member("ErrorMessage", message)
                case nil: break
                }
            }
        }
        var text = JSONText()
        text.object { text in
            text.member("FailedEntryCount", failures)
            text.key("Entries")
            text.raw(entries.bytes[...])
        }
        return text
    }

    private static func entry(_ node: JSONNode) -> BusModel.Entry {
        BusModel.Entry(
            bus: node["EventBusName"]?.string, source: node["Source"]?.string, detailType: node["DetailType"]?.string,
            detail: node["Detail"]?.string,
            time: (node["Time"]?.double).map { Instant(unixMilliseconds: Int64(max(0, min($0, 1e11)) * 1000)) },
            resources: node["Resources"]?.elements.compactMap(\.string) ?? [])
    }

    private func testPattern(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let pattern = try EventPattern(try EventsService.text("EventPattern", in: request))
        let result = try pattern.matches(event: try EventsService.text("Event", in: request))
        var text = JSONText()
        text.object { text in
            text.key("Result")
            text.flag(result)
        }
        return text
    }

    // MARK: - rules

    private func putRule(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let (name, bus) = try EventsService.ruleName("Name", in: request)
        guard let pattern = request["EventPattern"]?.string else {
            throw ServiceError(.validation, "Parameter EventPattern is required: schedules are not kept here.")
        }
        let rule = BusModel.Rule(
            pattern: try EventPattern(pattern), description: request["Description"]?.string,
            isEnabled: request["State"]?.string != "DISABLED")
        try change { model throws(ServiceError) in try model.putRule(name, on: bus, rule) }
        var text = JSONText()
        text.object { $0.member("RuleArn", queues.place.ruleARN(name, on: bus)) }
        return text
    }

    private func describeRule(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let (name, bus) = try EventsService.ruleName("Name", in: request)
        let rule = try change { model throws(ServiceError) in try model.rule(name, on: bus) }
        var text = JSONText()
        text.object { write(name, rule, on: bus, to: &$0) }
        return text
    }

    private func listRules(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let bus = BusModel.busName(request["EventBusName"]?.string)
        let prefix = request["NamePrefix"]?.string ?? ""
        let rules = try change { model throws(ServiceError) in try model.rules(on: bus) }
        var text = JSONText()
        text.object { text in
            text.key("Rules")
            text.array(rules.sorted { $0.key < $1.key }.filter { $0.key.hasPrefix(prefix) }) { text, rule in
                text.object { write(rule.key, rule.value, on: bus, to: &$0) }
            }
        }
        return text
    }

    private func write(_ name: String, _ rule: BusModel.Rule, on bus: String, to text: inout JSONText) {
        text.member("Name", name)
        text.member("Arn", queues.place.ruleARN(name, on: bus))
        text.member("EventPattern", rule.pattern.text)
        text.member("State", rule.isEnabled ? "ENABLED" : "DISABLED")
        if let description = rule.description { text.member("Description", description) }
        text.member("EventBusName", bus)
    }

    private func deleteRule(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let (name, bus) = try EventsService.ruleName("Name", in: request)
        try change { model throws(ServiceError) in try model.deleteRule(name, on: bus) }
        return .emptyObject
    }

    // MARK: - targets

    private func putTargets(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let (name, bus) = try EventsService.ruleName("Rule", in: request)
        var targets: [BusModel.Target] = []
        for node in request["Targets"]?.elements ?? [] {
            for unknown in ["Input", "InputPath", "InputTransformer"] where node[unknown] != nil {
                throw ServiceError(.validation, "Parameter \(unknown) is not supported here: targets get the envelope.")
            }
            targets.append(
                BusModel.Target(
                    id: try EventsService.text("Id", in: node), arn: try EventsService.text("Arn", in: node),
                    group: node["SqsParameters"]?["MessageGroupId"]?.string))
        }
        guard !targets.isEmpty else { throw ServiceError(.validation, "Parameter Targets is required.") }
        try change { [targets] model throws(ServiceError) in try model.putTargets(targets, of: name, on: bus) }
        return EventsService.noFailedEntries
    }

    private func listTargets(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let (name, bus) = try EventsService.ruleName("Rule", in: request)
        let targets = try change { model throws(ServiceError) in try model.rule(name, on: bus) }.targets
        var text = JSONText()
        text.object { text in
            text.key("Targets")
            text.array(targets) { text, target in
                text.object { text in
                    text.member("Id", target.id)
                    text.member("Arn", target.arn)
                    guard let group = target.group else { return }
                    text.key("SqsParameters")
                    text.object { $0.member("MessageGroupId", group) }
                }
            }
        }
        return text
    }

    private func removeTargets(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let (name, bus) = try EventsService.ruleName("Rule", in: request)
        let ids = request["Ids"]?.elements.compactMap(\.string) ?? []
        try change { model throws(ServiceError) in try model.removeTargets(ids, of: name, on: bus) }
        return EventsService.noFailedEntries
    }

    // MARK: - buses

    private func createBus(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let name = try EventsService.text("Name", in: request)
        try change { model throws(ServiceError) in try model.createBus(name) }
        var text = JSONText()
        text.object { $0.member("EventBusArn", queues.place.busARN(name)) }
        return text
    }

    private func deleteBus(_ request: JSONNode) throws(ServiceError) -> JSONText {
        let name = try EventsService.text("Name", in: request)
        try change { model throws(ServiceError) in try model.deleteBus(name) }
        return .emptyObject
    }

    private func listBuses() throws(ServiceError) -> JSONText {
        let names = try change { model throws(ServiceError) in model.buses.keys.sorted() }
        var text = JSONText()
        text.object { text in
            text.key("EventBuses")
            text.array(names) { text, name in
                text.object { text in
                    text.member("Name", name)
                    text.member("Arn", queues.place.busARN(name))
                }
            }
        }
        return text
    }

    // MARK: - what requests say

    private static func text(_ name: String, in request: JSONNode) throws(ServiceError) -> String {
        guard let text = request[name]?.string, !text.isEmpty else {
            throw ServiceError(.validation, "Parameter \(name) is required.")
        }
        return text
    }

    private static func ruleName(
        _ member: String, in request: JSONNode
    ) throws(ServiceError) -> (name: String, bus: String) {
        (try text(member, in: request), BusModel.busName(request["EventBusName"]?.string))
    }

    private static let noFailedEntries: JSONText = {
        var text = JSONText()
        text.object { text in
            text.member("FailedEntryCount", 0)
            text.key("FailedEntries")
            text.array([String]()) { $0.string($1) }
        }
        return text
    }()
}
