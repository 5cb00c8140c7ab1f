/// How far names are apart: letters to be changed, added, left out, or exchanged with their neighbour.

enum NameDistance {
    /// True if the names are at most `edits` apart, with their words in any order or parted elsewhere, and not equal.
    static func isNear(_ a: NormalisedName, _ b: NormalisedName, edits: Int) -> Bool {
        guard a != b, abs(a.letters.count - b.letters.count) <= edits else { return false }
        if within(edits, a.letters, b.letters) != nil { return true }
        guard a.words.count == b.words.count else { return false }
        return pairs(a.words.map { Array($0.unicodeScalars) }[...], b.words.map { Array($0.unicodeScalars) }, edits)
    }

    /// True if each word of `a` has a partner in `b`, at `edits` altogether.
    private static func pairs(_ a: ArraySlice<[Unicode.Scalar]>, _ b: [[Unicode.Scalar]], _ edits: Int) -> Bool {
        guard let word = a.first else { return true }
        return b.indices.contains { index in
            guard let cost = within(edits, word, b[index]) else { return false }
            var rest = b
            rest.remove(at: index)
            return pairs(a.dropFirst(), rest, edits - cost)
        }
    }

    /// The optimal string alignment distance (Damerau, 1964), or `nil` if it exceeds `most`.
    static func within(_ most: Int, _ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int? {
        guard abs(a.count - b.count) <= most else { return nil }
        var before: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            guard row.contains(where: { $0 <= most }) else { return nil }
            (before, last) = (last, row)
        }
        return last[b.count] <= most ? last[b.count] : nil
    }
}
