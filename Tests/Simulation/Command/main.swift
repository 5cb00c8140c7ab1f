import Foundation
import Simulation

// Millions of seeds, or one of them: see Tests/Simulation/run.

var seeds: UInt64 = 20_000
var from: UInt64 = 1
var one: UInt64?
var lanes = ProcessInfo.processInfo.activeProcessorCount
var isShrinking = false
var bug: PlantedBug?

func usage() -> Never {
    let text = """
        usage: run [--seeds N] [--from N] [--lanes N]   checks N seeds on every core
               run --seed N [--shrink]                  replays one, and prints what happens
               run --bugs                               tells how soon each planted bug is found
               options: --plant BUG                     with a planted bug: \(PlantedBug.allCases.map(\.rawValue))

        """
    FileHandle.standardError.write(Data(text.utf8))
    exit(64)
}

var arguments = CommandLine.arguments.dropFirst()
while let option = arguments.popFirst() {
    if option == "--shrink" {
        isShrinking = true
        continue
    }
    if option == "--bugs" {
        for bug in PlantedBug.allCases {
            let found = Simulation.firstBroken(1...bug.seeds, bug: bug)
            let seed = found.map { String($0.seed) } ?? "-"
            print("| \(bug.rawValue) | \(seed) | \(bug.seeds) | \(found.map { "\($0.violation)" } ?? "not found") |")
        }
        exit(0)
    }
    guard let value = arguments.popFirst() else { usage() }
    if option == "--plant" {
        guard let planted = PlantedBug(rawValue: value) else { usage() }
        bug = planted
        continue
    }
    guard let number = UInt64(value) else { usage() }
    switch option {
    case "--seeds": seeds = number
    case "--from": from = number
    case "--seed": one = number
    case "--lanes": lanes = max(1, Int(number))
    default: usage()
    }
}

if let one {
    var plan = Planner.plan(one)
    if isShrinking {
        let (smaller, runs) = Shrinker.shrink(plan, bug: bug)
        print("from \(plan.parts.count) parts to \(smaller.parts.count) in \(runs) runs")
        plan = smaller
    }
    for line in Simulation.story(of: plan, bug: bug) { print(line) }
    exit(Simulation.run(plan, bug: bug).violations.isEmpty ? 0 : 1)
}

let started = ContinuousClock.now
let failed = await Lanes.check(from: from, count: seeds, lanes: lanes, bug: bug) { done in
    let seconds = (ContinuousClock.now - started).components.seconds
    FileHandle.standardError.write(Data("\(done) seeds in \(seconds) s\n".utf8))
}
for (seed, violation) in failed.prefix(20) { print("seed \(seed): \(violation)") }
print("\(seeds) seeds, \(failed.count) of them broke a promise, in \(ContinuousClock.now - started)")
exit(failed.isEmpty ? 0 : 1)
