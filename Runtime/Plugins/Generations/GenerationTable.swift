import Events

/// A handler's serving build, or the second one that is tried beside it.
struct Build: Hashable, Sendable {
    let handler: HandlerID
    var isTrial = false
}

/// Which pool of workers runs which handler in which generation. A pool may serve several: an unchanged handler's
/// workers go on.
struct GenerationTable {
    private var tables: [Int: [Build: Int]] = [:]
    private var retired: Set<Int> = []

    /// Those whose workers may run something, the draining ones included.
    var alive: [Int] { tables.keys.sorted() }
    /// The last one that is not retired.
    var newest: Int? { tables.keys.filter { !retired.contains($0) }.max() }
    var isDraining: Bool { !retired.isEmpty }

    func pool(of build: Build, in generation: Int) -> Int? { tables[generation]?[build] }

    /// The pools of all of them.
    var all: Set<Int> { Set(tables.values.flatMap(\.values)) }
    func pools(of generation: Int) -> Set<Int> { Set(tables[generation]?.values.map { $0 } ?? []) }
    /// Pools that a generation which is not retired gives batches to.
    var needed: Set<Int> { Set(tables.lazy.filter { !retired.contains($0.key) }.flatMap(\.value.values)) }

    mutating func add(_ generation: Int, _ pools: [Build: Int]) { tables[generation] = pools }

    /// From now on they only finish what they run.
    mutating func retire(before generation: Int) { retired.formUnion(tables.keys.filter { $0 < generation }) }
    mutating func retire(_ generation: Int) { if tables[generation] != nil { retired.insert(generation) } }

    /// Forgets the retired ones that have nothing left but what others need, too.
    /// - Returns: their numbers.
    mutating func removeEnded(living: Set<Int>) -> [Int] {
        let needed = needed
        let ended = retired.filter { generation in
            tables[generation]?.values.allSatisfy { needed.contains($0) || !living.contains($0) } ?? true
        }.sorted()
        for generation in ended { tables[generation] = nil }
        retired.subtract(ended)
        return ended
    }
}
