/// A whole answer, whatever its status.
public struct HTTPResponse: Sendable {
    public let status: Int
    public let headers: HTTPHeaders
    public let body: [UInt8]

    public init(status: Int, headers: HTTPHeaders, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The header lines of an answer, as they came: most are never looked at, so none is taken apart before.
public struct HTTPHeaders: Sendable {
    /// More than this refuses the answer.
    static let maximumBytes = 65_536

    private(set) var lines: [UInt8] = []

    public init(_ headers: [HTTPHeader] = []) {
        for header in headers { lines += "\(header.name): \(header.value)\r\n".utf8 }
    }

    /// - Returns: false when there are too many.
    mutating func append(line: UnsafeRawBufferPointer) -> Bool {
        guard lines.count + line.count <= HTTPHeaders.maximumBytes else { return false }
        lines.append(contentsOf: line)
        return true
    }

    mutating func removeAll(reserving bytes: Int) {
        lines.removeAll(keepingCapacity: true)
        lines.reserveCapacity(bytes)
    }

    /// Each of them, taken apart. What is no UTF-8, and lines without a colon, are left out.
    public var all: [HTTPHeader] {
        lines.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                let name = String(validating: line[..<colon], as: UTF8.self),
                let value = String(validating: trimmed(line[(colon + 1)...]), as: UTF8.self)
            else { return nil }
            return HTTPHeader(name, value)
        }
    }

    /// The first value under this name, in whatever case (RFC 9110, section 5.1).
    public subscript(name: String) -> String? {
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                line[..<colon].elementsEqual(name.utf8, by: { lowercased($0) == lowercased($1) })
            else { continue }
            return String(decoding: trimmed(line[(colon + 1)...]), as: UTF8.self)
        }
        return nil
    }
}

private func lowercased(_ byte: UInt8) -> UInt8 {
    UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
}

private func trimmed(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let value = value.drop(while: isBlank)
    return value.prefix(value.count - value.reversed().prefix(while: isBlank).count)
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
