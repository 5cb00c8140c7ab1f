// What `outrigger check` says: the configuration's problems, and where a queue's own settings contradict it.
public import Events

public struct CheckReport: Sendable {
    public let file: String
    public private(set) var problems: [Problem]
    private let configuration: Configuration?
    private var queues: [String] = []

    /// - Parameter configuration: `nil` if it was refused; its queues are not looked at then.
    public init(file: String, configuration: Configuration?, problems: [Problem]) {
        self.file = file
        self.configuration = configuration
        self.problems = problems
    }

    /// True if the sidecar would start with it.
    public var isGood: Bool { configuration != nil && problems.allSatisfy { $0.severity != .error } }

    /// Adds what a queue says of itself, and the queue for its dead letters, if it has one.
    public mutating func add(
        _ queue: QueueName, _ description: QueueDescription, deadLetters: QueueDescription? = nil
    ) {
        guard let configuration, let settings = configuration.queues.first(where: { $0.name == queue }) else {
            return
        }
        queues.append(Self.line(settings, description))
        problems +=
            QueueChecks(
                settings: settings, configuration: configuration, queue: description, deadLetters: deadLetters,
                file: file
            ).problems
    }

    /// Adds a queue that could not be asked.
    public mutating func add(_ queue: QueueName, _ failure: Failure) {
        problems.append(
            Problem(
                code: failure.code, place: file, path: "queues[\(queue)].url", why: failure.description,
                fix: failure.code.entry.remedy))
    }

    /// Adds a handler whose plugin does not load, or does not take its configuration.
    /// - Parameter isTrial: it is the second build that does not.
    public mutating func add(_ handler: HandlerID, _ failure: Failure, isTrial: Bool = false) {
        let key = (isTrial ? "trial." : "") + (failure.code == .pluginConfigInvalid ? "config" : "plugin")
        problems.append(
            Problem(
                failure.code.disposition == .pause ? .warning : .error, code: failure.code, place: file,
                path: "handlers[\(handler)].\(key)", why: failure.description, fix: failure.code.entry.remedy))
    }

    /// Adds that a handler could not be tried, since a file is not on this machine.
    public mutating func skip(_ handler: HandlerID, _ missing: String, isTrial: Bool = false) {
        problems.append(
            Problem(
                .note, place: file, path: "handlers[\(handler)].\(isTrial ? "trial." : "")plugin",
                why: "Not tried: \(Quote.found(missing)) is not on this machine.",
                fix: "Check where the sidecar runs, to see whether the plugin takes its configuration."))
    }

    /// Adds a service whose socket is not on this machine.
    public mutating func add(absent service: ServiceSettings) {
        problems.append(
            Problem(
                .warning, place: file, path: "services.\(service.name).socket", found: Quote.found(service.socket),
                why: "There is no socket here: until there is, its calls are unavailable, and events wait.",
                fix: "Start the service, or share the folder of its socket with the sidecar."))
    }

    /// Adds what a shared store says of itself.
    public mutating func add(store subject: String, _ words: String, _ advice: String, isUnfit: Bool) {
        problems.append(
            Problem(
                isUnfit ? .error : .note, code: .storeUnfit, place: file,
                path: "store.\(configuration?.store.kind.rawValue ?? "kind")",
                why: "\(subject): \(words).", fix: advice))
    }

    /// Adds keys of plugins that cannot be read.
    public mutating func add(keys failure: Failure) {
        problems.append(
            Problem(
                code: failure.code, place: file, path: "plugins.keys", why: failure.description,
                fix: failure.code.entry.remedy))
    }

    /// Adds an event schema that cannot be used.
    public mutating func add(schemas failure: Failure) {
        problems.append(
            Problem(
                code: failure.code, place: file, path: "schemas", why: failure.description,
                fix: "Every file \(Quote.found("DETAIL-TYPE.json")) there must be a JSON Schema, draft 7."))
    }

    private static func line(_ settings: QueueSettings, _ queue: QueueDescription) -> String {
        let receives = queue.redrive.map { "after \($0.maximumReceives) receives to \($0.target)" } ?? "never"
        return "queue \(settings.name): \(queue.isFIFO ? "FIFO" : "standard"), "
            + "visibility \(Quantity.show(queue.visibilityTimeout)), retention \(Quantity.show(queue.retention)), "
            + "messages to \(Quantity.show(bytes: queue.maximumMessageSize)), dead-letters on its own: \(receives)"
    }

    /// The whole report, ending with one line that says whether the sidecar would start.
    public var text: String {
        var lines = problems.map(\.description)
        if isGood, let configuration {
            lines += queues
            lines += configuration.handlers.map { handler in
                "handler \(handler.id): \(handler.what), "
                    + "deadline \(Quantity.show(handler.deadline)), \(handler.retry.attempts) attempts"
            }
        }
        let errors = problems.count { $0.severity == .error }, warnings = problems.count { $0.severity == .warning }
        let counts = [(errors, "error"), (warnings, "warning")].filter { $0.0 > 0 }
            .map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }.joined(separator: ", ")
        let verdict = isGood ? "good" : "refused"
        lines.append("\(file): \(verdict)" + (counts.isEmpty ? "" : " (\(counts))"))
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Compares one queue's own settings with the configuration.
public struct QueueChecks: Sendable {
    let settings: QueueSettings
    let configuration: Configuration
    let queue: QueueDescription
    let deadLetters: QueueDescription?
    let file: String

    /// - Parameter file: what the problems call the configuration.
    public init(
        settings: QueueSettings, configuration: Configuration, queue: QueueDescription, deadLetters: QueueDescription?,
        file: String
    ) {
        self.settings = settings
        self.configuration = configuration
        self.queue = queue
        self.deadLetters = deadLetters
        self.file = file
    }

    /// Below this one lost answer is enough for another consumer to get the message.
    private static let shortestVisibility = Duration.seconds(30)
    /// Above this what a killed sidecar held comes back late.
    private static let longestVisibility = Duration.minutes(15)
    private static let receivesAtLeast = 100

    public var problems: [Problem] { redrive + visibility + retention + letters }

    private var redrive: [Problem] {
        guard let redrive = queue.redrive else { return [] }
        var found: [Problem] = []
        if redrive.maximumReceives < Self.receivesAtLeast {
            found.append(
                problem(
                    .warning, "url",
                    "maxReceiveCount \(redrive.maximumReceives): every put-back costs a receive, "
                        + "SQS will dead-letter on its own.",
                    "Use \(Self.receivesAtLeast); the sidecar counts attempts."))
        }
        // An ARN ends with the queue's name, a URL does, too.
        let last = { (text: String) in text.split { $0 == ":" || $0 == "/" }.last }
        if let deadLetter = settings.deadLetter, last(redrive.target) != last(deadLetter) {
            found.append(
                problem(
                    .warning, "dead-letter",
                    "The queue's own redrive policy sends to \(redrive.target): letters would end in two places.",
                    "Name the same queue in both."))
        }
        return found
    }

    private var visibility: [Problem] {
        let effective = settings.visibility ?? queue.visibilityTimeout
        var found: [Problem] = []
        if effective < Self.shortestVisibility {
            found.append(
                problem(
                    .warning, "visibility",
                    "Visibility \(Quantity.show(effective)) is prolonged every \(Quantity.show(beat(of: effective))): "
                        + "one lost answer, and another consumer gets the message.",
                    "Use \(Quantity.show(Self.shortestVisibility)) or more."))
        }
        if effective > Self.longestVisibility {
            found.append(
                problem(
                    .warning, "visibility",
                    "What a killed sidecar held stays invisible for up to \(Quantity.show(effective)).",
                    "Use a shorter one: it is prolonged while a handler runs, however long its deadline is."))
        }
        return found
    }

    private func beat(of visibility: Duration) -> Duration { .seconds(max(1, visibility.milliseconds / 3000)) }

    private var retention: [Problem] {
        var found: [Problem] = []
        for id in settings.handlers {
            guard let handler = configuration[handler: id] else { continue }
            let usable = queue.retention - min(.hours(1), queue.retention / 10)
            if handler.retry.longest > usable {
                found.append(
                    problem(
                        .warning, "url",
                        "The queue keeps messages for \(Quantity.show(queue.retention)), the retries of \(id) may take "
                            + "\(Quantity.show(handler.retry.longest)): the last ones never happen.",
                        "Raise the queue's MessageRetentionPeriod, or lower the handler's retry.attempts or retry.cap.")
                )
            }
        }
        if let deadLetters, deadLetters.retention < queue.retention {
            found.append(
                problem(
                    .warning, "dead-letter",
                    "The dead-letter queue keeps messages for less time than the queue: "
                        + "\(Quantity.show(deadLetters.retention)) against \(Quantity.show(queue.retention)).",
                    "Raise its MessageRetentionPeriod to 14d."))
        }
        return found
    }

    private var letters: [Problem] {
        guard let deadLetters else { return [] }
        var found: [Problem] = []
        if deadLetters.maximumMessageSize < queue.maximumMessageSize {
            found.append(
                problem(
                    .error, "dead-letter",
                    "The dead-letter queue takes messages to \(Quantity.show(bytes: deadLetters.maximumMessageSize)), "
                        + "the queue to \(Quantity.show(bytes: queue.maximumMessageSize)): "
                        + "the larger ones could never leave it.",
                    "Raise its MaximumMessageSize to the queue's."))
        }
        if deadLetters.isFIFO != queue.isFIFO {
            found.append(
                problem(
                    .warning, "dead-letter",
                    "The queue is \(queue.isFIFO ? "FIFO" : "standard") and its dead-letter queue is not: "
                        + "SQS refuses to redrive between them.",
                    "Use two of one kind."))
        }
        return found
    }

    private func problem(_ severity: Problem.Severity, _ key: String, _ why: String, _ fix: String) -> Problem {
        Problem(
            severity, code: .receiveQueueUnfit, place: file, path: "queues[\(settings.name)].\(key)", why: why, fix: fix
        )
    }
}
