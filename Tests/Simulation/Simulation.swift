import Events

/// The real pipeline and the real relay in a hostile world, under one seed: the seed is a plan, the plan is a world,
/// and the world either comes to rest with every promise kept, or says which was broken.
public enum Simulation {
    public struct Report: Sendable {
        public let violations: [Violation]
        /// Events of the agenda that it took.
        public let steps: Int
        /// What happened, where it was asked for.
        public let trace: [String]
    }

    public static func run(_ plan: Plan, bug: PlantedBug? = nil, traces: Bool = false) -> Report {
        let world = World(plan, bug: bug, traces: traces)
        let violations = world.run()
        return Report(violations: violations, steps: world.steps, trace: world.trace?.lines ?? [])
    }

    public static func run(seed: UInt64, bug: PlantedBug? = nil) -> Report { run(Planner.plan(seed), bug: bug) }

    /// The first of these seeds under which a promise is broken.
    public static func firstBroken(
        _ seeds: some Sequence<UInt64>, bug: PlantedBug? = nil
    ) -> (seed: UInt64, violation: Violation)? {
        for seed in seeds {
            if let violation = run(seed: seed, bug: bug).violations.first { return (seed, violation) }
        }
        return nil
    }

    /// A plan and what came of it, for people.
    public static func story(of plan: Plan, bug: PlantedBug? = nil) -> [String] {
        let report = run(plan, bug: bug, traces: true)
        var lines = ["seed \(plan.seed), \(plan.parts.count) parts: \(plan.shape)"]
        lines += report.trace
        lines += report.violations.map { "\($0)" }
        return lines
    }
}
