import StoreCommon

/// What one call wants written: committed whole or not at all, with others in one transaction.
struct Part: Sendable {
    /// Of everything that its statements look at or change.
    var locks: [Int64] = []
    /// Keys of state as it saw them, and those that it writes: who saw what another writes comes behind that.
    var looks: [Statement] = []
    var seen: Set<StateKey> = []
    var written: Set<StateKey> = []
    /// Says whether it counts: its rows are the answer.
    var decision: Statement?
    /// They name the part by its mark, and do nothing where it does not count.
    var effects: [Statement] = []
    /// Who is woken when it is committed.
    var rings: Rings = []
}

/// Kinds of waiters.
struct Rings: OptionSet, Sendable {
    let rawValue: Int
    static let outbox = Rings(rawValue: 1)
    static let timers = Rings(rawValue: 2)
    static let journal = Rings(rawValue: 4)
    static let all: Rings = [.outbox, .timers, .journal]
}

/// The statements of one transaction. The same function of several parts is called once, with a row for each: so ten
/// ends cost the server little more than one.
struct Exchange {
    private(set) var statements: [Statement] = []
    /// Whose decision a statement is: one row of its answer for each of them, or all rows for one.
    private var deciders: [Int: [Int]] = [:]
    private let count: Int

    private struct Piece {
        let statement: Statement
        /// The part that waits for its answer.
        var decider: Int?
    }

    init(_ parts: [Part]) {
        count = parts.count
        statements.append(Statement("SELECT take_locks($1)", [.integers(LockKeys.sorted(parts.flatMap(\.locks)))]))
        var rest = parts.indices
        while !rest.isEmpty {
            let group = Self.head(of: rest, parts)
            rest = group.upperBound..<rest.upperBound
            gather(group.flatMap { place in parts[place].looks.map { Piece(statement: $0) } })
            gather(group.compactMap { place in parts[place].decision.map { Piece(statement: $0, decider: place) } })
            gather(group.flatMap { place in parts[place].effects.map { Piece(statement: $0) } })
        }
    }

    /// As many parts as do not see what one before them writes.
    private static func head(of rest: Range<Int>, _ parts: [Part]) -> Range<Int> {
        var written: Set<StateKey> = []
        let end = rest.first { place in
            if !parts[place].seen.isDisjoint(with: written) || !parts[place].written.isDisjoint(with: written) {
                return true
            }
            written.formUnion(parts[place].written)
            return false
        }
        return rest.lowerBound..<(end ?? rest.upperBound)
    }

    private mutating func gather(_ pieces: [Piece]) {
        var kinds: [(sql: StaticString, rows: [[Value]], deciders: [Int])] = []
        for piece in pieces {
            let statement = piece.statement
            guard statement.isRow else {
                deciders[statements.count] = piece.decider.map { [$0] }
                statements.append(statement)
                continue
            }
            let kind = kinds.firstIndex { $0.sql.utf8Start == statement.sql.utf8Start } ?? kinds.endIndex
            if kind == kinds.endIndex { kinds.append((statement.sql, [], [])) }
            kinds[kind].rows.append(statement.values)
            if let decider = piece.decider { kinds[kind].deciders.append(decider) }
        }
        for kind in kinds {
            if !kind.deciders.isEmpty { deciders[statements.count] = kind.deciders }
            statements.append(.rows(kind.sql, kind.rows))
        }
    }

    /// The rows of each part's decision.
    func answers(_ rows: [[Row]]) -> [[Row]] {
        var answers = [[Row]](repeating: [], count: count)
        for (statement, deciders) in deciders where rows.indices.contains(statement) {
            if deciders.count == 1 {
                answers[deciders[0]] = rows[statement]
            } else {
                for (part, row) in zip(deciders, rows[statement]) { answers[part] = [row] }
            }
        }
        return answers
    }
}
