/// Exact decimals: what money and tokens are counted in.

/// A decimal with 18 places, exact, from -170141183460469231731.6 to 170141183460469231731.6.
///
/// Nothing is ever rounded: a text with more places is no amount, a sum beyond the range is a ``Rejection``.
public struct Amount: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// In units of 10^-18. Never `Int128.min`, so that every amount has its negative.
    private let units: Int128

    public static let places = 18
    public static let zero = Amount(units: 0)
    private static let one: Int128 = 1_000_000_000_000_000_000

    private init(units: Int128) { self.units = units }

    /// - Parameter text: a number as JSON writes it (RFC 8259, 6), at most 64 bytes: `-12.50`, `1e-7`.
    /// - Returns: `nil` for any other text, more than 18 places, or a value out of range.
    public init?(_ text: String) {
        guard text.utf8.count <= 64, case .number(let read) = try? JSON(parsing: text.utf8), read.text == text,
            let number = Amount.split(text)
        else { return nil }
        var digits = number.digits
        var shift = Amount.places + number.exponent
        while shift < 0 {
            guard digits.popLast() ?? 0 == 0 else { return nil }
            shift += 1
        }
        var units: Int128 = 0
        for digit in digits + Array(repeating: 0, count: min(shift, 40)) {
            let (tens, isTooLarge) = units.multipliedReportingOverflow(by: 10)
            let (sum, isTooLargeNow) = tens.addingReportingOverflow(Int128(digit))
            guard !isTooLarge, !isTooLargeNow else { return nil }
            units = sum
        }
        guard units == 0 || shift <= 40 else { return nil }
        self.units = number.isNegative ? -units : units
    }

    /// The digits of a well-formed number, without its point, and the power of ten of the last one.
    private static func split(_ text: String) -> (isNegative: Bool, digits: [UInt8], exponent: Int)? {
        let halves = text.utf8.split { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }
        guard let mantissa = halves.first else { return nil }
        let exponent = halves.count > 1 ? Int(String(halves[1]) ?? "") : 0
        guard let exponent, (-1_000...1_000).contains(exponent) else { return nil }
        let places = mantissa.split(separator: UInt8(ascii: ".")).dropFirst().first?.count ?? 0
        let digits = mantissa.filter { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return (mantissa.first == UInt8(ascii: "-"), digits.map { $0 - UInt8(ascii: "0") }, exponent - places)
    }

    /// Shortest decimal form: `12.5`, `-0.000001`, `3`.
    public var text: String {
        let (whole, rest) = units.magnitude.quotientAndRemainder(dividingBy: UInt128(Amount.one))
        var text = (units < 0 ? "-" : "") + String(whole)
        guard rest > 0 else { return text }
        var fraction = String(rest)
        fraction = String(repeating: "0", count: Amount.places - fraction.count) + fraction
        while fraction.last == "0" { fraction.removeLast() }
        text += "." + fraction
        return text
    }

    public var description: String { text }
    public var json: JSON { .string(text) }

    public static func < (a: Amount, b: Amount) -> Bool { a.units < b.units }

    public static func + (a: Amount, b: Amount) throws(Rejection) -> Amount {
        try checked(a.units.addingReportingOverflow(b.units))
    }

    public static func - (a: Amount, b: Amount) throws(Rejection) -> Amount {
        try checked(a.units.subtractingReportingOverflow(b.units))
    }

    private static func checked(_ result: (partialValue: Int128, overflow: Bool)) throws(Rejection) -> Amount {
        guard !result.overflow, result.partialValue != .min else {
            throw Rejection("amount.overflow", "a sum is out of the range of amounts")
        }
        return Amount(units: result.partialValue)
    }
}
