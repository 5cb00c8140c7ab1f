import Synchronization

/// Seeds over all cores: each lane takes the next block that nobody has.
public enum Lanes {
    private final class Counter: Sendable { let next = Atomic<UInt64>(0) }

    /// - Parameter progress: told of every hundred thousand seeds.
    /// - Returns: what was broken, by seed, in order; a lane that has ten stops.
    public static func check(
        from first: UInt64, count: UInt64, lanes: Int, bug: PlantedBug? = nil,
        progress: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) async -> [(seed: UInt64, violation: Violation)] {
        let block: UInt64 = 50
        let counter = Counter()
        return await withTaskGroup(of: [(UInt64, Violation)].self) { group in
            for _ in 0..<lanes {
                group.addTask {
                    var broken: [(UInt64, Violation)] = []
                    while broken.count < 10 {
                        let start = counter.next.wrappingAdd(block, ordering: .relaxed).oldValue
                        guard start < count else { break }
                        for seed in start..<min(start + block, count) {
                            let report = Simulation.run(seed: first + seed, bug: bug)
                            broken += report.violations.prefix(1).map { (first + seed, $0) }
                        }
                        if start > 0, start.isMultiple(of: 100_000) { progress(start) }
                    }
                    return broken
                }
            }
            var all: [(seed: UInt64, violation: Violation)] = []
            for await broken in group { all += broken.map { (seed: $0.0, violation: $0.1) } }
            return all.sorted { $0.seed < $1.seed }
        }
    }
}
