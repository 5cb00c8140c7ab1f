import Events

/// One schedule for everything received that is ours: buffered, running, held for a short wait, waiting for its
/// delete. The beat is a third of the timeout, so that one lost call costs nothing.
struct Visibility {
    /// A new one counts from the next beat on.
    var timeout: Duration { didSet { beat = timeout / 3 } }
    private var beat: Duration
    /// What a receive gives, by the queue's own setting, in beats: the first one comes in time for that, too.
    private let receivedBeat: Duration
    private var beats = Timetable()

    init(timeout: Duration, received: Duration) {
        self.timeout = timeout
        beat = timeout / 3
        receivedBeat = received / 3
    }

    var next: Instant? { mutating get { beats.next } }

    /// From a receive at `now`.
    mutating func received(_ id: ItemID, at now: Instant) { beats.schedule(id, at: now + min(beat, receivedBeat)) }
    /// From an extension at `now`.
    mutating func started(_ id: ItemID, at now: Instant) { beats.schedule(id, at: now + beat) }
    /// It is no longer ours: forgotten before the call that gives it away.
    mutating func ended(_ id: ItemID) { beats.cancel(id) }
    mutating func takeDue(at now: Instant) -> [ItemID] { beats.takeDue(at: now) }
}
