public import Events

/// A second build of a handler's plugin, tried beside the one that serves.
public struct TrialOptions: Sendable, Hashable {
    public enum Kind: String, Sendable, CaseIterable {
        /// It runs copies of events. What it would do is compared with what the serving build did, and dropped.
        case shadow
        /// It runs events, and what it does counts; it ends by itself when it fails more often.
        case canary
    }

    public var kind: Kind
    public var plugin: String
    public var pin: Digest?
    /// A JSON object, as bytes; `nil` for that of the serving build.
    public var configuration: Bytes?
    /// Of all events, in hundredths of a percent: 0 to 10,000.
    public var share: Int
    /// A canary may fail so much more often than the serving build, in hundredths of a percent of its events.
    public var margin: Int
    /// A canary is judged after so many of its events, or when `window` is over.
    public var leastEvents: Int
    public var window: Duration

    public init(
        kind: Kind, plugin: String, pin: Digest? = nil, configuration: Bytes? = nil, share: Int = 1_000,
        margin: Int = 500, leastEvents: Int = 100, window: Duration = .minutes(5)
    ) {
        self.kind = kind
        self.plugin = plugin
        self.pin = pin
        self.configuration = configuration
        self.share = share
        self.margin = margin
        self.leastEvents = max(leastEvents, 1)
        self.window = window
    }

    /// The handler as the second build runs it.
    public func applied(to serving: HandlerOptions) -> HandlerOptions {
        var options = serving
        options.plugin = plugin
        options.pin = pin
        if let configuration { options.configuration = configuration }
        return options
    }
}

/// What a trial tells.
public enum TrialEvent: Sendable {
    /// What became of an event in the second build.
    case ran(TrialOptions.Kind, TrialResult)
    /// A shadow did something else, in words without payload.
    case differed(EventID, String)
    /// The canary is over: every event goes to the serving build.
    case rolledBack(Failure)
}

/// How an event went in the second build: a metric label.
public enum TrialResult: String, Sendable, CaseIterable {
    /// A shadow did the same; a canary's event was done.
    case same, done
    /// A shadow answered otherwise, wrote another state, published or set timers otherwise.
    case outcome, state, publish, timer
    /// Not answered, crashed, or, of a canary, rejected or to be retried.
    case failed
    /// Its dependency is down: says nothing of the build.
    case waited
    /// A shadow that could not keep up.
    case skipped
}
