import AWS
import Events
import LocalAPI
import Pipeline
import Settings
import Store

/// Dead letters, wherever the configuration keeps them: within the sidecar, or from a command beside it.
struct SidecarLetters: LetterOffice {
    let configuration: @Sendable () -> Configuration
    let cloud: Cloud
    /// `nil` where another process has it: then what is in it cannot be reached from here.
    let store: (any EventStore)?
    /// `nil` where nothing is signed.
    let signer: (any Signer)?
    let clock: any WallClock
    /// Who can say what becomes of messages from now on.
    let judge: @Sendable () async throws(Failure) -> (any RedriveJudge)?
    let journal: @Sendable ([JournalEntry]) async -> Void
    /// Lets the events of these messages run once more, in the ledger of who handles them.
    let permits: Permits
    typealias Permits = @Sendable (
        _ bodies: [Bytes], _ queue: QueueName, _ order: Instant, _ author: LetterAuthor
    ) async throws(Failure) -> [Result<Permit, Failure>]

    static func within(
        _ serving: Serving, _ cloud: Cloud, _ store: any EventStore, _ exchange: Exchange?, _ verifier: any Verifier,
        _ observers: Observers
    ) -> SidecarLetters {
        let issuer = PermitIssuer(verifier: verifier, ledger: store, journal: store, clock: observers.clock)
        return SidecarLetters(
            configuration: { serving.generation.configuration }, cloud: cloud, store: store,
            signer: exchange?.signer, clock: observers.clock,
            judge: { () throws(Failure) in try await JournalJudge(store) },
            journal: { entries in
                do throws(Failure) { try await store.record(entries) } catch { observers.report(error) }
            },
            permits: { (bodies, queue, order, author) async throws(Failure) in
                try await issuer.permit(bodies, of: queue, ordered: order, by: author)
            })
    }

    // MARK: - the office

    func list(_ place: LetterPlace, _ filter: LetterFilter) async throws(Failure) -> LetterList {
        try await LetterDesk(try box(place), world).list(filter)
    }

    func letter(_ id: MessageID, in place: LetterPlace) async throws(Failure) -> (BoxedLetter, Letter) {
        guard let found = try await LetterDesk(try box(place), world).letter(id) else {
            throw Failure(.apiNotFound, id.text, "no such letter is there; somebody else may be looking at it")
        }
        return found
    }

    func redrive(
        _ place: LetterPlace, _ filter: LetterFilter, _ plan: RedrivePlan, by author: LetterAuthor,
        progress: @escaping @Sendable (RedriveReport) -> Void
    ) async throws(Failure) -> RedriveReport {
        var world = recording(.redriven, place, author)
        world.judge = plan.canary > 0 ? try await judge() : nil
        var target = try target(of: place)
        if let order = plan.override { target = try permitted(target, of: place, ordered: order, by: author) }
        return try await LetterDesk(try box(place), world).redrive(filter, to: target, plan, progress: progress)
    }

    /// - Throws: `api.unsupported` for publications, which no ledger judges.
    private func permitted(
        _ target: any RedriveTarget, of place: LetterPlace, ordered order: Instant, by author: LetterAuthor
    ) throws(Failure) -> any RedriveTarget {
        guard place.box != .publications else {
            throw Failure(.apiUnsupported, "override", "nothing but the bus is in the way of publications")
        }
        return PermittedTarget(target) { letters in
            do throws(Failure) {
                return try await permits(letters.map(\.body), place.queue, order, author).map { result -> Failure? in
                    if case .failure(let failure) = result { failure } else { nil }
                }
            } catch { return letters.map { _ in error } }
        }
    }

    func discard(
        _ place: LetterPlace, _ filter: LetterFilter, until deadline: Instant?, by author: LetterAuthor
    ) async throws(Failure) -> RedriveReport {
        try await LetterDesk(try box(place), recording(.discarded, place, author))
            .discard(filter, deadline: deadline)
    }

    func edit(
        _ id: MessageID, in place: LetterPlace, core: Bytes, by author: LetterAuthor
    ) async throws(Failure) -> EditedLetter {
        guard place.box != .publications else {
            throw Failure(.apiUnsupported, "publications", "what was given up was never sent: publish another event")
        }
        guard let signer else {
            throw Failure(.publishSigning, id.text, "no key is here that an edited event could be signed with")
        }
        let editor = LetterEditor(signer: signer, now: clock.now)
        var edited: LetterEditor.Edited?
        let sent = try await LetterDesk(try box(place), world).replace(id, to: try target(of: place)) {
            (boxed, letter) async throws(Failure) in
            let made = try await editor.edit(boxed, letter, core: core)
            edited = made
            return made.letter
        }
        guard let (message, letter) = sent, let edited else {
            throw Failure(.apiNotFound, id.text, "no such letter is there; somebody else may be looking at it")
        }
        var note = note(of: letter, in: place)
        (note.event, note.parent) = (edited.eventID, edited.isNew ? edited.originalID : "")
        await journal([entry(.edited, note, in: place, author)])
        return EditedLetter(
            eventID: edited.eventID, originalID: edited.originalID, isNew: edited.isNew, message: message)
    }

    func permit(
        _ bodies: [Bytes], of queue: QueueName, ordered order: Instant, by author: LetterAuthor
    ) async throws(Failure) -> [Result<Permit, Failure>] {
        try await permits(bodies, queue, order, author)
    }

    func permit(for event: String, of queue: QueueName) async throws(Failure) -> Permit? {
        guard !event.isEmpty else { return nil }
        let found = if let store { try await store.permits(for: event, at: clock.now) } else {
            try file().permits(for: event, at: clock.now)
        }
        return found.first { $0.consumer == queue }
    }

    func parkedGroups(of queue: QueueName) async throws(Failure) -> [ParkedGroup] {
        let found = if let store { try await store.parkedGroups(at: clock.now) } else {
            try file().parkedGroups(at: clock.now)
        }
        return found.filter { $0.consumer == queue }
    }

    func free(_ group: String, of queue: QueueName, by author: LetterAuthor) async throws(Failure) {
        guard let store else {
            throw Failure(.storeLocked, configuration().store.path, "the ledger is in it, and the sidecar has it")
        }
        let entry = entry(.freed, LetterNote(), in: LetterPlace(queue: queue), author)
        guard try await store.free(group, of: queue, entry) else {
            throw Failure(.apiNotFound, group, "no such group of \(queue) is parked")
        }
    }

    func note(
        _ action: JournalEntry.Outcome, _ letters: [LetterNote], in place: LetterPlace, by author: LetterAuthor
    ) async throws(Failure) {
        await journal(letters.map { entry(action, $0, in: place, author) })
    }

    // MARK: - where

    /// The embedded store's file, read beside the sidecar that has it.
    private func file() throws(Failure) -> StoreFile {
        let store = configuration().store
        guard !store.isShared else { throw Failure(.storeUnavailable, store.kind.rawValue, "it could not be opened") }
        return StoreFile(store.path)
    }

    /// The same over a store that was opened meanwhile.
    func over(_ store: any EventStore) -> SidecarLetters {
        SidecarLetters(
            configuration: configuration, cloud: cloud, store: store, signer: signer, clock: clock, judge: judge,
            journal: journal, permits: permits)
    }

    /// The queue that letters go back to, for people.
    func address(of place: LetterPlace) throws(Failure) -> String {
        place.box == .publications ? "the outbox" : try settings(of: place).url
    }

    /// Whether the letters are in the store's file.
    static func isShelved(_ place: LetterPlace, _ configuration: Configuration) -> Bool {
        place.box == .publications
            || (place.box == .deadLetters && configuration[queue: place.queue].map { $0.deadLetter == nil } == true)
    }

    private func settings(of place: LetterPlace) throws(Failure) -> QueueSettings {
        guard let settings = configuration()[queue: place.queue] else {
            let names = configuration().queues.map(\.name.text).joined(separator: ", ")
            throw Failure(.apiNotFound, place.queue.text, "there is no such queue, but \(names)")
        }
        return settings
    }

    private func box(_ place: LetterPlace) throws(Failure) -> any DeadLetterBox {
        if place.box != .publications {
            let settings = try settings(of: place)
            if place.box == .quarantine, settings.quarantine == nil {
                throw Failure(.apiNotFound, place.queue.text, "it has no quarantine: look into its dead letters")
            }
            let url = place.box == .quarantine ? settings.quarantine : settings.deadLetter
            if let url { return cloud.deadLetterBox(url) }
        }
        guard let store else {
            throw Failure(.storeLocked, configuration().store.path, "the letters are in it, and the sidecar has it")
        }
        return store.shelf(place)
    }

    private func target(of place: LetterPlace) throws(Failure) -> any RedriveTarget {
        guard place.box == .publications else { return cloud.queue(try settings(of: place).url) }
        guard let store else { throw Failure(.storeLocked, configuration().store.path, "the sidecar has it") }
        return store.outboxTarget(clock)
    }

    // MARK: - the journal

    private var world: LetterDesk.Surroundings { LetterDesk.Surroundings(read: LetterReader.record, clock: clock) }

    private func recording(
        _ outcome: JournalEntry.Outcome, _ place: LetterPlace, _ author: LetterAuthor
    ) -> LetterDesk.Surroundings {
        var world = world
        world.record = { letters in
            await journal(letters.map { entry(outcome, note(of: $0, in: place), in: place, author) })
        }
        return world
    }

    /// Under the id of the message that failed, so that its explanation has it.
    private func note(of letter: Letter, in place: LetterPlace) -> LetterNote {
        let record = letter.record
        var note = LetterNote()
        if place.box != .publications { note.message = record.message.isEmpty ? letter.id.text : record.message }
        if record.isVerified { note.event = record.event }
        (note.code, note.handler) = (record.code, record.handler)
        return note
    }

    private func entry(
        _ outcome: JournalEntry.Outcome, _ note: LetterNote, in place: LetterPlace, _ author: LetterAuthor
    ) -> JournalEntry {
        let isPublication = place.box == .publications
        var entry = JournalEntry(
            time: clock.now, kind: .letter, direction: isPublication ? .outgoing : .incoming, outcome: outcome)
        entry.queue = place.queue.text
        (entry.message, entry.event, entry.parent) = (note.message, note.event, note.parent)
        (entry.code, entry.handler) = (note.code, note.handler)
        entry.stage = String(note.code.prefix { $0 != "." })
        entry.cause = author.words
        return entry
    }
}
