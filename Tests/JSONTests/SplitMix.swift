import JSON

/// A small generator, so that a failing run can be had again.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

extension JSONValue {
    /// Any value, with keys and strings from all planes and doubles from all bits.
    static func random(depth: Int, using generator: inout SplitMix) -> JSONValue {
        switch Int.random(in: 0...(depth > 0 ? 7 : 5), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2:
            return .integer(
                Int64.random(in: .min ... .max, using: &generator) >> Int64.random(in: 0...63, using: &generator))
        case 3, 4:
            let value = Double(bitPattern: generator.next())
            return value.isFinite ? .double(value) : .double(0.5)
        case 5: return .string(text(using: &generator))
        case 6:
            return .array(
                (0..<Int.random(in: 0...5, using: &generator)).map { _ in random(depth: depth - 1, using: &generator) })
        default:
            var members: [JSONMember] = []
            for index in 0..<Int.random(in: 0...20, using: &generator) {
                members.append(
                    JSONMember(text(using: &generator) + "\(index)", random(depth: depth - 1, using: &generator)))
            }
            return .object(members)
        }
    }

    private static func text(using generator: inout SplitMix) -> String {
        var text = String.UnicodeScalarView()
        let planes: [UInt32] = [0x1F, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF]
        for _ in 0..<Int.random(in: 0...8, using: &generator) {
            let plane = planes[Int.random(in: 0..<planes.count, using: &generator)]
            if let scalar = Unicode.Scalar(UInt32.random(in: 0...plane, using: &generator)) { text.append(scalar) }
        }
        return String(text)
    }
}
