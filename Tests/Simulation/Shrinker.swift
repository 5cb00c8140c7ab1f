import Pipeline

/// Makes a failing plan smaller: removes parts as long as the same thing is broken, in halves first, then in ever
/// smaller pieces (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002), then makes the
/// world simpler.
public struct Shrinker {
    private let bug: PlantedBug?
    /// What was broken, without the numbers.
    private let violation: String
    /// How many worlds it ran.
    public private(set) var runs = 0

    private init(bug: PlantedBug?, violation: Violation) {
        self.bug = bug
        self.violation = Self.text(of: violation)
    }

    private static func text(of violation: Violation) -> String { violation.what.filter { !$0.isNumber } }

    /// - Returns: the plan itself where it breaks nothing.
    public static func shrink(_ plan: Plan, bug: PlantedBug? = nil) -> (plan: Plan, runs: Int) {
        guard let violation = Simulation.run(plan, bug: bug).violations.first else { return (plan, 1) }
        var shrinker = Shrinker(bug: bug, violation: violation)
        var plan = plan
        while true {
            let smaller = shrinker.simpler(shrinker.shorter(plan))
            if smaller == plan { return (plan, shrinker.runs) }
            plan = smaller
        }
    }

    private mutating func breaks(_ plan: Plan) -> Bool {
        runs += 1
        return Simulation.run(plan, bug: bug).violations.first.map(Self.text) == violation
    }

    private mutating func shorter(_ plan: Plan) -> Plan {
        var plan = plan
        var size = max(1, plan.parts.count / 2)
        while true {
            var start = 0
            while start < plan.parts.count {
                var smaller = plan
                smaller.parts.removeSubrange(start..<min(start + size, plan.parts.count))
                if breaks(smaller) { plan = smaller } else { start += size }
            }
            if size == 1 { return plan }
            size /= 2
        }
    }

    private mutating func simpler(_ plan: Plan) -> Plan {
        var plan = plan
        let standard = Shape()
        let steps: [(inout Shape) -> Void] = [
            { $0.skew = [] }, { $0.batch = 1 }, { $0.stateKeys = 6 }, { $0.keyAppears = 0 },
            { $0.keyRetires = .max }, { $0.keyRevoked = .max }, { $0.inFlightCap = standard.inFlightCap },
            { $0.maximumReceives = standard.maximumReceives },
            { $0.retention = $0.head == .block ? $0.retention : standard.retention },
            { $0.giveUp = standard.giveUp }, { $0.visibility = standard.visibility }, { $0.usesShelf = false },
        ]
        for step in steps {
            var smaller = plan
            step(&smaller.shape)
            if smaller != plan, breaks(smaller) { plan = smaller }
        }
        return plan
    }
}
