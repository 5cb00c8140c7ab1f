import Events
import Pipeline

// The end of a run: whole, or not at all.

extension Check {
    static let ends: [Check] = [
        Check("committing a lease again is harmless") { scene in
            let lease = try await scene.lease(scene.request("e-1"))
            let effects = Effects(writes: [scene.put("k", "v", expected: 0)], drafts: [scene.draft("r")])
            let twice = [scene.commitment(lease, .done(effects)), scene.commitment(lease, .done(effects))]
            try await expect(scene.store.commit(twice, at: scene.now), [.committed, .committed])
            try expect(try await scene.commit(lease, .done(effects)), .committed)
            try await expect(scene.store.depth().rows, 1)
            try await expect(scene.journal().count, 1)
        },
        Check("attempts, what they were spent on, and strikes ride in the commit") { scene in
            let lease = try await scene.lease(scene.request("e-1"))
            let history = History(
                attempts: 3, spent: ["handle.retried": 2, "http-503": 1], strikes: 2, firstSeen: TestClock.start)
            let retry = scene.commitment(lease, .retry(Failure(.handleRetried)), history: history)
            try await expect(scene.store.commit([retry], at: scene.now), [.committed])
            try await scene.target.restart()
            try await expect(scene.claim(scene.request("e-1")).history, history)
        },
        Check("a dead message finishes its letter, and a redriven one starts afresh") { scene in
            let verdict = Failure(.handleRejected, "treasury", "no such account")
            let lease = try await scene.lease(scene.request("e-1"))
            try expect(try await scene.commit(lease, .dead(verdict, shelved: nil)), .committed)
            try await scene.target.restart()
            try await expect(scene.claim(scene.request("e-1")).failure, verdict)
            let redriven = try await scene.claim(scene.request("e-1", message: "m-2"))
            try expect(redriven.history, History(firstSeen: TestClock.start))
            try expect(try await scene.commit(try present(redriven.lease)), .committed)
            try await expect(scene.claim(scene.request("e-1")).word, "done", "done always wins")
        },
        Check("rows past their time count for nothing, before and after the sweep") { scene in
            try await scene.done("e-1")
            try await scene.done("e-2")
            try await scene.pass(.days(6))
            let again = try await scene.lease(scene.request("e-1"))
            try expect(try await scene.commit(again), .committed)
            try await expect(scene.claim(scene.request("e-1")).word, "done", "its row was used again")
            try expect(try await scene.target.sweep(at: scene.now) >= 1, true)
            try await expect(scene.target.sweep(at: scene.now), 0)
            try await expect(scene.claim(scene.request("e-1")).word, "done")
            try await expect(scene.claim(scene.request("e-2")).word, "granted")
        },
        Check("effects beyond the limits are refused, and the neighbours count") { scene in
            let large = try await scene.lease(scene.request("e-1"))
            let small = try await scene.lease(scene.request("e-2"))
            let value = Bytes(repeating: 1, count: Limits.stateValueBytes + 1)
            let effects = Effects(writes: [StateWrite(key: Bytes("k"), value: value, expected: nil)])
            let results = try await scene.store.commit(
                [scene.commitment(large, .done(effects)), scene.commitment(small)], at: scene.now)
            guard case .refused(let failure) = results[0] else { throw Violation(description: "\(results)") }
            try expect(failure.code, .handleTooLarge)
            try expect(results[1], .committed)
            try await expect(scene.value("k").version, 0)
            try expect(try await scene.commit(large, .dead(failure, shelved: nil)), .committed)
        },
        Check("the largest effects that are allowed are committed") { scene in
            let lease = try await scene.lease(scene.request("e-1"))
            let value = Bytes(repeating: 0, count: Limits.stateValueBytes)
            let count = Limits.effectsBytes / Limits.stateValueBytes
            let writes = (0..<count).map { number in
                StateWrite(
                    key: Bytes("\(number)") + Bytes(repeating: 255, count: Limits.stateKeyBytes - 8), value: value,
                    expected: 0)
            }
            try expect(try await scene.commit(lease, .done(Effects(writes: writes))), .committed)
            let read = try await scene.store.read([writes[0].key], of: scene.handler, at: scene.now)
            try expect(that: read[0].value == value)
        },
        Check("words of every kind come back as they were") { scene in
            let id = "e-\u{1F980}-\u{E9}-'\"\\;--"
            try await scene.done(id, Effects(drafts: [scene.draft("urn:\u{1F6F6}", detail: "{\"n\":\"\\u0000\"}")]))
            try await expect(scene.claim(scene.request(id)).word, "done")
            try await expect(scene.due().map(\.draft.resource), ["urn:\u{1F6F6}"])
            try await expect(scene.journal().filter { $0.entry.outcome == .done }.map(\.entry.event), [id])
        },
        Check("a parked group waits for its head, and goes on when that is done") { scene in
            let failure = Failure(.handleRejected, "treasury", "no")
            let head = try await scene.lease(scene.request("e-1", group: "g"))
            try expect(try await scene.commit(head, .dead(failure, shelved: nil, parks: true)), .committed)
            try await scene.target.restart()
            try await expect(scene.claim(scene.request("e-2", group: "g")).word, "refused as dedup.parked")
            try await expect(scene.claim(scene.request("e-3", group: "other")).word, "granted")
            try await expect(scene.claim(scene.request("e-4")).word, "granted")
            let again = try await scene.lease(scene.request("e-1", message: "m-2", group: "g"))
            try expect(try await scene.commit(again), .committed)
            try await expect(scene.claim(scene.request("e-2", group: "g")).word, "granted")
        },
        Check("an operator frees a parked group, and a discarded letter does") { scene in
            let failure = Failure(.handleRejected, "treasury", "no")
            for id in ["e-1", "e-2"] {
                let head = try await scene.lease(scene.request(id, group: "g-\(id)"))
                try expect(try await scene.commit(head, .dead(failure, shelved: nil, parks: true)), .committed)
            }
            try await expect(scene.store.parkedGroups(at: scene.now).map(\.group).sorted(), ["g-e-1", "g-e-2"])
            let entry = JournalEntry(time: scene.now, kind: .letter, direction: .incoming, outcome: .freed)
            try await expect(scene.store.free("g-e-1", of: scene.queue, entry), true)
            try await expect(scene.store.free("g-e-1", of: scene.queue, entry), false)
            try await expect(scene.claim(scene.request("e-9", group: "g-e-1")).word, "granted")
            try await expect(scene.claim(scene.request("e-8", group: "g-e-2")).word, "refused as dedup.parked")
            try await expect(scene.journal().filter { $0.entry.outcome == .freed }.map(\.entry.event), ["e-1"])
        },
        Check("a permit lets a done event run once more, and one run uses it up") { scene in
            try await scene.done("e-1")
            let permit = Permit(consumer: scene.queue, event: "e-1", until: scene.now + .hours(1))
            try await scene.store.permit([permit], [])
            try await expect(scene.store.permits(for: "e-1", at: scene.now), [permit])
            let lease = try await scene.lease(scene.request("e-1", message: "m-2"))
            try await expect(scene.claim(scene.request("e-1", message: "m-3")).word, "in flight")
            try expect(try await scene.commit(lease), .committed)
            try await expect(scene.claim(scene.request("e-1", message: "m-3")).word, "done")
            try await expect(scene.store.permits(for: "e-1", at: scene.now), [])
        },
        Check("what ran under a permit in vain stays done") { scene in
            try await scene.done("e-1")
            try await scene.store.permit(
                [Permit(consumer: scene.queue, event: "e-1", until: scene.now + .hours(1))], [])
            let lease = try await scene.lease(scene.request("e-1", message: "m-2"))
            try expect(try await scene.commit(lease, .retry(Failure(.handleRetried))), .committed)
            let again = try await scene.lease(scene.request("e-1", message: "m-2"))
            try expect(
                try await scene.commit(again, .dead(Failure(.handleRejected), shelved: nil)), .committed)
            try await expect(scene.claim(scene.request("e-1", message: "m-2")).word, "done")
        },
        Check("a permit lets an old event run, and is over with its time") { scene in
            let old = scene.event("e-1", signedAt: scene.now - .days(30))
            try await expect(scene.claim(scene.request(old)).word, "refused as dedup.expired")
            try await scene.store.permit(
                [Permit(consumer: scene.queue, event: "e-1", until: scene.now + .hours(1))], [])
            try await scene.pass(.hours(2))
            try await expect(scene.claim(scene.request(old)).word, "refused as dedup.expired")
            try await scene.store.permit(
                [Permit(consumer: scene.queue, event: "e-1", until: scene.now + .hours(1))], [])
            try await expect(scene.claim(scene.request(old)).word, "granted")
        },
        Check("a refusal is recorded once, whoever records it again") { scene in
            let refusal = Refusal(
                consumer: scene.queue, messageID: MessageID("m-1"), failure: Failure(.verifyMalformed, "m-1", "no"),
                shelved: nil, keepUntil: scene.now + .days(5), sentAt: scene.now, deliveries: 1, body: Bytes("x"),
                verified: nil)
            try await scene.store.refuse([refusal, refusal], at: scene.now)
            try await scene.store.refuse([refusal], at: scene.now)
            try await expect(scene.journal().map(\.entry.outcome), [.refused])
        },
    ]

    static let states: [Check] = [
        Check("what is written is read by its handler alone") { scene in
            try await scene.done("e-1", Effects(writes: [scene.put("k", "one")]))
            try await scene.target.restart()
            let both = try await scene.store.read([Bytes("none"), Bytes("k")], of: scene.handler, at: scene.now)
            try expect(both.map(\.key.text), ["none", "k"])
            try expect(both.map(\.value.text), ["", "one"])
            let other = try await scene.store.read([Bytes("k")], of: HandlerID("token"), at: scene.now)
            try expect(other[0].version, 0)
        },
        Check("who read what has moved since runs again") { scene in
            try await scene.done("e-1", Effects(writes: [scene.put("k", "one")]))
            let seen = try await scene.value("k")
            let slow = try await scene.lease(scene.request("e-2"))
            try await scene.done("e-3", Effects(writes: [scene.put("k", "two")]))
            let stale = Effects(
                reads: [StateRead(key: Bytes("k"), version: seen.version)],
                writes: [scene.put("l", "x")], drafts: [scene.draft("r")])
            try expect(try await scene.commit(slow, .done(stale)), .lostState)
            try await expect(scene.value("l").version, 0)
            try await expect(scene.store.depth().rows, 0)
            let fresh = StateRead(key: Bytes("k"), version: try await scene.value("k").version)
            try expect(try await scene.commit(slow, .done(Effects(reads: [fresh]))), .committed)
        },
        Check("absent means absent, and a blind write always commits") { scene in
            try await scene.done("e-1", Effects(writes: [scene.put("k", "one", expected: 0)]))
            let lease = try await scene.lease(scene.request("e-2"))
            let absent = Effects(writes: [scene.put("k", "two", expected: 0)])
            try expect(try await scene.commit(lease, .done(absent)), .lostState)
            try expect(try await scene.commit(lease, .done(Effects(writes: [scene.put("k", "two")]))), .committed)
            try await expect(scene.value("k").value.text, "two")
        },
        Check("versions never repeat, also after an erase and a restart") { scene in
            var versions: [UInt64] = []
            for round in 0..<3 {
                try await scene.done("put-\(round)", Effects(writes: [scene.put("k", "v")]))
                versions.append(try await scene.value("k").version)
                let erase = StateWrite(key: Bytes("k"), value: nil, expected: versions.last)
                try await scene.done("erase-\(round)", Effects(writes: [erase]))
                try await expect(scene.value("k").version, 0)
                try await scene.target.restart()
            }
            try expect(Set(versions).count, 3)
        },
        Check("a key whose time is over is absent, before and after the sweep") { scene in
            try await scene.done("e-1", Effects(writes: [scene.put("k", "one", ttl: .seconds(10)), scene.put("l", "")]))
            try await expect(scene.value("k").version != 0, true)
            try await scene.pass(.seconds(10))
            try await expect(scene.value("k").version, 0)
            try await expect(scene.target.sweep(at: scene.now), 1)
            try await expect(scene.value("l").version != 0, true, "an empty value is a value")
            try await scene.done("e-2", Effects(writes: [scene.put("k", "new", expected: 0)]))
            try await expect(scene.value("k").value.text, "new")
        },
        Check("batches that all increment one key lose nothing") { scene in
            try await expect(increments(on: [scene.store], events: 60, in: scene), 60)
        },
        Check("two sidecars that increment one key lose nothing", .sharing) { scene in
            try await expect(increments(on: [scene.store, scene.other()], events: 60, in: scene), 60)
        },
    ]

    /// Each store takes its share in batches of ten that all read the key and write it; losers run again.
    private static func increments(on stores: [any EventStore], events: Int, in scene: Scene) async throws -> Int {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (side, store) in stores.enumerated() {
                let ids = (0..<events).filter { $0 % stores.count == side }.map { "e-\($0)" }
                group.addTask {
                    for start in stride(from: 0, to: ids.count, by: 10) {
                        let requests = ids[start..<min(start + 10, ids.count)].map { scene.request($0, message: $0) }
                        var waiting = try await store.claim(requests, at: scene.now).compactMap(\.lease)
                        while !waiting.isEmpty {
                            let seen = try await scene.value("n", on: store)
                            let next = "\((Int(seen.value.text) ?? 0) + 1)"
                            let effects = Effects(writes: [scene.put("n", next, expected: seen.version)])
                            let results = try await store.commit(
                                waiting.map { scene.commitment($0, .done(effects)) }, at: scene.now)
                            try expect(that: results.count { $0 == .committed } <= 1)
                            waiting = zip(waiting, results).filter { $0.1 == .lostState }.map(\.0)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        return Int(try await scene.value("n").value.text) ?? 0
    }
}
