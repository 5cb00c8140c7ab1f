import Events
import LocalAPI
import Pipeline
import Synchronization

/// Answers what a test says, and remembers what it was asked.
final class ScriptedOffice: LetterOffice {
    struct Asked: Sendable {
        var place: LetterPlace?
        var filter: LetterFilter?
        var plan: RedrivePlan?
        var author: LetterAuthor?
        var core: Bytes?
        var action: JournalEntry.Outcome?
        var notes: [LetterNote] = []
        var bodies: [Bytes] = []
        var freed: String?
    }

    let asked = Mutex(Asked())
    let letters: [BoxedLetter]

    init(_ letters: [BoxedLetter] = []) { self.letters = letters }

    func list(_ place: LetterPlace, _ filter: LetterFilter) async throws(Failure) -> LetterList {
        asked.withLock { ($0.place, $0.filter) = (place, filter) }
        return LetterList(letters: letters.map { Letter($0, LetterReader.record(of: $0)) }, isWhole: true)
    }

    func letter(_ id: MessageID, in place: LetterPlace) async throws(Failure) -> (BoxedLetter, Letter) {
        guard let letter = letters.first(where: { $0.id == id }) else { throw Failure(.apiNotFound, id.text) }
        return (letter, Letter(letter, LetterReader.record(of: letter)))
    }

    func redrive(
        _ place: LetterPlace, _ filter: LetterFilter, _ plan: RedrivePlan, by author: LetterAuthor,
        progress: @escaping @Sendable (RedriveReport) -> Void
    ) async throws(Failure) -> RedriveReport {
        asked.withLock { ($0.place, $0.filter, $0.plan, $0.author) = (place, filter, plan, author) }
        var report = RedriveReport()
        report.moved = letters.count
        return report
    }

    func discard(
        _ place: LetterPlace, _ filter: LetterFilter, until deadline: Instant?, by author: LetterAuthor
    ) async throws(Failure) -> RedriveReport {
        asked.withLock { ($0.place, $0.filter, $0.author) = (place, filter, author) }
        return RedriveReport()
    }

    func edit(
        _ id: MessageID, in place: LetterPlace, core: Bytes, by author: LetterAuthor
    ) async throws(Failure) -> EditedLetter {
        asked.withLock { ($0.place, $0.core, $0.author) = (place, core, author) }
        return EditedLetter(eventID: "new", originalID: "old", isNew: true, message: MessageID("m-2"))
    }

    func permit(
        _ bodies: [Bytes], of queue: QueueName, ordered order: Instant, by author: LetterAuthor
    ) async throws(Failure) -> [Result<Permit, Failure>] {
        asked.withLock { ($0.bodies, $0.author) = (bodies, author) }
        return bodies.map { body in
            if body == Bytes("forged") { return .failure(Failure(.verifyBadSignature, "e-2", "no")) }
            return .success(Permit(consumer: queue, event: "e-1", until: Instant(unixSeconds: 86_400)))
        }
    }

    func permit(for event: String, of queue: QueueName) async throws(Failure) -> Permit? {
        event == "e-1" ? Permit(consumer: queue, event: event, until: Instant(unixSeconds: 86_400)) : nil
    }

    func parkedGroups(of queue: QueueName) async throws(Failure) -> [ParkedGroup] {
        [
            ParkedGroup(
                consumer: queue, group: "account 7", event: EventID(issuer: "k", text: "e-1"),
                since: Instant(unixSeconds: 60))
        ]
    }

    func free(_ group: String, of queue: QueueName, by author: LetterAuthor) async throws(Failure) {
        guard group == "account 7" else { throw Failure(.apiNotFound, group) }
        asked.withLock { ($0.freed, $0.author) = (group, author) }
    }

    func note(
        _ action: JournalEntry.Outcome, _ letters: [LetterNote], in place: LetterPlace, by author: LetterAuthor
    ) async throws(Failure) {
        asked.withLock { ($0.place, $0.action, $0.notes, $0.author) = (place, action, letters, author) }
    }
}
