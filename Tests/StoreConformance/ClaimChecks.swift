import Events
import Pipeline

// Who may run an event.

extension Check {
    static let claims: [Check] = [
        Check("a new event is granted, a done one is a duplicate, also after a restart") { scene in
            try await scene.done("e-1")
            try await expect(scene.claim(scene.request("e-1", message: "m-2")).word, "done")
            try await scene.target.restart()
            try await expect(scene.claim(scene.request("e-1", message: "m-3")).word, "done")
            try await expect(scene.claim(scene.request("e-2")).word, "granted")
        },
        Check("copies in one batch are in flight") { scene in
            let copies = ["m-1", "m-2", "m-3"].map { scene.request("e-1", message: $0) }
            let words = try await scene.store.claim(copies, at: scene.now).map(\.word)
            try expect(words, ["granted", "in flight", "in flight"])
            let lease = try await scene.lease(scene.request("e-2"))
            try expect(try await scene.commit(lease, .retry(Failure(.handleRetried))), .committed)
            let known = ["m-1", "m-2"].map { scene.request("e-2", message: $0) }
            try await expect(scene.store.claim(known, at: scene.now).map(\.word), ["granted", "in flight"])
        },
        Check("a batch is answered in its order, whatever becomes of its neighbours") { scene in
            try await scene.done("done")
            _ = try await scene.lease(scene.request("held"))
            let old = scene.event("old", signedAt: scene.now - .days(6))
            let requests = [
                scene.request("new-1"), scene.request("done"), scene.request("held"), scene.request(old),
                scene.request("new-2"),
            ]
            let words = try await scene.store.claim(requests, at: scene.now).map(\.word)
            try expect(words, ["granted", "done", "in flight", "refused as dedup.expired", "granted"])
            try await expect(scene.store.claim([], at: scene.now).count, 0)
        },
        Check("identities belong to their consumer") { scene in
            try await scene.done("e-1")
            let elsewhere = scene.request(scene.event("e-1"), queue: QueueName("audit"))
            try await expect(scene.claim(elsewhere).word, "granted")
        },
        Check("one token under two ids is one event") { scene in
            let first = try await scene.lease(scene.request(scene.event("e-1", token: "t")))
            let second = scene.request(scene.event("e-2", token: "t"))
            try await expect(scene.claim(second).word, "in flight")
            try expect(try await scene.commit(first, .retry(Failure(.handleRetried))), .committed)
            let again = try await scene.claim(second)
            try expect(again.history?.attempts, 1)
            try expect(try await scene.commit(try present(again.lease)), .committed)
            try await expect(scene.claim(scene.request(scene.event("e-1", token: "t"))).word, "done")
            try await expect(scene.claim(scene.request(scene.event("e-3", token: "t"))).word, "done")
        },
        Check("a known token under another label is a conflict") { scene in
            let lease = try await scene.lease(scene.request(scene.event("e-1", token: "t")))
            let relabelled = scene.request(scene.event("e-2", token: "t", source: "qsl.other"))
            try await expect(scene.claim(relabelled).word, "refused as dedup.conflict")
            try expect(try await scene.commit(lease), .committed)
            try await expect(scene.claim(relabelled).word, "refused as dedup.conflict")
        },
        Check("a done id with another payload is a conflict") { scene in
            try await scene.done("e-1")
            let twin = scene.request(scene.event("e-1", payload: "{\"other\":1}"))
            try await expect(scene.claim(twin).word, "refused as dedup.conflict")
        },
        Check("a business key is done once, and with another payload it is a conflict") { scene in
            let lease = try await scene.lease(scene.request("e-1", business: "payment 1"))
            try await expect(scene.claim(scene.request("e-2", business: "payment 1")).word, "in flight")
            try expect(try await scene.commit(lease), .committed)
            try await expect(scene.claim(scene.request("e-2", business: "payment 1")).word, "done")
            let other = scene.request(scene.event("e-3", payload: "{\"other\":1}"), business: "payment 1")
            try await expect(scene.claim(other).word, "refused as dedup.conflict")
            let elsewhere = scene.request(
                scene.event("e-4"), business: "payment 1", handler: HandlerID("compliance"))
            try await expect(scene.claim(elsewhere).word, "granted")
        },
        Check("an event with a row goes on however old, and one without does not") { scene in
            let signed = scene.now
            let lease = try await scene.lease(scene.request("e-1"))
            let retry = scene.commitment(lease, .retry(Failure(.handleRetried)), keep: .days(30))
            try await expect(scene.store.commit([retry], at: scene.now), [.committed])
            try await scene.pass(.days(10))
            try await expect(scene.claim(scene.request(scene.event("e-1", signedAt: signed))).word, "granted")
            let unseen = scene.request(scene.event("e-2", signedAt: signed))
            try await expect(scene.claim(unseen).word, "refused as dedup.expired")
        },
        Check("two sidecars that claim everything are granted each event once", .sharing) { scene in
            let stores = [scene.store, try await scene.other()]
            let ids = (0..<400).map { "e-\($0)" }
            let now = scene.now
            let granted = try await withThrowingTaskGroup(of: [String].self) { group in
                for (side, store) in stores.enumerated() {
                    for start in stride(from: 0, to: ids.count, by: 10) {
                        // Each sidecar comes to them in another order.
                        let batch = ids[start..<start + 10].sorted { side == 0 ? $0 < $1 : $0 > $1 }
                        let requests = batch.map { id in
                            scene.request(id, message: "m-\(side)-\(id)", business: "b-\(id)")
                        }
                        group.addTask {
                            let claims = try await store.claim(requests, at: now)
                            return zip(batch, claims).filter { $0.1.lease != nil }.map(\.0)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try expect(granted.sorted(), ids.sorted())
        },
        Check("what one sidecar runs or has done, the other one knows", .sharing) { scene in
            let other = try await scene.other()
            let lease = try await scene.lease(scene.request("e-1", business: "b"))
            try await expect(scene.claim(scene.request("e-1", message: "m-2"), on: other).word, "in flight")
            try await expect(scene.claim(scene.request("e-2", business: "b"), on: other).word, "in flight")
            try expect(try await scene.commit(lease), .committed)
            try await expect(scene.claim(scene.request("e-1", message: "m-2"), on: other).word, "done")
            try await expect(scene.claim(scene.request("e-2", business: "b"), on: other).word, "done")
        },
    ]

    static let leases: [Check] = [
        Check("a lease ends by time, and its fence with it") { scene in
            let old = try await scene.lease(scene.request("e-1"))
            try await scene.pass(.seconds(31))
            let new = try await scene.lease(scene.request("e-1"))
            try expect(that: new.fence > old.fence)
            try expect(try await scene.commit(old), .lostClaim)
            let renewed = await scene.store.renew([old, new], until: scene.now + .seconds(60))
            try expect(renewed, [false, true])
            try expect(try await scene.commit(new), .committed)
        },
        Check("a renewed lease holds") { scene in
            let lease = try await scene.lease(scene.request("e-1"))
            try expect(await scene.store.renew([lease], until: scene.now + .minutes(5)), [true])
            try await scene.pass(.minutes(4))
            try await expect(scene.claim(scene.request("e-1")).word, "in flight")
            try expect(try await scene.commit(lease), .committed)
        },
        Check("a released claim is free, and counts nothing") { scene in
            let lease = try await scene.lease(scene.request("e-1"))
            await scene.store.release([lease])
            try expect(try await scene.commit(lease), .lostClaim)
            try await expect(scene.claim(scene.request("e-1")).history?.attempts, 0)
        },
        Check("fences never repeat, also after a restart") { scene in
            let before = try await scene.lease(scene.request("e-1"))
            try await scene.target.restart()
            try await scene.pass(.seconds(31))
            let after = try await scene.lease(scene.request("e-1"))
            try expect(that: after.fence > before.fence)
            try expect(try await scene.commit(before), .lostClaim)
            try expect(try await scene.commit(after), .committed)
        },
        Check("a sidecar whose lease has ended is fenced out by the one that took the event", .sharing) { scene in
            let other = try await scene.other()
            let slow = try await scene.lease(scene.request("e-1"))
            try await scene.pass(.seconds(31))
            let quick = try await scene.lease(scene.request("e-1", message: "m-2"), on: other)
            let effects = Effects(writes: [scene.put("k", "slow")], drafts: [scene.draft("r")])
            try expect(try await scene.commit(slow, .done(effects)), .lostClaim)
            try await expect(scene.value("k").version, 0)
            try await expect(scene.store.depth().rows, 0)
            try expect(try await scene.commit(quick, on: other), .committed)
            try await expect(scene.claim(scene.request("e-1")).word, "done")
        },
        Check("a fence is worth nothing in another sidecar", .sharing) { scene in
            let lease = try await scene.lease(scene.request("e-1"))
            let other = try await scene.other()
            try expect(try await scene.commit(lease, on: other), .lostClaim)
            try expect(try await scene.commit(lease), .committed)
        },
        Check("no sidecar's clock ends another one's lease", .sharing) { scene in
            let other = try await scene.other()
            let lease = try await scene.lease(scene.request("e-1"))
            // An hour ahead, and an hour behind.
            let ahead = try await other.claim([scene.request("e-1", message: "m-2")], at: scene.now + .hours(1))
            try expect(ahead.map(\.word), ["in flight"])
            let behind = try await other.claim([scene.request("e-1", message: "m-2")], at: scene.now - .hours(1))
            try expect(behind.map(\.word), ["in flight"])
            try expect(try await scene.commit(lease), .committed)
            // One that was granted under a slow clock ends all the same.
            let slow = try await other.claim([scene.request("e-2")], at: scene.now - .hours(1))
            try expect(slow.map(\.word), ["granted"])
            try await scene.pass(.seconds(31))
            try await expect(scene.claim(scene.request("e-2")).word, "granted")
        },
        Check("what a sidecar that died had claimed is free when its leases have ended", .sharing) { scene in
            let other = try await scene.other()
            for number in 0..<20 { _ = try await scene.lease(scene.request("e-\(number)")) }
            try await scene.target.restart()
            try await scene.pass(.seconds(31))
            let requests = (0..<20).map { scene.request("e-\($0)") }
            let words = try await other.claim(requests, at: scene.now).map(\.word)
            try expect(Set(words), ["granted"])
        },
    ]
}
