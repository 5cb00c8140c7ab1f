/// What a JSON number says, digit by digit: nothing is rounded on its way to an integer.

struct ExactNumber {
    /// The value, if it is a whole number of at most 20 digits.
    let whole: Int128?
    private let text: String
    private let isZero: Bool

    /// - Parameter text: as JSON writes a number (RFC 8259, section 6).
    init(_ text: String) {
        self.text = text
        let halves = text.utf8.split { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }
        let parts = (halves.first ?? Substring().utf8).split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let digits = parts.flatMap { $0.filter { (0x30...0x39).contains($0) } }
        let places = parts.count > 1 ? parts[1].count : 0
        isZero = digits.allSatisfy { $0 == 0x30 }
        let exponent = halves.count > 1 ? Int(String(Substring(halves[1]))) : 0
        whole = isZero ? 0 : exponent.flatMap { exponent in
            guard (-1_000...1_000).contains(exponent) else { return nil }
            return Self.whole(digits, shift: exponent - places, isNegative: text.utf8.first == UInt8(ascii: "-"))
        }
    }

    private static func whole(_ digits: [UInt8], shift: Int, isNegative: Bool) -> Int128? {
        var digits = digits
        for _ in 0..<max(-shift, 0) { guard digits.popLast() ?? 0x30 == 0x30 else { return nil } }
        digits = Array(digits.drop { $0 == 0x30 })
        guard digits.count + max(shift, 0) <= 20 else { return nil }
        digits += Array(repeating: 0x30, count: max(shift, 0))
        let value = digits.reduce(Int128(0)) { $0 * 10 + Int128($1 - 0x30) }
        return isNegative ? -value : value
    }

    /// The nearest double; `nil` beyond the range, below it, and for a whole number that no double is.
    var double: Double? { fitted(Double(text)) }
    var float: Float? { fitted(Float(text)) }

    private func fitted<Value: BinaryFloatingPoint>(_ value: Value?) -> Value? {
        guard let value, value.isFinite, isZero || value != 0 else { return nil }
        if let whole, Int128(exactly: value) != whole { return nil }
        return value
    }
}
