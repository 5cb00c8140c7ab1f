import Events
import Pipeline
import Telemetry

/// Seals the journal's heads: when a segment is full, when time has passed, when rows may go, and at the end.
struct JournalSealer: Sendable {
    private static let round = Duration.seconds(1)
    /// Lines in the log: so that whoever keeps the log knows where the journal stood.
    private static let telling = Duration.seconds(10)

    let heads: any JournalHeads
    /// `nil`: heads are kept unsigned.
    let signer: (any HeadSigner)?
    let observers: Observers

    /// Until cancelled.
    func run() async {
        let (rings, bell) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in heads.fullSegments { bell.yield() } }
            group.addTask {
                while (try? await Task.sleep(for: Self.round)) != nil { bell.yield() }
                bell.finish()
            }
            var told = Instant.distantPast
            for await _ in rings {
                guard let head = await seal(), observers.clock.now - told >= Self.telling else { continue }
                told = observers.clock.now
                tell(head)
            }
        }
    }

    /// What no head covers yet, when nothing more comes.
    func finish() async { if let head = await seal(force: true) { tell(head) } }

    /// A head that cannot be signed is sealed without: rows must not wait for a key.
    private func seal(force: Bool = false) async -> HeadStatement? {
        do throws(Failure) {
            let now = observers.clock.now
            guard let head = try await heads.headToSeal(force: force, at: now) else { return nil }
            let signature = await signature(of: head.statement)
            try await heads.seal(head, signature)
            observers.telemetry.journalSealed(head.statement, isSigned: signature != nil)
            return head.statement
        } catch {
            observers.report(error)
            return nil
        }
    }

    private func signature(of head: HeadStatement) async -> HeadSignature? {
        guard let signer else { return nil }
        do throws(Failure) { return try await signer.sign(head) } catch {
            observers.report(error)
            return nil
        }
    }

    private func tell(_ head: HeadStatement) {
        observers.telemetry.journalHead(head, isSigned: signer != nil, at: observers.clock.now)
    }
}
