// Durations and sizes as operators write them: a whole number and one unit.
import Events

enum Quantity {
    private static let timeUnits: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]
    private static let sizeUnits: [(name: String, bytes: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]
    /// Six digits of any unit fit into 64 bits of milliseconds or bytes.
    private static let digitsAtMost = 6

    static let durationPattern = "^[0-9]{1,6}(ms|s|m|h|d)$"
    static let sizePattern = "^[0-9]{1,6}(B|KiB|MiB|GiB|TiB)$"

    static func duration(_ text: String) -> Duration? {
        guard let (count, unit) = split(text), let scale = timeUnits.first(where: { $0.name == unit }) else {
            return nil
        }
        return .milliseconds(Int64(count) * scale.milliseconds)
    }

    static func size(_ text: String) -> Int? {
        guard let (count, unit) = split(text), let scale = sizeUnits.first(where: { $0.name == unit }) else {
            return nil
        }
        return count * scale.bytes
    }

    private static func split(_ text: String) -> (Int, String)? {
        let digits = text.utf8.prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard (1...digitsAtMost).contains(digits.count), let count = Int(Substring(digits)) else { return nil }
        return (count, String(text.dropFirst(digits.count)))
    }

    /// In the largest unit that says it exactly; up to two days are hours, as in "25h".
    static func show(_ duration: Duration) -> String {
        let milliseconds = duration.milliseconds
        if milliseconds == 0 { return "0s" }
        let unit = timeUnits.first { unit in
            milliseconds % unit.milliseconds == 0 && (unit.name != "d" || milliseconds >= 2 * unit.milliseconds)
        }
        guard let unit else { return "\(milliseconds)ms" }
        return "\(milliseconds / unit.milliseconds)\(unit.name)"
    }

    static func show(bytes: Int) -> String {
        guard bytes != 0, let unit = sizeUnits.first(where: { bytes % $0.bytes == 0 }) else { return "\(bytes)B" }
        return "\(bytes / unit.bytes)\(unit.name)"
    }
}
