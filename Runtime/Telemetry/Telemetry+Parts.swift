// What the other parts of the sidecar tell: workers, handlers, key sets, the way out, the store, generations.
public import Events
public import Pipeline
import Synchronization

extension Telemetry {
    // MARK: - the sidecar

    public func started(version: String, at now: Instant) {
        registry.set(.build, [version], to: 1)
        registry.set(.started, to: Double(now.unixMilliseconds) / 1000)
        log(.info, "started", [Attribute(name: "version", value: version)], at: now)
    }

    // MARK: - workers

    public func workerStarted(_ handler: HandlerID, process: Int, at now: Instant) {
        registry.add(.workerStarts, [handler.text])
        registry.add(.workers, [handler.text], 1)
        var line = LogLine(.info, "worker started").with("pid", String(process))
        line.handler = handler
        write(at: now, .info, from: .handler(handler), line)
    }

    /// - Parameter failure: why it ended; `nil` when it was told to.
    public func workerEnded(_ handler: HandlerID, process: Int, _ failure: Failure?, at now: Instant) {
        registry.add(.workers, [handler.text], -1)
        var line: LogLine
        if let failure {
            registry.add(.workerRestarts, [handler.text, failure.code.rawValue])
            line = Self.line(failure)
            line.level = .warning
        } else {
            line = LogLine(.info, "worker ended")
        }
        line.handler = handler
        line = line.with("pid", String(process))
        write(at: now, line.level, from: failure.map { .code($0.code) } ?? .handler(handler), line)
    }

    public func workerMemory(_ handler: HandlerID, index: Int, bytes: Int) {
        registry.set(.workerMemory, [handler.text, String(index)], to: Double(bytes))
    }

    /// It uses more than it should, and another is started beside it.
    public func workerOutgrew(_ handler: HandlerID, memory: Int, soft: Int, at now: Instant) {
        var line = LogLine(.warning, "worker uses more than memory-soft and will be replaced")
            .with("bytes", String(memory)).with("memory_soft", String(soft))
        line.handler = handler
        write(at: now, .warning, from: .handler(handler), line)
    }

    /// Another took its place, between events.
    public func workerReplaced(_ handler: HandlerID, process: Int, at now: Instant) {
        registry.add(.workerReplacements, [handler.text])
        var line = LogLine(.info, "worker replaced").with("pid", String(process))
        line.handler = handler
        write(at: now, .info, from: .handler(handler), line)
    }

    /// What of the sandbox is in force: part by part, such as landlock, seccomp, limits.
    /// - Parameter isWhole: all that keeps a handler from the sidecar is.
    public func sandbox(_ handler: HandlerID, inForce parts: [String: Bool], isWhole: Bool, at now: Instant) {
        for (part, isInForce) in parts { registry.set(.sandbox, [handler.text, part], to: isInForce ? 1 : 0) }
        var line = LogLine(isWhole ? .info : .warning, isWhole ? "sandbox in force" : "sandbox is not whole")
        line.handler = handler
        line.fields = parts.sorted { $0.key < $1.key }.map { Attribute(name: $0.key, value: $0.value ? "yes" : "no") }
        write(at: now, line.level, from: .handler(handler), line)
    }

    /// Where the handler runs.
    public func isolation(_ handler: HandlerID, isInline: Bool, at now: Instant) {
        registry.set(.isolation, [handler.text, "worker"], to: isInline ? 0 : 1)
        registry.set(.isolation, [handler.text, "inline"], to: isInline ? 1 : 0)
        guard isInline else { return }
        var line = LogLine(.warning, "handler runs inline: no sandbox, no limits, and its crash is the sidecar's")
        line.handler = handler
        write(at: now, .warning, from: .handler(handler), line)
    }

    /// Instances of an inline handler that do not return.
    public func stuck(_ handler: HandlerID, count: Int) { registry.set(.stuck, [handler.text], to: Double(count)) }

    // MARK: - handlers

    /// A handler's own line. Its texts are cut; what they say is the handler's business.
    public func handlerLog(
        _ handler: HandlerID, _ level: LogLevel, _ message: String, _ fields: [Attribute] = [], eventID: String = "",
        traceParent: String = "", at now: Instant
    ) {
        func line() -> LogLine {
            var line = LogLine(level, message, fields: fields)
            line.stage = .handle
            line.handler = handler
            line.eventID = eventID
            line.traceParent = traceParent
            return line
        }
        write(at: now, level, from: .handler(handler), line())
    }

    /// Adds to `handler_<id>_<name>`. Beyond the limits of one handler a sample is dropped and counted.
    public func handlerCount(_ handler: HandlerID, _ name: String, _ labels: [Attribute], add amount: UInt64) {
        if !registry.add(.init(handler: handler, name: name), labels, amount) { handlerDropped(handler, samples: 1) }
    }

    /// Adds samples that were folded in the worker.
    /// - Parameter counts: one for each of ``Metric/handlerBounds``, and one for what lies above.
    public func handlerObserve(
        _ handler: HandlerID, _ name: String, _ labels: [Attribute], counts: [UInt64], sum: Double
    ) {
        if !registry.merge(.init(handler: handler, name: name), labels, counts: counts, sum: sum) {
            handlerDropped(handler, samples: 1)
        }
    }

    /// What the worker itself left out.
    public func handlerDropped(_ handler: HandlerID, samples: Int = 0, lines: Int = 0) {
        if samples > 0 { registry.add(.handlerDropped, [handler.text, "sample"], Double(samples)) }
        if lines > 0 { registry.add(.handlerDropped, [handler.text, "line"], Double(lines)) }
    }

    /// The handler is in no generation any more: its gauges and its own metrics go.
    public func handlerRemoved(_ handler: HandlerID) { registry.forget(handler) }

    // MARK: - key sets

    public func keySetFetched(_ name: String, keys: Int, added: Int, retired: Int, at now: Instant) {
        state.withLock { $0.keySetsFetched[name] = now }
        registry.set(.keySetKeys, [name], to: Double(keys))
        let hasChanged = added > 0 || retired > 0
        let fields = [
            ("key_set", name), ("keys", String(keys)), ("added", String(added)), ("retired", String(retired)),
        ]
        log(hasChanged ? .info : .debug, "key set fetched", fields.map { Attribute(name: $0.0, value: $0.1) }, at: now)
    }

    public func keySetFailed(_ name: String, _ failure: Failure, at now: Instant) {
        registry.add(.keySetFailures, [name, failure.code.rawValue])
        var line = Self.line(failure).with("key_set", name)
        line.level = .warning
        write(at: now, .warning, from: .code(failure.code), line)
    }

    public func unknownKey(_ keySet: String) { registry.add(.unknownKeys, [keySet]) }

    public func secondVariant(_ keySet: String, keyID: String, variant: String, at now: Instant) {
        registry.add(.secondVariants, [keySet])
        let line = LogLine(.warning, "a second variant verified under one key").with("key_set", keySet)
            .with("kid", keyID).with("variant", variant)
        write(at: now, .warning, from: .code(.verifyProfile), line)
    }

    /// The key set is in no generation any more.
    public func keySetRemoved(_ name: String) {
        state.withLock { $0.keySetsFetched[name] = nil }
        registry.remove([.keySetAge, .keySetKeys], first: name)
    }

    // MARK: - the way out and the store

    public func outbox(_ depth: OutboxDepth) {
        state.withLock { $0.outboxOldest = depth.oldest }
        registry.set(.outboxRows, to: Double(depth.rows))
        registry.set(.outboxBytes, to: Double(depth.bytes))
    }

    /// - Parameter calls: how many callers one transaction served.
    public func storeCommitted(calls: Int, took: Duration) { registry.observe(.storeCommits, [], took) }

    public func storeFailed(_ failure: Failure, at now: Instant) {
        registry.add(.storeFailures, [failure.code.rawValue])
        report(failure, at: now)
    }

    /// One round trip to a shared store, with what went in it.
    public func storeExchanged(requests: Int) {
        registry.add(.storeExchanges, [])
        registry.add(.storeRequests, [], Double(requests))
    }

    public func storeRepeated(_ why: StoreEvent.Repeat) { registry.add(.storeRepeats, [why.rawValue]) }
    public func storeConnected() { registry.add(.storeConnections, []) }
    public func storeAway(_ isAway: Bool) { registry.set(.storeAway, to: isAway ? 1 : 0) }

    /// - Parameter journalRows: `nil` where the store does not count them.
    public func storeSize(bytes: Int, journalRows: Int?) {
        registry.set(.storeBytes, to: Double(bytes))
        if let journalRows { registry.set(.journalRows, to: Double(journalRows)) }
    }

    // MARK: - the journal

    public func journalSealed(_ head: HeadStatement, isSigned: Bool) {
        registry.set(.journalHead, to: Double(head.number))
        registry.set(.journalFirst, to: Double(head.first))
        registry.add(.journalHeads, [isSigned ? "yes" : "no"])
    }

    /// Where the journal stands, for whoever keeps the log: `outrigger journal verify --expect NUMBER:HASH`.
    public func journalHead(_ head: HeadStatement, isSigned: Bool, at now: Instant) {
        let fields = [
            ("head", "\(head.number):\(head.hash.hexadecimal)"), ("store", head.store), ("boot", String(head.boot)),
            ("first", String(head.first)), ("signed", isSigned ? "yes" : "no"),
        ]
        log(.info, "journal sealed", fields.map { Attribute(name: $0.0, value: $0.1) }, at: now)
    }

    public func parkedGroups(_ count: Int, of queue: QueueName) {
        registry.set(.parked, [queue.text], to: Double(count))
    }

    public func strayTimers(_ count: Int) { registry.set(.strayTimers, to: Double(count)) }
}

extension Telemetry: RelayObserver {
    public func note(_ event: RelayEvent, at now: Instant) {
        switch event {
        case .sent(let publication, let took):
            registry.add(.published, [publication.draft.source])
            registry.observe(.publishSeconds, [], took)
            write(at: now, .debug, from: .path, Self.line(LogLine(.debug, "published"), publication))
        case .failed(let publication, let failure):
            registry.add(.publishFailures, [failure.code.rawValue])
            let line = Self.line(failure)
            write(
                at: now, line.level, from: .code(failure.code), publication.map { Self.line(line, $0) } ?? line)
        }
    }

    private static func line(_ line: LogLine, _ publication: Publication) -> LogLine {
        var line = line
        line.eventID = publication.id
        line.traceParent = publication.trace.parent
        return line.with("source", publication.draft.source).with("parent", publication.parent)
    }
}
