import Events
import Pipeline

/// The outbox of the model's store: the oldest row of each resource is offered when it is due. Where several relays
/// share it, a row that is offered is leased to one of them.
final class OutboxModel {
    struct Entry {
        let publication: Publication
        let parent: EventID
        var attempts = 0
        var due: Int64
        var owner = -1
        var leasedUntil: Int64 = 0
    }
    /// Longer than any call to the bus may take.
    static let lease: Int64 = 90_000

    private let agenda: Agenda
    private let shape: Shape
    private let bug: PlantedBug?
    /// In the order of commit.
    private(set) var entries: [Entry] = []
    /// Every id that was committed, in a store that still lives.
    private(set) var committed: Set<String> = []
    private(set) var givenUp: [String: Failure] = [:]
    /// Failures by the event that published.
    private(set) var failed: [EventID: Failure] = [:]
    private var lastRow: Int64 = 0
    var onEnd: (EventID) -> Void = { _ in }

    init(_ shape: Shape, _ agenda: Agenda, bug: PlantedBug?) {
        self.shape = shape
        self.agenda = agenda
        self.bug = bug
    }

    func add(_ drafts: [Draft], of request: ClaimRequest, at now: Instant) {
        for (ordinal, draft) in drafts.enumerated() {
            lastRow += 1
            let number = bug == .publicationIDRepeated ? 0 : ordinal
            let publication = Publication(
                row: lastRow, id: Self.id(number, of: request), draft: draft, parent: request.event.id.text,
                trace: request.event.trace, committedAt: now, attempts: 0)
            entries.append(Entry(publication: publication, parent: request.event.id, due: agenda.now))
        }
    }

    /// The commit that added them is durable.
    func confirm(_ count: Int, of request: ClaimRequest) {
        for ordinal in 0..<count { committed.insert(Self.id(ordinal, of: request)) }
    }

    private static func id(_ ordinal: Int, of request: ClaimRequest) -> String {
        "\(request.event.id.text).\(ordinal).\(request.handler.text)"
    }

    func lose() {
        for entry in entries { committed.remove(entry.publication.id) }
        entries = []
        failed = [:]
    }

    func isWaiting(_ parent: EventID) -> Bool { entries.contains { $0.parent == parent } }

    func due(atMost count: Int, excluding: Set<Int64>, by owner: Int) -> [Publication] {
        var offered: [Publication] = []
        var resources: Set<String> = []
        let now = agenda.now
        let isLeasing = shape.storage == .shared && bug != .outboxNotLeased
        for place in entries.indices where offered.count < count {
            let entry = entries[place]
            let isHead = bug == .resourceOrderIgnored || resources.insert(entry.publication.draft.resource).inserted
            guard isHead, entry.due <= now, !excluding.contains(entry.publication.row) else { continue }
            if isLeasing {
                guard entry.owner == owner || entry.leasedUntil <= now else { continue }
                entries[place].owner = owner
                entries[place].leasedUntil = now + Self.lease
            }
            let row = entry.publication
            offered.append(
                Publication(
                    row: row.row, id: row.id, draft: row.draft, parent: row.parent, trace: row.trace,
                    committedAt: row.committedAt, attempts: entry.attempts))
        }
        return offered
    }

    /// What was sent is sent, whoever says so. All else is for the relay that has the row: what it says again, because
    /// its first word was not answered, may come when another has it.
    /// - Parameter ahead: how far the clock is ahead that the results' times were taken from.
    func settle(_ results: [PublicationResult], by owner: Int, ahead: Int64) {
        for result in results {
            guard let place = entries.firstIndex(where: { $0.publication.row == result.row }) else { continue }
            if case .sent = result.end {
                end(place)
                continue
            }
            guard shape.storage != .shared || entries[place].owner == owner else { continue }
            switch result.end {
            case .sent: break
            case .retry(let at, _):
                entries[place].attempts += 1
                entries[place].due = Agenda.milliseconds(at) - ahead
                entries[place].owner = -1
                entries[place].leasedUntil = 0
            case .gaveUp(let failure):
                givenUp[entries[place].publication.id] = failure
                failed[entries[place].parent] = failure
                end(place)
            }
        }
    }

    private func end(_ place: Int) {
        let entry = entries.remove(at: place)
        onEnd(entry.parent)
    }
}
