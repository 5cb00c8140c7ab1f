import Events
import WorkerProtocol

/// What a worker says to the host, decoded and within its limits.
enum WorkerMessage {
    case hello(SandboxReport, PluginDescription)
    case refused(Failure)
    case created(Creation)
    case answer(Answer)
    case line(HandlerLine.Level, String, [Attribute])
    case samples([HandlerSample], droppedSamples: Int, droppedLines: Int)
    case stateGet([Bytes])
    case call(CallRequest)
    case denied(source: String, detailType: String)

    enum Creation: Equatable { case done, invalid(Reason), notReady(Reason) }
}

/// A handler's result for one event, before anything is made of it. Code and detail of a reason may be empty.
enum Answer: Sendable {
    /// Drafts are not canonical yet.
    case done(Effects)
    indirect case retry(after: Duration?, Reason)
    indirect case wait(after: Duration?, Reason)
    indirect case reject(Reason)
}

extension WorkerMessage {
    init(_ frame: borrowing Frame) throws(BadFrame) {
        var reader = frame.reader
        switch frame.type {
        case WP_HELLO: self = try Self.hello(&reader)
        case WP_REFUSED: self = try Self.refused(&reader)
        case WP_CREATED: self = try Self.created(&reader)
        case WP_ANSWER: self = .answer(try Answer(&reader))
        case WP_LOG: self = try Self.line(&reader)
        case WP_METRICS: self = try Self.samples(&reader)
        case WP_STATE_GET:
            let keys = try reader.list(atMost: Limits.stateReadsPerEvent) { reader throws(BadFrame) in
                try reader.stateKey()
            }
            self = .stateGet(keys)
        case WP_CALL: self = .call(try CallRequest(&reader))
        case WP_DENIED:
            let source = try reader.text(atMost: Limits.identifierBytes)
            self = .denied(source: source, detailType: try reader.text(atMost: Limits.identifierBytes))
        default: throw BadFrame("frame type \(frame.type)")
        }
        try reader.end()
    }

    private static func hello(_ reader: inout FrameReader) throws(BadFrame) -> WorkerMessage {
        _ = try reader.u32()
        let bits = Int32(truncatingIfNeeded: try reader.u32())
        let sandbox = SandboxReport(bits: bits, landlock: Int(try reader.u32()))
        let minor = Int(try reader.u32())
        let name = try reader.text(atMost: 128)
        let version = try reader.text(atMost: 128)
        let builtWith = try reader.text(atMost: 128)
        let handlers = try reader.list(atMost: Limits.handlersPerPlugin) { reader throws(BadFrame) in
            try PluginDescription.Handler(&reader)
        }
        let plugin = PluginDescription(
            name: name, version: version, builtWith: builtWith, minorVersion: minor, handlers: handlers)
        return .hello(sandbox, plugin)
    }

    private static func refused(_ reader: inout FrameReader) throws(BadFrame) -> WorkerMessage {
        let code: FailureCode =
            switch Int32(try reader.u8()) {
            case WP_REFUSED_LOAD: .pluginNotLoadable
            case WP_REFUSED_NO_ENTRY: .pluginNoEntry
            case WP_REFUSED_MISMATCH: .pluginMismatch
            case WP_REFUSED_SANDBOX: .pluginSandbox
            case let other: throw BadFrame("refusal \(other)")
            }
        return .refused(Failure(code, "", try reader.text(atMost: 2_048, isIdentifier: false).printable))
    }

    private static func created(_ reader: inout FrameReader) throws(BadFrame) -> WorkerMessage {
        let status = Int32(try reader.u8())
        let reason = try reader.reason()
        switch status {
        case WP_CREATE_OK: return .created(.done)
        case WP_CREATE_INVALID: return .created(.invalid(reason))
        case WP_CREATE_NOT_READY: return .created(.notReady(reason))
        default: throw BadFrame("create status \(status)")
        }
    }

    private static func line(_ reader: inout FrameReader) throws(BadFrame) -> WorkerMessage {
        guard let level = HandlerLine.Level(rawValue: try reader.u8()) else { throw BadFrame("log level") }
        let message = try reader.text(atMost: Int(WP_LOG_MESSAGE_BYTES), isIdentifier: false)
        let fields = try reader.list(atMost: Int(WP_LOG_FIELDS)) { reader throws(BadFrame) in
            try reader.attribute(isIdentifier: false)
        }
        return .line(level, message, fields)
    }

    private static func samples(_ reader: inout FrameReader) throws(BadFrame) -> WorkerMessage {
        let samples = Int(try reader.u32())
        let lines = Int(try reader.u32())
        let list = try reader.list(atMost: Limits.seriesPerHandler) { reader throws(BadFrame) in
            try HandlerSample(&reader)
        }
        return .samples(list, droppedSamples: samples, droppedLines: lines)
    }
}

extension PluginDescription.Handler {
    fileprivate init(_ reader: inout FrameReader) throws(BadFrame) {
        let name = try reader.text(atMost: 48)
        let isID = name.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
        guard isID, !name.isEmpty else { throw BadFrame("handler id") }
        id = HandlerID(name)
        summary = try reader.text(atMost: 256)
        let isConcurrent = try reader.u8() == 1
        let asked = Int(try reader.u32())
        threads = isConcurrent ? min(asked == 0 ? 4 : asked, Int(WP_LANES)) : 1
        maximumBatch = min(max(Int(try reader.u32()), 1), Int(WP_BATCH_EVENTS))
        configurationSchema = try reader.text(atMost: Limits.configSchemaBytes, isIdentifier: false)
        routes = try reader.list(atMost: Limits.routesPerHandler) { reader throws(BadFrame) in
            let source = try reader.text(atMost: Limits.identifierBytes)
            let detailType = try reader.text(atMost: Limits.identifierBytes)
            return RoutePattern(source: source, detailType: detailType)
        }
        services = try reader.list(atMost: Int(WP_SERVICES)) { reader throws(BadFrame) in try reader.text(atMost: 64) }
        let keys: (inout FrameReader) throws(BadFrame) -> String = { reader throws(BadFrame) in
            try reader.text(atMost: Limits.stateKeyBytes)
        }
        businessKey = try reader.list(atMost: Int(WP_TEMPLATES), keys)
        stateKeys = try reader.list(atMost: Int(WP_TEMPLATES), keys)
    }
}

extension HandlerSample {
    fileprivate init(_ reader: inout FrameReader) throws(BadFrame) {
        let kind = Int32(try reader.u8())
        name = try reader.metricName()
        let labels = try reader.list(atMost: Int(WP_METRIC_LABELS)) { reader throws(BadFrame) in
            let name = try reader.metricName()
            return Attribute(name: name, value: try reader.text(atMost: Int(WP_METRIC_VALUE_BYTES)))
        }
        self.labels = labels.sorted { $0.name < $1.name }
        guard Set(labels.map(\.name)).count == labels.count else { throw BadFrame("a metric label twice") }
        let count = try reader.u64()
        switch kind {
        case WP_METRIC_COUNT: value = .count(count)
        case WP_METRIC_HISTOGRAM:
            let sum = Double(bitPattern: try reader.u64())
            guard sum.isFinite else { throw BadFrame("metric sum") }
            var buckets: [UInt64] = []
            for _ in 0..<WP_METRIC_BUCKETS { buckets.append(try reader.u64()) }
            value = .histogram(count: count, sum: sum, buckets: buckets)
        default: throw BadFrame("metric kind \(kind)")
        }
    }
}

extension Answer {
    private enum Verdict: UInt8 { case retry, done, reject, wait }

    fileprivate init(_ reader: inout FrameReader) throws(BadFrame) {
        guard let verdict = Verdict(rawValue: try reader.u8()) else { throw BadFrame("outcome") }
        let milliseconds = try reader.u64()
        let longest = UInt64(Duration.days(14).milliseconds)
        let after: Duration? = milliseconds == 0 ? nil : .milliseconds(Int64(min(milliseconds, longest)))
        let reason = try reader.reason()
        switch verdict {
        case .done: self = .done(try Effects(&reader))
        case .retry: self = .retry(after: after, reason)
        case .wait: self = .wait(after: after, reason)
        case .reject: self = .reject(reason)
        }
    }
}

extension Effects {
    /// What is written, published and set, as the limit of one event counts it.
    var bytes: Int {
        writes.reduce(0) { $0 + $1.key.count + ($1.value?.count ?? 0) } + drafts.reduce(0) { $0 + $1.bytes }
            + timers.reduce(0) { $0 + $1.key.count + $1.detail.count }
    }

    fileprivate init(_ reader: inout FrameReader) throws(BadFrame) {
        if reader.takeFourEmptyLists() {
            self = .none
            return
        }
        let reads = try reader.list(atMost: Limits.stateReadsPerEvent) { reader throws(BadFrame) in
            let key = try reader.stateKey()
            return StateRead(key: key, version: try reader.u64())
        }
        let writes = try reader.list(atMost: Limits.stateWritesPerEvent) { reader throws(BadFrame) in
            try StateWrite(&reader)
        }
        let drafts = try reader.list(atMost: Limits.publishesPerEvent) { reader throws(BadFrame) in
            try Draft(&reader)
        }
        let timers = try reader.list(atMost: Limits.timersPerEvent) { reader throws(BadFrame) in
            let key = try reader.stateKey()
            let at = Instant(unixMilliseconds: Int64(bitPattern: try reader.u64()))
            guard at >= .distantPast else { throw BadFrame("timer before 1970") }
            return TimerChange(key: key, at: at, detail: try reader.bytes(atMost: Limits.stateValueBytes))
        }
        self.init(reads: reads, writes: writes, drafts: drafts, timers: timers)
        guard Self.areDistinct(reads, \.key), Self.areDistinct(writes, \.key), Self.areDistinct(timers, \.key)
        else { throw BadFrame("a key twice") }
    }

    private static func areDistinct<Entry>(_ entries: [Entry], _ key: (Entry) -> Bytes) -> Bool {
        entries.count < 2 || Set(entries.map(key)).count == entries.count
    }
}

extension StateWrite {
    fileprivate init(_ reader: inout FrameReader) throws(BadFrame) {
        let key = try reader.stateKey()
        let isErased = try reader.u8() == 1
        let value = try reader.bytes(atMost: Limits.stateValueBytes)
        let expected = try reader.u64()
        let life = try reader.u64()
        self.init(
            key: key, value: isErased ? nil : value, expected: expected == UInt64.max ? nil : expected,
            timeToLive: life == 0 ? nil : .milliseconds(Int64(min(life, UInt64(Duration.days(36_500).milliseconds)))))
    }
}

extension Draft {
    fileprivate var bytes: Int {
        let texts = [source, detailType, resource, correlationID] + attributes.flatMap { [$0.name, $0.value] }
        return texts.reduce(detail.count) { $0 + $1.utf8.count }
    }

    fileprivate init(_ reader: inout FrameReader) throws(BadFrame) {
        let source = try reader.text(atMost: Limits.identifierBytes)
        let detailType = try reader.text(atMost: Limits.identifierBytes)
        let resource = try reader.text(atMost: Limits.identifierBytes)
        let correlation = try reader.text(atMost: Limits.identifierBytes)
        let detail = try reader.bytes(atMost: Int(WP_DRAFT_BYTES))
        let attributes = try reader.list(atMost: Int(WP_ATTRIBUTES)) { reader throws(BadFrame) in
            try reader.attribute(isIdentifier: true)
        }
        self.init(
            source: source, detailType: detailType, resource: resource, correlationID: correlation, detail: detail,
            attributes: attributes)
    }
}

extension FrameReader {
    fileprivate mutating func stateKey() throws(BadFrame) -> Bytes {
        let key = try bytes(atMost: Limits.stateKeyBytes)
        guard !key.isEmpty else { throw BadFrame("an empty key") }
        return key
    }

    fileprivate mutating func attribute(isIdentifier: Bool) throws(BadFrame) -> Attribute {
        let name = try text(atMost: Int(WP_LOG_KEY_BYTES), isIdentifier: isIdentifier)
        return Attribute(name: name, value: try text(atMost: Int(WP_LOG_VALUE_BYTES), isIdentifier: isIdentifier))
    }

    fileprivate mutating func metricName() throws(BadFrame) -> String {
        let name = try text(atMost: Int(WP_METRIC_NAME_BYTES))
        let isName = name.utf8.enumerated().allSatisfy { index, byte in
            (0x61...0x7a).contains(byte) || byte == 0x5f || (index > 0 && (0x30...0x39).contains(byte))
        }
        guard isName, !name.isEmpty else { throw BadFrame("metric name") }
        return name
    }

    /// Handlers fill these arrays as they like: what is not allowed in a code becomes `-`.
    fileprivate mutating func reason() throws(BadFrame) -> Reason {
        let given = try bytes(atMost: 64)
        let detail = try bytes(atMost: 256)
        if given.isEmpty, detail.isEmpty { return Reason(code: "", detail: "") }
        let code = given.map { byte in
            switch byte {
            case 0x61...0x7a, 0x30...0x39, 0x2e, 0x2d: byte
            case 0x41...0x5a: byte + 0x20
            default: UInt8(ascii: "-")
            }
        }
        return Reason(code: String(decoding: code, as: UTF8.self), detail: detail.text.printable)
    }
}

extension String {
    /// Control characters as spaces: one line stays one line.
    var printable: String {
        guard utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return self }
        return String(decoding: utf8.map { $0 < 0x20 || $0 == 0x7f ? 0x20 : $0 }, as: UTF8.self)
    }
}
