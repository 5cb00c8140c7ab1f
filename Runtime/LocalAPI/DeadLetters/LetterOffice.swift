public import Events
public import Pipeline

/// Who acts on dead letters, and why: both go into the journal.
public struct LetterAuthor: Sendable, Hashable {
    public let name: String
    public let reason: String
    public init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }
}

/// What became of a letter that was edited.
public struct EditedLetter: Sendable, Hashable {
    /// Of the event as it is now: the old one, if the payload is the same.
    public let eventID: String
    public let originalID: String
    public let isNew: Bool
    /// The message that it became.
    public let message: MessageID
    public init(eventID: String, originalID: String, isNew: Bool, message: MessageID) {
        self.eventID = eventID
        self.originalID = originalID
        self.isNew = isNew
        self.message = message
    }
}

/// What somebody did with a letter without the sidecar.
public struct LetterNote: Sendable, Hashable {
    /// The message that failed, and its event.
    public var message = ""
    public var event = ""
    /// Of an edited letter: the event that it was, where that is another.
    public var parent = ""
    public var code = ""
    public var handler = ""
    public init() {}
}

/// What operators ask about dead letters. Every call is one visit to a box. Each throws `api.not-found` for a place or
/// a letter that is not there, `api.unsupported` for what cannot be done there, and what the box throws.
public protocol LetterOffice: Sendable {
    func list(_ place: LetterPlace, _ filter: LetterFilter) async throws(Failure) -> LetterList
    func letter(_ id: MessageID, in place: LetterPlace) async throws(Failure) -> (BoxedLetter, Letter)
    func redrive(
        _ place: LetterPlace, _ filter: LetterFilter, _ plan: RedrivePlan, by author: LetterAuthor,
        progress: @escaping @Sendable (RedriveReport) -> Void
    ) async throws(Failure) -> RedriveReport
    func discard(
        _ place: LetterPlace, _ filter: LetterFilter, until deadline: Instant?, by author: LetterAuthor
    ) async throws(Failure) -> RedriveReport
    /// - Parameter core: the new detailCore, any strict JSON.
    func edit(
        _ id: MessageID, in place: LetterPlace, core: Bytes, by author: LetterAuthor
    ) async throws(Failure) -> EditedLetter
    /// Verifies messages and lets their events run once more, whatever the ledger says of them. Each answer is of its
    /// own: `verify.*` for one that is not verified, and so cannot run.
    /// - Parameter order: when it was ordered: an event gets one permit for one order.
    func permit(
        _ bodies: [Bytes], of queue: QueueName, ordered order: Instant, by author: LetterAuthor
    ) async throws(Failure) -> [Result<Permit, Failure>]
    /// What holds now for an event of this id, if something does.
    func permit(for event: String, of queue: QueueName) async throws(Failure) -> Permit?
    /// The FIFO groups of the queue that stand behind an event that failed for good, the oldest first.
    func parkedGroups(of queue: QueueName) async throws(Failure) -> [ParkedGroup]
    /// Throws `api.not-found` for a group that is not parked.
    func free(_ group: String, of queue: QueueName, by author: LetterAuthor) async throws(Failure)
    /// Writes into the journal what was done beside the sidecar. A letter that was discarded frees the group that
    /// stands behind its event.
    func note(
        _ action: JournalEntry.Outcome, _ letters: [LetterNote], in place: LetterPlace, by author: LetterAuthor
    ) async throws(Failure)
}
