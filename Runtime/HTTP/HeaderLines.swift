import CCurl
import Glibc

/// The header lines of one request after the other, as libcurl reads them (`curl_slist`), in memory that is used again.
struct HeaderLines: ~Copyable {
    /// Lines that keep libcurl from adding headers of its own.
    private static let noExpect: StaticString = "Expect:"
    private static let noContentType: StaticString = "Content-Type:"

    private var nodes = UnsafeMutableBufferPointer<curl_slist>.allocate(capacity: 16)
    private var text = UnsafeMutableBufferPointer<CChar>.allocate(capacity: 2_048)
    private var lineCount = 0
    private var byteCount = 0

    deinit {
        nodes.deallocate()
        text.deallocate()
    }

    /// - Returns: the list, which is valid until the next call.
    mutating func set(_ headers: [HTTPHeader]) throws(HTTPFailure) -> UnsafeMutablePointer<curl_slist>? {
        // Name, colon, blank, value, NUL; and the two lines above.
        let bytes = headers.reduce(32) { $0 + $1.name.utf8.count + $1.value.utf8.count + 3 }
        makeRoom(lines: headers.count + 2, bytes: bytes)
        add(HeaderLines.noExpect)
        var hasContentType = false
        for header in headers {
            guard add(header) else {
                throw HTTPFailure(.protocolError, "a header has characters that no header may have")
            }
            hasContentType = hasContentType || header.isNamed("content-type")
        }
        if !hasContentType { add(HeaderLines.noContentType) }
        return nodes.baseAddress
    }

    private mutating func makeRoom(lines: Int, bytes: Int) {
        lineCount = 0
        byteCount = 0
        if lines > nodes.count {
            nodes.deallocate()
            nodes = .allocate(capacity: lines)
        }
        if bytes > text.count {
            text.deallocate()
            text = .allocate(capacity: bytes)
        }
    }

    private mutating func add(_ line: StaticString) {
        beginLine()
        line.withUTF8Buffer { append($0) }
        endLine()
    }

    /// - Returns: false if it has characters that no header may have.
    private mutating func add(_ header: HTTPHeader) -> Bool {
        guard isToken(header.name) else { return false }
        beginLine()
        var part = header.name
        part.withUTF8 { append($0) }
        // libcurl's way of writing a header without a value is a semicolon.
        append(byte: header.value.isEmpty ? UInt8(ascii: ";") : UInt8(ascii: ":"))
        if !header.value.isEmpty { append(byte: UInt8(ascii: " ")) }
        part = header.value
        let isGood = part.withUTF8 { value in
            append(value)
            // RFC 9110, section 5.5.
            return value.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
        }
        endLine()
        return isGood
    }

    private mutating func beginLine() {
        let start = text.baseAddress.map { $0 + byteCount }
        nodes.initializeElement(at: lineCount, to: curl_slist(data: start, next: nil))
        if lineCount > 0 { nodes[lineCount - 1].next = nodes.baseAddress.map { $0 + lineCount } }
        lineCount += 1
    }

    private mutating func endLine() { append(byte: 0) }

    private mutating func append(byte: UInt8) {
        text[byteCount] = CChar(bitPattern: byte)
        byteCount += 1
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let from = bytes.baseAddress, let to = text.baseAddress else { return }
        memcpy(to + byteCount, from, bytes.count)
        byteCount += bytes.count
    }
}

extension HTTPHeader {
    fileprivate func isNamed(_ lowercase: StaticString) -> Bool {
        name.utf8.count == lowercase.utf8CodeUnitCount
            && lowercase.withUTF8Buffer { name.utf8.elementsEqual($0, by: { $0 | 0x20 == $1 }) }
    }
}

/// Whether RFC 9110, section 5.6.2, allows it as the name of a header or a method.
func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "."), UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
