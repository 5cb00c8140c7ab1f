import Cryptography
import Events
import Pipeline

// What a store keeps for people: the shelf, and the journal's heads.

extension Check {
    private static func letter(_ body: String = "raw") -> DeadLetter {
        DeadLetter(
            body: Bytes(body), attributes: [Attribute(name: "n", value: "v")], failure: #"{"code":"x"}"#,
            shortFailure: "{}", group: "g", deduplicationID: "d")
    }

    private static func shelve(
        _ scene: Scene, _ messages: [String], body: String = "raw", on store: (any EventStore)? = nil
    ) async throws {
        let refusals = messages.map { message in
            Refusal(
                consumer: scene.queue, messageID: MessageID(message), failure: Failure(.verifyBadSignature),
                shelved: letter(body), keepUntil: scene.now + .days(1), sentAt: scene.now, deliveries: 1,
                body: Bytes(body), verified: nil)
        }
        try await (store ?? scene.store).refuse(refusals, at: scene.now)
    }

    private static func letters(in box: any DeadLetterBox) async throws -> [BoxedLetter] {
        var all: [BoxedLetter] = []
        while case let letters = try await box.take(atMost: 10), !letters.isEmpty { all += letters }
        return all
    }

    static let shelves: [Check] = [
        Check("letters that the store keeps are seen once each in a visit, by their queue") { scene in
            let names = (0..<12).map { "m-\($0)" }
            try await shelve(scene, names)
            let box = scene.store.shelf(LetterPlace(queue: scene.queue))
            let letters = try await Self.letters(in: box)
            try expect(letters.map(\.id.text).sorted(), names.sorted())
            let isWhole = letters.allSatisfy { letter in
                letter.body == Bytes("raw") && letter.failure == #"{"code":"x"}"# && letter.group == "g"
                    && letter.attributes == [Attribute(name: "n", value: "v")] && letter.arrivedAt == scene.now
            }
            try expect(that: isWhole)
            await box.release()
            try await expect(Self.letters(in: box).count, 12)
            let other = scene.store.shelf(LetterPlace(queue: QueueName("other")))
            try await expect(Self.letters(in: other).count, 0)
        },
        Check("a letter that was deleted is gone for good") { scene in
            let lease = try await scene.lease(scene.request("e-1"))
            let verdict = Commitment.Verdict.dead(Failure(.handleRejected, "treasury", "no"), shelved: letter())
            try expect(try await scene.commit(lease, verdict), .committed)
            try await shelve(scene, ["m-2"])
            let box = scene.store.shelf(LetterPlace(queue: scene.queue))
            try await expect(Self.letters(in: box).map(\.id.text).sorted(), ["m-1", "m-2"])
            try await expect(none: box.delete([MessageID("m-1")]))
            try await scene.target.restart()
            let again = scene.store.shelf(LetterPlace(queue: scene.queue))
            try await expect(Self.letters(in: again).map(\.id.text), ["m-2"])
        },
        Check("a letter that was written anew is not deleted with the old one") { scene in
            let failure = Failure(.handleRejected, "treasury", "no")
            let first = try await scene.lease(scene.request("e-1"))
            try expect(try await scene.commit(first, .dead(failure, shelved: letter("old"))), .committed)
            let box = scene.store.shelf(LetterPlace(queue: scene.queue))
            _ = try await Self.letters(in: box)
            try await scene.pass(.seconds(1))
            let second = try await scene.lease(scene.request("e-2"))
            try expect(try await scene.commit(second, .dead(failure, shelved: letter("new"))), .committed)
            _ = await box.delete([MessageID("m-1")])
            let again = scene.store.shelf(LetterPlace(queue: scene.queue))
            try await expect(Self.letters(in: again).map(\.body.text), ["new"])
        },
        Check("what the bus did not take goes back to the outbox under its id") { scene in
            try await scene.done("e-1", Effects(drafts: [scene.draft("a")]))
            let first = try await scene.due()[0]
            try await scene.settle(first.row, .gaveUp(Failure(.publishRefused, "bus", "MalformedDetail")))
            let box = scene.store.shelf(LetterPlace(queue: scene.queue, box: .publications))
            let letters = try await Self.letters(in: box)
            try expect(letters.map(\.id.text), [first.id])
            try expect(that: letters[0].failure?.contains("MalformedDetail") == true)
            try expect(that: letters[0].body.text.contains(#""detailCore":{"a":1}"#))
            let back = RedrivenLetter(id: letters[0].id, body: letters[0].body, attributes: [], group: nil)
            let sent = await scene.store.outboxTarget(scene.clock).send([back])
            try expect(sent.map { try? $0.get() }, [letters[0].id])
            try await expect(none: box.delete([letters[0].id]))
            let again = try await scene.due()
            try expect(again.map(\.id), [first.id])
            try expect(again.map(\.draft), [first.draft])
            try expect(again.map(\.parent), ["e-1"])
            let left = scene.store.shelf(LetterPlace(queue: scene.queue, box: .publications))
            try await expect(Self.letters(in: left).count, 0)
        },
        Check("every sidecar sees the shelf", .sharing) { scene in
            try await shelve(scene, ["m-1"])
            let box = try await scene.other().shelf(LetterPlace(queue: scene.queue))
            try await expect(Self.letters(in: box).map(\.id.text), ["m-1"])
            try await expect(none: box.delete([MessageID("m-1")]))
            try await expect(Self.letters(in: scene.store.shelf(LetterPlace(queue: scene.queue))).count, 0)
        },
        Check("a store tells how much it holds") { scene in
            try await scene.done("e-1", Effects(drafts: [scene.draft("a")]))
            let size = try await scene.store.size()
            if size.isExact {
                try expect(size["ledger"], 1)
                try expect(size["journal"], 1)
            }
            try expect(that: size.tables.map(\.name).contains("outbox"))
            try expect(that: size.bytes >= 0)
        },
    ]

    // MARK: - heads

    /// Not a signature: that a key has made it others say.
    private static let signature = HeadSignature(keyID: "journal-1", bytes: [1, 2, 3])

    private static func seal(_ scene: Scene, on store: (any EventStore)? = nil) async throws -> HeadStatement? {
        try await (store ?? scene.store).beat(at: scene.now)
        let heads = (store ?? scene.store).heads
        guard let head = try await heads.headToSeal(force: true, at: scene.now) else { return nil }
        try await heads.seal(head, signature)
        return head.statement
    }

    static let heads: [Check] = sealings + damages

    private static let sealings: [Check] = [
        Check("a head vouches for what was written, once") { scene in
            try await expect(seal(scene), nil)
            for number in 0..<3 { try await scene.done("e-\(number)") }
            let head = try present(try await seal(scene))
            try expect(head.number, 3)
            try expect(head.first, 1)
            try await expect(scene.journal().last?.hash, head.hash)
            try await expect(seal(scene), nil)
            try await scene.done("e-3")
            try await expect(seal(scene)?.number, 4)
            try expect(that: try await scene.target.isJournalWhole())
        },
        Check("each sidecar seals its own chain", .sharing) { scene in
            let other = try await scene.other()
            try await scene.done("e-1")
            try await scene.done("e-2", on: other)
            let own = try present(try await seal(scene))
            let theirs = try present(try await seal(scene, on: other))
            try expect(own.store, theirs.store)
            try expect(that: own.boot != theirs.boot)
            try expect([own.number, theirs.number], [1, 1])
            guard let auditor = scene.store.auditor else { return }
            let audit = try await auditor.audit { signature, _ in signature == Self.signature }
            try expect(audit, JournalAudit(rows: 2, chains: 2, heads: 2, signed: 2))
        },
        Check("the chain of a sidecar that is gone is sealed by another", .sharing) { scene in
            try await scene.done("e-1")
            let other = try await scene.other()
            try await other.beat(at: scene.now)
            try await expect(other.heads.headToSeal(force: true, at: scene.now)?.statement, nil)
            await scene.store.close()
            try await scene.pass(.minutes(5))
            try await other.beat(at: scene.now)
            let head = try present(try await seal(scene, on: other))
            try expect(head.number, 1)
            try await expect(other.auditor?.audit(), JournalAudit(rows: 1, chains: 1, heads: 1, signed: 1))
        },
        Check("a bad signature, and one by a key that nobody knows, are told", .sharing) { scene in
            try await scene.done("e-1")
            _ = try await seal(scene)
            guard let auditor = scene.store.auditor else { return }
            try await expect(auditor.audit { _, _ in false }.breaks.map(\.kind), [.signature])
            try await expect(auditor.audit { _, _ in nil }.breaks.map(\.kind), [.unknownKey])
            try await expect(auditor.audit { _, _ in true }.breaks.map(\.kind), [])
        },
        Check("rows that heads gave up go in their order, and what stays is whole") { scene in
            try await scene.done("e-1")
            _ = try await seal(scene)
            try await scene.pass(.days(1))
            try await scene.done("e-2")
            try await expect(seal(scene)?.number, 2)
            try await scene.pass(.days(31))
            try await scene.done("e-3")
            _ = try await seal(scene)
            _ = try await scene.target.sweep(at: scene.now)
            try await expect(scene.journal().map(\.number), [3])
            try expect(that: try await scene.target.isJournalWhole())
        },
    ]

    private static let damages: [Check] = Damage.allCases.map { damage in
        Check("the journal is not whole when \(damage.rawValue)") { scene in
            for number in 0..<4 { try await scene.done("e-\(number)") }
            _ = try await seal(scene)
            try expect(that: try await scene.target.isJournalWhole())
            try await scene.target.damage(damage)
            try expect(that: try await !scene.target.isJournalWhole())
        }
    }
}

private func expect(
    none failures: [Failure?], file: StaticString = #fileID, line: UInt = #line
) throws {
    try expect(that: failures.allSatisfy { $0 == nil }, "\(failures)", file: file, line: line)
}
