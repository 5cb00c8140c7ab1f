import Events

/// The decisions about one key set: what is known, what is kept, when to fetch next. No clock, no I/O.
struct KeySetState: Sendable {
    private let options: KeySetOptions
    private var random: UInt64
    private var keys: [String: VerificationKey] = [:]
    private var retired: [String: RetiredKey] = [:]
    private var fetchedAt: Instant?
    private var failures = 0
    private var failure: Failure?
    private var isFetching = false
    private var startedAt: Instant?
    /// A token named a key that is not here.
    private(set) var isAskedFor = false
    private(set) var due = Instant.distantPast

    init(_ options: KeySetOptions, seed: UInt64) {
        self.options = options
        random = seed
    }

    // MARK: when

    /// The earliest moment for a fetch that an unknown key asks for.
    var soonestRefetch: Instant { startedAt.map { $0 + Limits.keySetRefetch } ?? .distantPast }

    /// Starts a fetch, unless one is under way.
    mutating func begin(at now: Instant, if isTime: Bool) -> Bool {
        guard isTime, !isFetching else { return false }
        isFetching = true
        isAskedFor = false
        startedAt = now
        return true
    }

    mutating func ask() { isAskedFor = true }

    // MARK: what

    /// Takes a document over. Keys that were here and are not in it are retired; a kid with other bytes is another key.
    mutating func take(_ document: KeySetDocument, at now: Instant) -> (added: Int, retired: Int) {
        var next: [String: VerificationKey] = [:]
        var added = 0
        for key in document.keys {
            if let known = keys[key.keyID], known.isSame(as: key) {
                next[key.keyID] = known
            } else {
                next[key.keyID] = key
                added += 1
            }
        }
        let gone = keys.values.filter { next[$0.keyID] == nil }
        for key in gone { retired[key.keyID] = RetiredKey(key: key, at: now) }
        retired = retired.filter { next[$0.key] == nil && now - $0.value.at <= options.window }
        while retired.count > Limits.keysPerSet, let oldest = retired.min(by: { $0.value.at < $1.value.at }) {
            retired[oldest.key] = nil
        }
        keys = next
        fetchedAt = now
        failures = 0
        failure = nil
        isFetching = false
        due = now + jittered(options.refresh)
        return (added, gone.count)
    }

    mutating func fail(_ failure: Failure, at now: Instant) {
        self.failure = failure
        isFetching = false
        failures += 1
        let backoff = Duration.seconds(1 << min(failures, 9))
        due = now + jittered(min(backoff, options.refresh))
    }

    /// A tenth more or less.
    private mutating func jittered(_ duration: Duration) -> Duration {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return duration * (Double(random >> 40) / Double(1 << 24) * 0.2 + 0.9)
    }

    private func isUsable(at now: Instant) -> Bool {
        fetchedAt.map { now - $0 <= options.maximumAge } ?? false
    }

    func snapshot(at now: Instant) -> KeySetSnapshot {
        KeySetSnapshot(isUsable: isUsable(at: now), keys: keys, retired: retired, options: options, now: now)
    }

    func status(at now: Instant) -> KeySetStatus {
        KeySetStatus(
            keyIDs: keys.keys.sorted(), retiredKeyIDs: retired.keys.sorted(), fetchedAt: fetchedAt,
            isUsable: isUsable(at: now), failure: failure)
    }
}

/// A key that has left its document.
struct RetiredKey: Sendable {
    let key: VerificationKey
    let at: Instant
}

/// The keys of one set at one moment.
final class KeySetSnapshot: Sendable {
    enum Lookup {
        case found(VerificationKey)
        case revoked
        case unknown
    }
    let isUsable: Bool
    private let keys: [String: VerificationKey]
    private let retired: [String: RetiredKey]
    private let options: KeySetOptions
    private let now: Instant

    fileprivate init(
        isUsable: Bool, keys: [String: VerificationKey], retired: [String: RetiredKey], options: KeySetOptions,
        now: Instant
    ) {
        self.isUsable = isUsable
        self.keys = keys
        self.retired = retired
        self.options = options
        self.now = now
    }

    /// The key of a token that says it was signed at `signedAt`. A retired key goes on for what it had signed before
    /// it left (`ahead` later, for the sake of clocks), until the window has passed.
    func key(_ keyID: String, signedAt: Instant, ahead: Duration) -> Lookup {
        if options.revoked.contains(keyID) { return .revoked }
        if let key = keys[keyID] { return .found(key) }
        guard let gone = retired[keyID], signedAt <= gone.at + ahead, now <= signedAt + options.window else {
            return .unknown
        }
        return .found(gone.key)
    }
}
