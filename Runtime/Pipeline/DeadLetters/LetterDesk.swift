public import Events

/// Works on one box: looks through it, sends letters back, throws letters away.
///
/// A letter is sent first and deleted after, so whatever ends this in between loses nothing: what was moved is gone
/// from the box, and the same call again goes on with the rest. A letter that was sent and not deleted goes twice, and
/// is a duplicate for dedup, like any other.
public struct LetterDesk: Sendable {
    /// What is asked of the world beside the box.
    public struct Surroundings: Sendable {
        public var read: @Sendable (BoxedLetter) -> LetterRecord
        public var clock: any WallClock
        /// Ends early when the task is cancelled.
        public var sleep: @Sendable (Duration) async -> Void
        /// `nil` where nobody keeps a record of what became of messages.
        public var judge: (any RedriveJudge)?
        /// Hears of each letter that left the box, some at once.
        public var record: @Sendable ([Letter]) async -> Void

        public init(
            read: @escaping @Sendable (BoxedLetter) -> LetterRecord, clock: any WallClock,
            sleep: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) },
            judge: (any RedriveJudge)? = nil, record: @escaping @Sendable ([Letter]) async -> Void = { _ in }
        ) {
            self.read = read
            self.clock = clock
            self.sleep = sleep
            self.judge = judge
            self.record = record
        }
    }

    /// Between two looks at a canary: into the journal, and through a whole box.
    static let look = Duration.milliseconds(500)
    static let tour = Duration.seconds(2)

    private let box: any DeadLetterBox
    private let world: Surroundings

    public init(_ box: any DeadLetterBox, _ world: Surroundings) {
        self.box = box
        self.world = world
    }

    // MARK: - look

    /// Nothing is consumed; each letter's receive count rises by one, which no dead-letter queue acts on.
    public func list(
        _ filter: LetterFilter, atMost count: Int = Limits.lettersLooked
    ) async throws(Failure) -> LetterList {
        var found: [Letter] = []
        let isWhole = try await visit(filter) { letter, _ in
            found.append(letter)
            return found.count < count
        }
        return LetterList(letters: found.sorted { $0.arrivedAt < $1.arrivedAt }, isWhole: isWhole)
    }

    public func letter(_ id: MessageID) async throws(Failure) -> (BoxedLetter, Letter)? {
        var found: (BoxedLetter, Letter)?
        var filter = LetterFilter()
        filter.ids = [id]
        _ = try await visit(filter) { letter, boxed in
            found = (boxed, letter)
            return false
        }
        return found
    }

    /// - Parameter body: hears of each letter that is meant, until it answers false.
    /// - Returns: whether all of the box was looked at.
    private func visit(
        _ filter: LetterFilter, _ body: (Letter, BoxedLetter) -> Bool
    ) async throws(Failure) -> Bool {
        var looked = 0
        do throws(Failure) {
            while looked < Limits.lettersLooked, !Task.isCancelled {
                let boxed = try await box.take(atMost: Limits.batchEntries)
                looked += boxed.count
                var goesOn = !boxed.isEmpty
                for boxed in boxed where goesOn {
                    let letter = Letter(boxed, world.read(boxed))
                    if filter.admits(letter, at: world.clock.now) { goesOn = body(letter, boxed) }
                }
                if !goesOn {
                    await box.release()
                    return boxed.isEmpty
                }
            }
        } catch {
            await box.release()
            throw error
        }
        await box.release()
        return false
    }

    // MARK: - redrive

    /// Letters that fail again meanwhile stay: each is moved once.
    ///
    /// - Parameter progress: hears how many have moved, after each step.
    public func redrive(
        _ filter: LetterFilter, to target: any RedriveTarget, _ plan: RedrivePlan,
        progress: @Sendable (RedriveReport) -> Void = { _ in }
    ) async throws(Failure) -> RedriveReport {
        var report = RedriveReport()
        var sent: [MessageID: MessageID] = [:]
        if plan.canary > 0 {
            try await move(filter, to: target, plan, atMost: plan.canary, &sent, &report, progress)
            if !sent.isEmpty { try await watch(sent, plan, &report) }
            progress(report)
            guard report.canary?.stops != true, !report.isWhole else { return report }
        }
        try await move(filter, to: target, plan, atMost: .max, &sent, &report, progress)
        return report
    }

    /// - Parameter sent: the messages that letters became, with the letters' own names.
    private func move(
        _ filter: LetterFilter, to target: any RedriveTarget, _ plan: RedrivePlan, atMost count: Int,
        _ sent: inout [MessageID: MessageID], _ report: inout RedriveReport,
        _ progress: @Sendable (RedriveReport) -> Void
    ) async throws(Failure) {
        var became = sent
        defer { sent = became }
        try await work(
            plan, atMost: count, &report,
            isMeant: { letter in
                filter.admits(letter, at: world.clock.now) && became[letter.id] == nil
                    && became[MessageID(letter.record.message)] == nil
            }, isOver: { filter.isExhausted(by: $0) }
        ) { letters, report in
            let results = await target.send(letters.map(Self.redriven))
            var accepted: [Letter] = []
            for ((_, letter), result) in zip(letters, results) {
                switch result {
                case .success(let message):
                    accepted.append(letter)
                    became[message] = letter.id
                case .failure(let failure):
                    report.refused += 1
                    report.note(failure)
                }
            }
            _ = await remove(accepted, &report)
            await world.record(accepted)
            progress(report)
        }
    }

    private static func redriven(_ boxed: BoxedLetter, _ letter: Letter) -> RedrivenLetter {
        RedrivenLetter(
            id: boxed.id, body: boxed.body, attributes: boxed.attributes + letter.record.folded, group: boxed.group)
    }

    private func watch(
        _ sent: [MessageID: MessageID], _ plan: RedrivePlan, _ report: inout RedriveReport
    ) async throws(Failure) {
        var canary = Canary(sent, until: world.clock.now + plan.patience)
        while true {
            if let judge = world.judge {
                canary.hear(try await judge.verdicts(on: Set(canary.open.keys)))
            } else {
                _ = try await visit(LetterFilter()) { letter, _ in
                    canary.meet(letter)
                    return true
                }
            }
            let end = canary.end(isRecorded: world.judge != nil, at: world.clock.now)
            if let end = Task.isCancelled ? .undecided : end {
                (report.canary, report.passed, report.failed) = (end, canary.passed, canary.failed)
                return
            }
            await world.sleep(world.judge == nil ? Self.tour : Self.look)
        }
    }

    // MARK: - edit

    /// Sends another message in the place of one letter.
    /// - Parameter make: what is sent.
    /// - Returns: the name of the message, and the letter; `nil` where there is no such letter.
    public func replace(
        _ id: MessageID, to target: any RedriveTarget,
        _ make: (BoxedLetter, Letter) async throws(Failure) -> RedrivenLetter
    ) async throws(Failure) -> (MessageID, Letter)? {
        guard let (boxed, letter) = try await hold(id) else { return nil }
        do throws(Failure) {
            let result = await target.send([try await make(boxed, letter)]).first
            let message = try result?.get() ?? MessageID("")
            let failures = await box.delete([id])
            await box.release()
            if let failure = failures.first ?? nil { throw failure }
            return (message, letter)
        } catch {
            await box.release()
            throw error
        }
    }

    /// Takes letters until this one is in hand.
    private func hold(_ id: MessageID) async throws(Failure) -> (BoxedLetter, Letter)? {
        var looked = 0
        while looked < Limits.lettersLooked, !Task.isCancelled {
            let boxed = try await box.take(atMost: Limits.batchEntries)
            looked += boxed.count
            if let found = boxed.first(where: { $0.id == id }) { return (found, Letter(found, world.read(found))) }
            if boxed.isEmpty { break }
        }
        await box.release()
        return nil
    }

    // MARK: - discard

    /// Deletes for good. The reason is the caller's to record.
    public func discard(
        _ filter: LetterFilter, deadline: Instant? = nil
    ) async throws(Failure) -> RedriveReport {
        var report = RedriveReport()
        var plan = RedrivePlan()
        plan.deadline = deadline
        try await work(
            plan, atMost: .max, &report, isMeant: { filter.admits($0, at: world.clock.now) },
            isOver: { filter.isExhausted(by: $0) }
        ) { letters, report in
            await world.record(await remove(letters.map(\.1), &report))
        }
        return report
    }

    // MARK: - step by step

    /// Takes letters and hands those that are meant over, at the plan's pace; gives the others back in the end.
    private func work(
        _ plan: RedrivePlan, atMost count: Int, _ report: inout RedriveReport, isMeant: (Letter) -> Bool,
        isOver: (Set<MessageID>) -> Bool, _ act: ([(BoxedLetter, Letter)], inout RedriveReport) async -> Void
    ) async throws(Failure) {
        var left = count
        // What leaves is not looked at again: only what stays counts against the bound.
        var staying = 0
        var met: Set<MessageID> = []
        report.isWhole = false
        do throws(Failure) {
            while left > 0, staying < Limits.lettersLooked, !Task.isCancelled, !isOver(met) {
                if let deadline = plan.deadline, world.clock.now >= deadline { break }
                let boxed = try await box.take(atMost: plan.step(left))
                guard !boxed.isEmpty else {
                    report.isWhole = true
                    break
                }
                let meant = boxed.map { ($0, Letter($0, world.read($0))) }.filter { isMeant($0.1) }
                for (letter, _) in meant { met.insert(letter.id) }
                staying += boxed.count
                guard !meant.isEmpty else { continue }
                let moved = report.moved
                await act(meant, &report)
                staying -= report.moved - moved
                left -= meant.count
                if left > 0 { await world.sleep(plan.pause(after: meant.count)) }
            }
        } catch {
            await box.release()
            throw error
        }
        if isOver(met) { report.isWhole = true }
        await box.release()
    }

    /// - Returns: those that are gone.
    private func remove(_ letters: [Letter], _ report: inout RedriveReport) async -> [Letter] {
        guard !letters.isEmpty else { return [] }
        var gone: [Letter] = []
        for (letter, failure) in zip(letters, await box.delete(letters.map(\.id))) {
            if failure == nil { gone.append(letter) } else { report.doubled += 1 }
            report.note(failure)
        }
        report.moved += gone.count
        return gone
    }
}
