import Cryptography
import Events
import Pipeline

// What leaves: publications in the order of their resources, timers, and what is handed in.

extension Check {
    static let outboxes: [Check] = [
        Check("drafts become publications under ids that never change") { scene in
            try await scene.done("e-1", Effects(drafts: [scene.draft("a"), scene.draft("b")]))
            let before = try await scene.due()
            try await scene.target.restart()
            try await scene.pass(.minutes(1))
            let after = try await scene.due()
            try expect(after.map(\.id), before.map(\.id))
            try expect(after.map(\.row), before.map(\.row))
            try expect(after.map(\.draft), [scene.draft("a"), scene.draft("b")])
            try expect(after.map(\.parent), ["e-1", "e-1"])
            try expect(after[0].trace.correlationID, "c-1")
            try expect(after[0].committedAt, TestClock.start)
            try expect(after[0].id, "e1751f991d111cd6611008330bc80a2033ae4db21fef1e2d4dbde29346c1164b")
        },
        Check("a resource's publications go one by one, in the order of commit") { scene in
            try await scene.done("e-1", Effects(drafts: [scene.draft("a", detail: "1"), scene.draft("b", detail: "1")]))
            try await scene.done("e-2", Effects(drafts: [scene.draft("a", detail: "2"), scene.draft("", detail: "3")]))
            var sent: [String] = []
            while let first = try await scene.due().first {
                let all = try await scene.due()
                let resources = all.map(\.draft.resource).filter { !$0.isEmpty }
                try expect(Set(resources).count, resources.count)
                let others = try await scene.due(excluding: Set(all.map(\.row)))
                try expect(others.count, 0, "in flight it blocks the rest")
                sent.append(first.draft.resource + first.draft.detail.text)
                try await scene.settle(first.row)
            }
            try expect(sent.filter { $0.hasPrefix("a") }, ["a1", "a2"])
            try expect(sent.sorted(), ["3", "a1", "a2", "b1"])
            try await expect(scene.store.depth(), OutboxDepth(rows: 0, bytes: 0, oldest: nil))
        },
        Check("a retried row holds its resource until its time") { scene in
            try await scene.done("e-1", Effects(drafts: [scene.draft("a"), scene.draft("a")]))
            let row = try await scene.due()[0].row
            let later = scene.now + .seconds(5)
            try await scene.settle(row, .retry(at: later, Failure(.publishUnavailable)))
            try await expect(scene.due().count, 0)
            try await scene.pass(.seconds(5))
            try await expect(scene.due().map(\.row), [row])
            try await expect(scene.due()[0].attempts, 1)
        },
        Check("what is given up blocks nobody, and ends once") { scene in
            try await scene.done("e-1", Effects(drafts: [scene.draft("a"), scene.draft("a")]))
            let row = try await scene.due()[0].row
            let end = PublicationResult.End.gaveUp(Failure(.publishRefused, "bus", "MalformedDetail"))
            try await scene.settle(row, end)
            try await scene.settle(row, end)
            let left = try await scene.due()
            try expect(left.count, 1)
            try expect(that: left[0].row != row)
            try await expect(scene.journal().filter { $0.entry.outcome == .gaveUp }.count, 1)
        },
        Check("two relays never have one publication at once", .sharing) { scene in
            let stores = [scene.store, try await scene.other()]
            for batch in 0..<4 {
                let drafts = (0..<15).map { scene.draft("r-\($0 % 5)", detail: "\(batch)-\($0)") }
                try await scene.done("e-\(batch)", Effects(drafts: drafts))
            }
            let sent = try await withThrowingTaskGroup(of: [String].self) { group in
                for store in stores {
                    group.addTask {
                        var sent: [String] = []
                        while try await store.depth().rows > 0 {
                            for publication in try await scene.due(3, on: store) {
                                sent.append(publication.draft.resource + " " + publication.id)
                                try await scene.settle(publication.row, on: store)
                            }
                        }
                        return sent
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try expect(sent.count, 60)
            try expect(Set(sent).count, 60)
        },
        Check("while one relay has a resource's publication, another has none of it", .sharing) { scene in
            let other = try await scene.other()
            try await scene.done("e-1", Effects(drafts: [scene.draft("a"), scene.draft("a"), scene.draft("b")]))
            let mine = try await scene.due(1)
            try expect(mine.map(\.draft.resource), ["a"])
            try await expect(scene.due(on: other).map(\.draft.resource), ["b"])
            try await scene.done("e-2", Effects(drafts: [scene.draft("a")]), on: other)
            try await expect(scene.due(on: other, excluding: [mine[0].row]).map(\.draft.resource), ["b"])
            try await scene.settle(mine[0].row)
            try await expect(scene.due(on: other).map(\.draft.resource), ["a", "b"])
        },
        Check("the outbox of a sidecar that died is taken over, under the same ids", .sharing) { scene in
            let other = try await scene.other()
            try await scene.done("e-1", Effects(drafts: [scene.draft("a"), scene.draft("b")]))
            let ids = try await scene.due().map(\.id)
            try await scene.target.restart()
            try await expect(scene.due(on: other).count, 0, "it may still be sending")
            try await scene.pass(.minutes(2))
            try await expect(scene.due(on: other).map(\.id), ids)
        },
    ]

    private static let handlers: Set = [HandlerID("treasury"), HandlerID("other")]

    private static func timer(_ key: String, in delay: Duration, _ scene: Scene, detail: String = "{\"t\":1}")
        -> TimerChange
    {
        TimerChange(key: Bytes(key), at: scene.now + delay, detail: Bytes(detail))
    }

    static let timers: [Check] = [
        Check("a timer becomes an event of its handler when it is due") { scene in
            try await scene.done("e-1", Effects(timers: [timer("k", in: .seconds(10), scene)]))
            try await expect(scene.store.due(of: handlers, at: scene.now, atMost: 9).count, 0)
            try await expect(scene.store.next(of: handlers), scene.now + .seconds(10))
            try await scene.pass(.seconds(10))
            let event = try present(try await scene.store.due(of: handlers, at: scene.now, atMost: 9).first)
            try expect(event.source, "outrigger.timer")
            try expect(event.detailType, "treasury")
            try expect(event.detail.text, "{\"t\":1}")
            try expect(event.trace.correlationID, "c-1")
            let others: Set = [HandlerID("other")]
            try await expect(scene.store.due(of: others, at: scene.now, atMost: 9).count, 0)
            try await expect(scene.store.strays(beside: others, at: scene.now), 1)
            try await expect(scene.store.strays(beside: handlers, at: scene.now), 0)
        },
        Check("a timer's row goes in the commit of its event") { scene in
            try await scene.done("e-1", Effects(timers: [timer("k", in: .zero, scene)]))
            let event = try present(try await scene.store.due(of: handlers, at: scene.now, atMost: 9).first)
            let lease = try await scene.lease(scene.request(event))
            try await expect(scene.store.due(of: handlers, at: scene.now, atMost: 9).count, 0)
            try await expect(scene.store.next(of: handlers), nil)
            try expect(try await scene.commit(lease, .retry(Failure(.handleRetried))), .committed)
            let again = try await scene.store.due(of: handlers, at: scene.now, atMost: 9)
            try expect(again.map(\.id), [event.id])
            try expect(try await scene.commit(try await scene.lease(scene.request(event))), .committed)
            try await expect(scene.store.due(of: handlers, at: scene.now, atMost: 9).count, 0)
            try await expect(scene.claim(scene.request(event)).word, "done")
        },
        Check("a timer that was moved while it ran fires again, and a removed one does not") { scene in
            try await scene.done("e-1", Effects(timers: [timer("k", in: .zero, scene)]))
            let event = try present(try await scene.store.due(of: handlers, at: scene.now, atMost: 9).first)
            let lease = try await scene.lease(scene.request(event))
            try await scene.done("e-2", Effects(timers: [timer("k", in: .zero, scene)]))
            try expect(try await scene.commit(lease), .committed)
            let moved = try await scene.store.due(of: handlers, at: scene.now, atMost: 9)
            try expect(moved.count, 1)
            try expect(that: moved[0].id != event.id)
            try await scene.done("e-3", Effects(timers: [timer("k", in: .zero, scene, detail: "")]))
            try await expect(scene.store.next(of: handlers), nil)
        },
        Check("the oldest timers come first, those that were tried behind all others") { scene in
            try await scene.done("e-1", Effects(timers: [timer("old", in: .seconds(-9), scene)]))
            let old = try present(try await scene.store.due(of: handlers, at: scene.now, atMost: 1).first)
            let lease = try await scene.lease(scene.request(old))
            try expect(try await scene.commit(lease, .retry(Failure(.handleRetried))), .committed)
            try await scene.done("e-2", Effects(timers: [timer("b", in: .seconds(-1), scene)]))
            try await scene.done("e-3", Effects(timers: [timer("a", in: .seconds(-2), scene)]))
            let due = try await scene.store.due(of: handlers, at: scene.now, atMost: 9)
            try expect(due.count, 3)
            try expect(due.last?.id, old.id)
        },
        Check("each timer comes to one sidecar, and to another when that one is gone", .sharing) { scene in
            let other = try await scene.other()
            let changes = (0..<12).map { timer("k-\($0)", in: .zero, scene) }
            try await scene.done("e-1", Effects(timers: changes))
            async let first = scene.store.due(of: handlers, at: scene.now, atMost: 6)
            async let second = other.due(of: handlers, at: scene.now, atMost: 6)
            let (mine, theirs) = try await (first.map(\.id), second.map(\.id))
            try expect(Set(mine + theirs).count, mine.count + theirs.count)
            let rest = try await other.due(of: handlers, at: scene.now, atMost: 12).map(\.id)
            try expect(that: Set(rest).isDisjoint(with: mine))
            try expect(Set(mine + rest).count, 12)
            try await scene.target.restart()
            try await scene.pass(.minutes(2))
            try await expect(other.due(of: handlers, at: scene.now, atMost: 20).count, 12)
        },
    ]

    static let intakes: [Check] = [
        Check("what is handed in is in the outbox and in the journal, under its id") { scene in
            let ids = try await scene.store.submit(submission(scene, ["p-1", "p-2"]), at: scene.now)
            try expect(ids, ["p-1", "p-2"])
            let due = try await scene.due()
            try expect(due.map(\.id), ["p-1"], "one resource")
            try expect(due[0].parent, "")
            try expect(due[0].trace.correlationID, "c-9")
            try await expect(scene.journal().map(\.entry.outcome), [.accepted, .accepted])
        },
        Check("a key is answered with the first ids, and another request under it is a conflict") { scene in
            _ = try await scene.store.submit(submission(scene, ["p-1"], key: "k"), at: scene.now)
            try await scene.target.restart()
            let again = try await scene.store.submit(submission(scene, ["p-2"], key: "k"), at: scene.now)
            try expect(again, ["p-1"])
            try await expect(scene.store.depth().rows, 1)
            let conflict = await failure {
                try await scene.store.submit(submission(scene, ["p-3"], key: "k", digest: "x"), at: scene.now)
            }
            try expect(conflict?.code, .apiConflict)
            try await scene.pass(.hours(25))
            let later = try await scene.store.submit(submission(scene, ["p-4"], key: "k", digest: "x"), at: scene.now)
            try expect(later, ["p-4"])
        },
        Check("one key handed in many times at once is taken once") { scene in
            let stores = try await [scene.store, scene.target.second() ?? scene.store]
            let answers = try await withThrowingTaskGroup(of: [String].self) { group in
                for number in 0..<8 {
                    group.addTask {
                        try await stores[number % 2].submit(
                            submission(scene, ["p-\(number)"], key: "k"), at: scene.now)
                    }
                }
                return try await group.reduce(into: Set<[String]>()) { $0.insert($1) }
            }
            try expect(answers.count, 1)
            try await expect(scene.store.depth().rows, 1)
        },
    ]

    static func submission(
        _ scene: Scene, _ ids: [String], key: String? = nil, digest: String = "d"
    ) -> Submission {
        let entries = ids.map { id in
            Submission.Entry(
                id: id, draft: scene.draft("r"), trace: Event.Trace(correlationID: "c-9", userID: "u-9"))
        }
        return Submission(
            peer: "treasury", idempotencyKey: key, digest: Hash.sha256(Array(digest.utf8)), entries: entries,
            keepUntil: scene.now + .hours(24))
    }
}
