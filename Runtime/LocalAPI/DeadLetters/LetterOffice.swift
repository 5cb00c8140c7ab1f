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
    /// Writes into the journal what was done beside the sidecar.
    func note(
        _ action: JournalEntry.Outcome, _ letters: [LetterNote], in place: LetterPlace, by author: LetterAuthor
    ) async throws(Failure)
}
