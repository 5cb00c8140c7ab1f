// One log line: a JSON object, bounded, with nothing in it that could break out of its line.
public import Events

public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    case trace, debug, info, warning, error

    public var name: String {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }
    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// What a line says. Members that are `nil` are left out. None of them may hold payload or secrets.
public struct LogLine: Sendable {
    public var level: LogLevel
    public var message: String
    public var stage: Stage?
    public var code: FailureCode?
    public var queue: QueueName?
    public var handler: HandlerID?
    public var eventID: String?
    public var messageID: MessageID?
    /// W3C traceparent; the line has its trace id.
    public var traceParent: String?
    public var attempt: Int?
    public var generation: Int?
    public var fields: [Attribute]

    public init(_ level: LogLevel, _ message: String, fields: [Attribute] = []) {
        self.level = level
        self.message = message
        self.fields = fields
    }

    /// A write of so much to a pipe is never mixed with another's (POSIX: PIPE_BUF; 4096 on Linux).
    static let bytesAtMost = 4_096
    /// Fields beyond them are left out.
    private static let fieldsAtMost = 32
    private static let messageBytes = 1_024
    private static let valueBytes = 256

    /// The line with its line feed, at most ``bytesAtMost`` bytes. What does not fit is cut, and the line says so.
    func rendered(at now: Instant) -> [UInt8] {
        var text = LogText()
        text.member("time", Timestamp.text(now), Self.valueBytes)
        text.member("level", level.name, Self.valueBytes)
        text.member("message", message, Self.messageBytes)
        if let stage = stage ?? code?.stage { text.member("stage", stage.rawValue, Self.valueBytes) }
        if let code { text.member("code", code.rawValue, Self.valueBytes) }
        if let queue { text.member("queue", queue.text, Self.valueBytes) }
        if let handler { text.member("handler", handler.text, Self.valueBytes) }
        if let eventID, !eventID.isEmpty { text.member("event_id", eventID, Self.valueBytes) }
        if let messageID { text.member("message_id", messageID.text, Self.valueBytes) }
        if let trace = traceParent.flatMap(Timestamp.traceID) { text.member("trace_id", trace, Self.valueBytes) }
        if let attempt { text.member("attempt", attempt) }
        if let generation { text.member("generation", generation) }
        text.members("fields", fields.prefix(Self.fieldsAtMost), Self.valueBytes, room: Self.bytesAtMost)
        if fields.count > Self.fieldsAtMost { text.isCut = true }
        return text.finished()
    }
}

/// Builds the object.
struct LogText {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]
    var isCut = false
    /// `,"cut":true}` and the line feed.
    private static let reserve = 16

    mutating func member(_ name: StaticString, _ value: String, _ most: Int) {
        key(name)
        isCut = Self.append(value, to: &bytes, most) || isCut
    }

    mutating func member(_ name: StaticString, _ value: Int) {
        key(name)
        bytes.append(contentsOf: String(value).utf8)
    }

    mutating func members(_ name: StaticString, _ fields: some Sequence<Attribute>, _ most: Int, room: Int) {
        var inner: [UInt8] = []
        for field in fields {
            var one: [UInt8] = inner.isEmpty ? [] : [UInt8(ascii: ",")]
            isCut = Self.append(field.name, to: &one, most) || isCut
            one.append(UInt8(ascii: ":"))
            isCut = Self.append(field.value, to: &one, most) || isCut
            if bytes.count + inner.count + one.count + name.utf8CodeUnitCount + Self.reserve > room {
                isCut = true
                break
            }
            inner += one
        }
        guard !inner.isEmpty else { return }
        key(name)
        bytes.append(UInt8(ascii: "{"))
        bytes += inner
        bytes.append(UInt8(ascii: "}"))
    }

    consuming func finished() -> [UInt8] {
        if isCut { bytes += Array(#","cut":true"#.utf8) }
        return bytes + [UInt8(ascii: "}"), UInt8(ascii: "\n")]
    }

    private mutating func key(_ name: StaticString) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    /// A JSON string of at most `most` bytes between its quotes; true if the text was cut. Control and format
    /// characters, those of terminals and of right-to-left tricks, are escaped.
    private static func append(_ text: String, to bytes: inout [UInt8], _ most: Int) -> Bool {
        bytes.append(UInt8(ascii: "\""))
        defer { bytes.append(UInt8(ascii: "\"")) }
        var room = most
        for scalar in text.unicodeScalars {
            let piece = escaped(scalar)
            room -= piece.count
            if room < 0 { return true }
            bytes += piece
        }
        return false
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> [UInt8] {
        switch scalar.value {
        case 0x22: return [0x5C, 0x22]
        case 0x5C: return [0x5C, 0x5C]
        case 0x0A: return Array("\\n".utf8)
        case 0x20..<0x7F: return [UInt8(scalar.value)]
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            return UTF16.encode(scalar)?.flatMap { unit in
                Array("\\u".utf8) + (0..<4).map { digits[Int(unit >> (12 - 4 * UInt16($0)) & 15)] }
            } ?? []
        default: return Array(String(scalar).utf8)
        }
    }

    private static let digits = Array("0123456789abcdef".utf8)
}

/// Times and trace ids as logs have them.
enum Timestamp {
    /// RFC 3339 with milliseconds, in UTC.
    static func text(_ instant: Instant) -> String {
        let milliseconds = instant.unixMilliseconds
        let days = milliseconds.quotient(86_400_000)
        let rest = milliseconds - days * 86_400_000
        let (year, month, day) = civil(days)
        let time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60].map { padded($0, 2) }.joined(
            separator: ":")
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(time).\(padded(rest % 1_000, 3))Z"
    }

    /// The date of a day since 1970-01-01, in the proleptic Gregorian calendar: 400 years have 146,097 days; years are
    /// counted from March, so that the leap day is the last.
    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = shifted.quotient(146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let year = yearOfEra + era * 400 + (month < 10 ? 0 : 1)
        return (year, month < 10 ? month + 3 : month - 9, dayOfYear - (153 * month + 2) / 5 + 1)
    }

    private static func padded(_ number: Int64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// The trace id of a W3C traceparent (Trace Context, 3.2.2), if it has a valid one.
    static func traceID(_ parent: String) -> String? {
        let parts = parent.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].utf8.count == 2, parts[1].utf8.count == 32, parts[2].utf8.count == 16 else {
            return nil
        }
        let isHexadecimal = parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        return isHexadecimal && parts[1].utf8.contains { $0 != 0x30 } ? String(parts[1]) : nil
    }
}

extension Int64 {
    /// Rounded towards negative infinity.
    fileprivate func quotient(_ divisor: Int64) -> Int64 {
        let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? quotient - 1 : quotient
    }
}
