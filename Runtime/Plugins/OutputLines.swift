/// So many lines a second; the rest is counted and told.
struct LineGate {
    private let linesPerSecond: Int
    private var second: Int64 = 0
    private var used = 0
    private(set) var dropped = 0

    init(linesPerSecond: Int) { self.linesPerSecond = linesPerSecond }

    mutating func admits(at now: Int64) -> Bool {
        if now / 1000 != second {
            second = now / 1000
            used = 0
        }
        used += 1
        if used > linesPerSecond { dropped += 1 }
        return used <= linesPerSecond
    }

    /// The count since the last time it was asked, and from now on zero.
    mutating func takeDropped() -> Int {
        defer { dropped = 0 }
        return dropped
    }
}

/// Cuts what a process prints into lines. A line without end is cut, so memory is bounded.
struct OutputLines {
    static let bytesAtMost = 4_096
    private var rest: [UInt8] = []

    mutating func lines(of bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || rest.count == Self.bytesAtMost { lines.append(contentsOf: flush()) }
            if byte != UInt8(ascii: "\n") { rest.append(byte) }
        }
        return lines
    }

    /// What was printed without an end of line.
    mutating func flush() -> [String] {
        defer { rest.removeAll(keepingCapacity: true) }
        return rest.isEmpty ? [] : [String(decoding: rest, as: UTF8.self).printable]
    }
}
