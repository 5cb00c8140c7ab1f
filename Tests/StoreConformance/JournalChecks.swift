import Events
import Pipeline

// The journal, and what a broken connection does to all of it.

extension Check {
    static let journals: [Check] = [
        Check("rows have numbers without gaps, in a chain, and say what happened") { scene in
            try await scene.done("e-1", Effects(drafts: [scene.draft("a")]))
            let lease = try await scene.lease(scene.request("e-2"))
            try expect(try await scene.commit(lease, .retry(Failure(.handleRetried, "x", "later"))), .committed)
            try await scene.settle(try await scene.due()[0].row)
            try await scene.target.restart()
            try await scene.done("e-3")
            let rows = try await scene.journal()
            try expect(rows.map(\.number), [1, 2, 3, 4])
            try expect(rows.map(\.entry.outcome), [.done, .retry, .sent, .done])
            try expect(rows.map(\.entry.stage), ["", "handle", "", ""])
            try expect(rows[1].entry.cause, "later")
            try await expect(scene.store.newest(), 4)
            try expect(that: try await scene.target.isJournalWhole())
        },
        Check("a question finds its rows by any name") { scene in
            for number in 0..<6 { try await scene.done("e-\(number)") }
            func found(_ change: (inout JournalQuery) -> Void) async throws -> Int {
                var query = JournalQuery()
                change(&query)
                let rows = try await scene.store.rows(query)
                return rows.count
            }
            try await expect(found { $0.event = "e-3" }, 1)
            try await expect(found { $0.correlationID = "c-1" }, 6)
            try await expect(found { $0.userID = "u-1" }, 6)
            try await expect(found { $0.userID = "nobody" }, 0)
            try await expect(found { $0.resource = "urn:qsl:treasury:payment:1" }, 6)
            try await expect(found { $0.outcome = .retry }, 0)
            try await expect(found { $0.after = 4 }, 2)
            try await expect(found { $0.atMost = 2 }, 2)
            try await expect(found { $0.since = scene.now + .seconds(1) }, 0)
            try await expect(found { $0.until = scene.now + .seconds(1) }, 6)
        },
        Check("what an event published is found by it, and a duplicate is no publication") { scene in
            try await scene.done("e-1", Effects(drafts: [scene.draft("a")]))
            try await expect(scene.claim(scene.request("e-1", message: "m-2")).word, "done")
            try await scene.settle(try await scene.due()[0].row)
            var query = JournalQuery()
            query.parent = "e-1"
            let published = try await scene.store.rows(query)
            try expect(published.map(\.entry.outcome), [.sent])
            query.parent = "e-2"
            let nothing = try await scene.store.rows(query)
            try expect(nothing.isEmpty, true)
        },
        Check("a duplicate is told of, with the event that was done") { scene in
            try await scene.done("e-1")
            try await expect(scene.claim(scene.request("e-1", message: "m-2")).word, "done")
            try await scene.done("e-2")
            let rows = try await scene.journal()
            try expect(rows.filter { $0.entry.outcome == .duplicate }.map(\.entry.parent), ["e-1"])
        },
        Check("an event's accounts tell its state") { scene in
            try await scene.done("e-1")
            _ = try await scene.lease(scene.request("e-2"))
            try await expect(scene.store.accounts(of: "e-1").map(\.state), [.done])
            try await expect(scene.store.accounts(of: "e-2").map(\.state), [.claimed])
            try await expect(scene.store.accounts(of: "e-3").count, 0)
        },
        Check("who follows the journal is woken by a commit") { scene in
            let growth = scene.store.growth()
            try await scene.done("e-1")
            for await _ in growth { break }
            try await expect(scene.journal().count, 1)
        },
        Check("who follows the journal of two sidecars misses no row", .sharing) { scene in
            let stores = [scene.store, try await scene.other()]
            let total = 120
            let seen = try await withThrowingTaskGroup(of: [JournalRow].self) { group in
                for (side, store) in stores.enumerated() {
                    group.addTask {
                        for number in 0..<total / 2 { try await scene.done("e-\(side)-\(number)", on: store) }
                        return []
                    }
                }
                group.addTask {
                    var seen: [JournalRow] = []
                    while seen.count < total {
                        seen += try await scene.journal(after: seen.last?.number ?? 0, on: stores[1])
                        await Task.yield()
                    }
                    return seen
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try expect(seen.map(\.number), (1...Int64(total)).map { $0 })
            try expect(Set(seen.map(\.entry.event)).count, total)
            try expect(Set(seen.map(\.boot)).count, 2, "a chain for each writer")
            try expect(that: try await scene.target.isJournalWhole())
            try await expect(scene.journal().map(\.hash), seen.map(\.hash), "every sidecar sees the same")
        },
    ]

    /// Each cut, in each kind of call that writes: what was thrown is tried again, and counts once.
    static let cuts: [Check] = Cut.allCases.flatMap { cut in
        [
            Check("a commit whose connection is cut \(cut.rawValue) counts once", .cutting) { scene in
                let leases = try await scene.store.claim(
                    (0..<3).map { scene.request("e-\($0)") }, at: scene.now
                ).compactMap(\.lease)
                let commitments = leases.enumerated().map { number, lease in
                    scene.commitment(
                        lease,
                        .done(
                            Effects(
                                writes: [scene.put("k-\(number)", "v", expected: 0)],
                                drafts: [scene.draft("r-\(number)")])))
                }
                try expect(that: try await scene.target.cut(cut))
                let thrown = await failure { try await scene.store.commit(commitments, at: scene.now) }
                if let thrown { try expect(thrown.code, .storeUnavailable) }
                let again = try await scene.store.commit(commitments, at: scene.now)
                try expect(again, [.committed, .committed, .committed])
                try await expect(scene.store.depth().rows, 3)
                try await expect(scene.value("k-1").value.text, "v")
                try await expect(scene.journal().count, 3)
                let copies = (0..<3).map { scene.request("e-\($0)", message: "m-2") }
                try await expect(scene.store.claim(copies, at: scene.now).map(\.word), ["done", "done", "done"])
                try expect(that: try await scene.target.isJournalWhole())
            },
            Check("a claim whose connection is cut \(cut.rawValue) is free for the next call", .cutting) { scene in
                let requests = (0..<3).map { scene.request("e-\($0)", business: "b-\($0)") }
                try expect(that: try await scene.target.cut(cut))
                let thrown = await failure { try await scene.store.claim(requests, at: scene.now) }
                try expect(thrown?.code, .storeUnavailable)
                let words = try await scene.store.claim(requests, at: scene.now).map(\.word)
                try expect(words, ["granted", "granted", "granted"])
            },
            Check("a request from outside whose connection is cut \(cut.rawValue) is taken once", .cutting) { scene in
                let request = submission(scene, ["p-1"], key: "k")
                try expect(that: try await scene.target.cut(cut))
                _ = await failure { try await scene.store.submit(request, at: scene.now) }
                try await expect(scene.store.submit(request, at: scene.now), ["p-1"])
                try await expect(scene.store.depth().rows, 1)
            },
            Check("publications whose end is cut off \(cut.rawValue) end once", .cutting) { scene in
                try await scene.done("e-1", Effects(drafts: [scene.draft("a"), scene.draft("a")]))
                let row = try await scene.due()[0].row
                try expect(that: try await scene.target.cut(cut))
                _ = await failure { try await scene.settle(row) }
                try await scene.settle(row)
                let next = try await scene.due()
                try expect(next.count, 1)
                try expect(that: next[0].row != row)
                try await expect(scene.journal().filter { $0.entry.outcome == .sent }.count, 1)
            },
        ]
    }
}
