import Events
import Pipeline

/// Draws a plan from a seed: which world, which messages, what goes wrong and when.
public enum Planner {
    public static func plan(_ seed: UInt64) -> Plan {
        var random = SeededGenerator(seed: seed &* 0xD134_2543_DE82_EF95)
        let shape = shape(&random)
        var parts = messages(of: shape, &random)
        parts += ends(of: shape, &random)
        parts += faults(of: shape, &random)
        parts += operations(&random)
        return Plan(seed: seed, shape: shape, parts: parts)
    }

    private static func shape(_ random: inout SeededGenerator) -> Shape {
        var shape = Shape()
        let storage = random.below(100)
        shape.storage = storage < 45 ? .durable : storage < 58 ? .ephemeral : .shared
        if shape.storage == .shared { shape.sidecars = 2 + random.below(3) }
        shape.isFIFO = random.chance(35)
        shape.usesShelf = shape.storage != .ephemeral && random.chance(20)
        if shape.isFIFO {
            let heads = PipelineSettings.PoisonousHead.allCases
            shape.head = heads[random.below(heads.count)]
        }
        shape.batch = random.chance(50) ? 10 : 1
        shape.inHand = random.chance(50) ? 8 : 40
        shape.groups = 1 + random.below(4)
        shape.stateKeys = 1 + random.below(6)
        shape.resources = 2 + random.below(7)
        shape.hasCritical = random.chance(30)
        if random.chance(15) { shape.visibility = 120_000 }
        // A group behind a head that fails for good waits as long as the queue keeps it.
        if shape.head == .block || random.chance(8) { shape.retention = 1_500_000 }
        if random.chance(20) { shape.giveUp = 60_000 }
        if random.chance(10) { shape.maximumReceives = 3 + random.below(5) }
        if random.chance(15) { shape.inFlightCap = 8 + random.below(10) }
        if random.chance(40) { shape.keyAppears = random.upTo(180_000) }
        if random.chance(5) {
            // Waited for through an hour, it holds up its group in a FIFO queue: longer than some queues keep messages.
            let retires = random.upTo(200_000)
            if shape.retention > 86_400_000 { shape.keyRetires = retires }
        }
        if random.chance(15) { shape.keyRevoked = random.upTo(200_000) }
        // Minutes, but less than what is left of the retention when the queue is about to drop a message.
        let skew: Int64 = shape.retention < 86_400_000 ? 60_000 : 240_000
        shape.skew = (0..<shape.sidecars).map { _ in
            random.chance(50) ? 0 : random.upTo(2 * skew) - skew
        }
        return shape
    }

    private static func messages(of shape: Shape, _ random: inout SeededGenerator) -> [Part] {
        var scripts: [Script] = []
        let count = 4 + random.below(random.chance(25) ? 32 : 18)
        while scripts.count < count {
            var script = Script(number: scripts.count)
            script.kind = random.chance(45) ? .good : Script.Kind.allCases[random.below(Script.Kind.allCases.count)]
            script.group = random.below(shape.groups)
            script.resource = random.below(shape.resources)
            script.drafts = random.chance(40) ? 0 : 1 + random.below(3)
            script.signedBy = random.chance(70) ? 0 : random.below(4)
            script.takes = random.chance(12) && shape.retention > 86_400_000
                ? random.upTo(100_000) : random.upTo(1_500)
            let other = random.chance(30) ? relative(of: &script, scripts.count + 1, &random) : nil
            scripts.append(script)
            if let other { scripts.append(other) }
        }
        return scripts.map { script in
            Part(at: random.chance(75) ? random.upTo(45_000) : random.upTo(240_000), what: .message(script))
        }
    }

    /// Another message of the same event, token or piece of business.
    private static func relative(
        of script: inout Script, _ number: Int, _ random: inout SeededGenerator
    ) -> Script {
        let relation = random.below(script.kind == .good && script.signedBy == 0 ? 6 : 1)
        switch relation {
        case 3, 4: script.key = script.number
        case 5: script.token = script.number
        default: break
        }
        var other = script
        other.number = number
        if relation >= 3 { other.identity = number }
        if relation == 2 || relation == 4 { other.payload = number }
        if relation == 5 { other.isRetyped = random.chance(50) }
        return other
    }

    /// Crashes, stops and reloads.
    private static func ends(of shape: Shape, _ random: inout SeededGenerator) -> [Part] {
        var parts: [Part] = []
        for _ in 0..<random.below(5) {
            let crash = Part.What.crash(sidecar: random.below(shape.sidecars), away: random.upTo(4_000))
            parts.append(Part(at: random.upTo(150_000), what: crash))
        }
        for _ in 0..<random.below(4) {
            parts.append(Part(at: random.upTo(150_000), what: .reload(sidecar: random.below(shape.sidecars))))
        }
        if random.chance(30) {
            let stop = Part.What.stop(
                sidecar: random.below(shape.sidecars), grace: random.upTo(30_000), away: random.upTo(10_000))
            parts.append(Part(at: random.upTo(150_000), what: stop))
        }
        if random.chance(30) {
            let freeze = Part.What.freeze(sidecar: random.below(shape.sidecars), lasts: random.upTo(150_000))
            parts.append(Part(at: random.upTo(150_000), what: freeze))
        }
        return parts
    }

    private static func faults(of shape: Shape, _ random: inout SeededGenerator) -> [Part] {
        var parts: [Part] = []
        let ordinary = Fault.allCases.count - 5
        for _ in 0..<random.below(45) {
            let fault = Fault.allCases[random.below(random.chance(10) ? Fault.allCases.count : ordinary)]
            // A message that no dead-letter queue takes stays in its queue, behind whatever its group waits for: where
            // that is a blocked head, and the queue keeps nothing for long, it is dropped there.
            if fault == .letterRefused, shape.retention < 86_400_000 { continue }
            parts.append(
                Part(at: random.upTo(200_000), what: .fault(fault, sidecar: random.below(shape.sidecars))))
        }
        for _ in 0..<(random.chance(60) ? 0 : 1 + random.below(2)) {
            let outage = Outage.allCases[random.below(Outage.allCases.count)]
            let lasts = random.chance(60) ? random.upTo(20_000) : random.upTo(150_000)
            parts.append(Part(at: random.upTo(150_000), what: .outage(outage, lasts: lasts)))
        }
        let isKeptForDays = shape.retention > 86_400_000
        if isKeptForDays, random.chance(1) {
            let outage = random.chance(50) ? Outage.store : .keys
            parts.append(Part(at: random.upTo(60_000), what: .outage(outage, lasts: 9_000_000)))
        }
        if isKeptForDays, random.chance(15) {
            let reach: Int64 = random.chance(70) ? 300_000 : 7_200_000
            let by = random.upTo(2 * reach) - reach
            parts.append(
                Part(at: random.upTo(200_000), what: .clock(sidecar: random.below(shape.sidecars), by: by)))
        }
        return parts
    }

    /// What operators do.
    private static func operations(_ random: inout SeededGenerator) -> [Part] {
        var parts: [Part] = []
        if random.chance(30) {
            let redrive = Part.What.redrive(overrides: random.chance(50))
            parts.append(Part(at: 60_000 + random.upTo(230_000), what: redrive))
        }
        if random.chance(10) { parts.append(Part(at: 60_000 + random.upTo(230_000), what: .free)) }
        return parts
    }
}
