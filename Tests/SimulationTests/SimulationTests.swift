import Simulation
import Testing

/// The real pipeline and the real relay against queues, stores and buses that go wrong in every way that AWS and a
/// cluster know, under seeds. Millions of seeds, and one of them told step by step: Tests/Simulation/run.
@Suite struct SimulationTests {
    static let seeds: UInt64 = 20_000

    @Test func everyPromiseHoldsUnderEverySeed() async {
        let broken = await Lanes.check(from: 1, count: Self.seeds, lanes: 2)
        for (seed, violation) in broken { Issue.record("seed \(seed): \(violation)") }
    }

    /// Each of these is a mistake that a sidecar or a store could make.
    @Test(arguments: PlantedBug.allCases)
    func aPlantedBugIsFound(bug: PlantedBug) {
        #expect(Simulation.firstBroken(1...bug.seeds, bug: bug) != nil)
    }

    /// A promise that no planted bug breaks is not believed to be checked.
    @Test func everyPromiseIsBrokenByAPlantedBug() {
        let broken = PlantedBug.allCases.compactMap { bug in
            Simulation.firstBroken(1...bug.seeds, bug: bug)?.violation.promise
        }
        #expect(Set(broken) == Set(Promise.allCases))
    }

    @Test(arguments: [3, 45, 1_234] as [UInt64])
    func aSeedReplaysExactly(seed: UInt64) {
        let plan = Planner.plan(seed)
        #expect(Planner.plan(seed) == plan)
        #expect(Simulation.story(of: plan) == Simulation.story(of: plan))
    }

    @Test func aFailingSeedIsMadeSmall() throws {
        let (seed, violation) = try #require(
            Simulation.firstBroken(1...PlantedBug.lostFenceTaken.seeds, bug: .lostFenceTaken))
        let plan = Planner.plan(seed)
        let small = Shrinker.shrink(plan, bug: .lostFenceTaken).plan
        #expect(plan.parts.count >= 24)
        #expect(small.parts.count <= 5)
        let story = Simulation.story(of: small, bug: .lostFenceTaken)
        #expect(story.contains { $0.contains("promise \(violation.promise.rawValue)") })
        #expect(Simulation.run(small).violations.isEmpty)
    }
}
