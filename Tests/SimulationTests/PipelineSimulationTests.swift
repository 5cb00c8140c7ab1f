import Events
import Pipeline
import Testing

/// The real pipeline against a queue that duplicates, delays and loses replies, a store that fails, and a process
/// that dies or reloads between any two steps. A failing seed replays exactly: `Simulation.check(seed:)`.
@Suite struct PipelineSimulationTests {
    static let seeds = 2_000
    static let lanes = 2

    @Test(arguments: 0..<lanes)
    func everyPromiseHoldsUnderEverySeed(lane: Int) {
        for seed in stride(from: lane + 1, through: Self.seeds, by: Self.lanes) {
            let problems = Simulation.check(seed: UInt64(seed))
            #expect(problems.isEmpty, "seed \(seed): \(problems.joined(separator: "; "))")
            if !problems.isEmpty { return }
        }
    }
}

enum Simulation {
    /// - Returns: what was violated under this seed, in words.
    static func check(seed: UInt64) -> [String] {
        let world = World(seed: seed)
        let scripts = fill(world)
        world.run(crashes: Int(seed % 5), reloads: Int(seed % 4), hours: 30)
        var problems = world.broken
        if !world.queue.left.isEmpty {
            problems.append("left in the queue: \(world.queue.left.map { "\($0.id) \($0.body.text)" })")
        }
        problems += outcomes(of: scripts, in: world)
        problems += state(in: world)
        problems += order(in: world)
        return problems
    }

    private static func fill(_ world: World) -> [Script] {
        let count = Int.random(in: 5...40, using: &world.agenda.random)
        return (0..<count).map { number in
            let kind = world.agenda.chance(50)
                ? Script.Kind.good : Script.Kind.allCases[Int.random(in: 0..<10, using: &world.agenda.random)]
            let script = Script(kind: kind, number: number)
            world.queue.send(script.body, group: world.queue.isFIFO ? "g\(number % 3)" : nil)
            return script
        }
    }

    /// Done exactly once, or a dead letter; a poison after exactly three strikes.
    private static func outcomes(of scripts: [Script], in world: World) -> [String] {
        var problems: [String] = []
        let done = Dictionary(grouping: world.ledger.done.map(\.text)) { $0 }.mapValues(\.count)
        for (name, times) in done where times != 1 { problems.append("\(name) was done \(times) times") }
        var keys: [String: Int] = [:]
        for script in scripts {
            let letters = world.letters.filter { $0.body.text == script.body }
            let event = script.event(sentAt: World.start).id
            let isDone = done[script.name] != nil || world.ledger.lost.contains(event)
            if let key = script.key { keys[key, default: 0] += isDone ? 1 : 0 } else if script.endsDone != isDone {
                problems.append("\(script.body) ended \(isDone ? "done" : "not done")")
            }
            if !script.endsDone && letters.isEmpty { problems.append("\(script.body) has no letter") }
            if script.endsDone && !letters.isEmpty { problems.append("\(script.body) has a letter") }
            if script.kind == .poison {
                let strikes = world.ledger.rows[event]?.history.strikes
                if !world.isEphemeral, strikes != Limits.strikes {
                    problems.append("\(script.body) has \(strikes ?? 0) strikes")
                }
            } else if let row = world.ledger.rows[event], row.history.strikes > 0 {
                problems.append("\(script.body) has the strike of another")
            }
        }
        if world.isEphemeral { return problems }
        for (key, times) in keys where times != 1 { problems.append("business key \(key) was done \(times) times") }
        return problems
    }

    /// Every done event incremented its counter once.
    private static func state(in world: World) -> [String] {
        let sum = world.ledger.state.values.reduce(0) { $0 + $1.value }
        return sum == world.ledger.done.count ? [] : ["\(world.ledger.done.count) done, but state counts \(sum)"]
    }

    /// FIFO: within a group, in the order of sending; a key that was on its way holds no place.
    private static func order(in world: World) -> [String] {
        guard world.queue.isFIFO else { return [] }
        var last: [Int: Int] = [:]
        for id in world.ledger.done {
            let script = Script(Bytes(id.text))
            guard script.kind != .early, !id.text.hasPrefix("twin") else { continue }
            if let before = last[script.number % 3], before > script.number {
                return ["group \(script.number % 3): \(before) was done before \(script.number)"]
            }
            last[script.number % 3] = script.number
        }
        return []
    }
}
