import Cryptography
public import Events
public import Pipeline
import Synchronization

/// One key set: fetched again and again, swapped whole, and kept when a fetch fails.
///
/// `run()` is its only loop. Everything else may be called from any task at any time.
public final class KeySetSource: Sendable {
    public let options: KeySetOptions
    private let fetcher: any KeySetFetcher
    private let clock: any WallClock
    private let observer: any KeySetObserver
    private let state: Mutex<KeySetState>
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let sources: [NamePattern]

    /// - Parameter seed: of the jitter, so that many sidecars do not fetch at once.
    /// - Throws: `settings.invalid` for a name that is empty or taken.
    public init(
        _ options: KeySetOptions, fetcher: any KeySetFetcher, clock: any WallClock, observer: any KeySetObserver,
        seed: UInt64
    ) throws(Failure) {
        guard !options.name.isEmpty, options.name != EventVerifier.envelopeIssuer else {
            throw Failure(.settingsInvalid, "key-sets[].name", "empty, or `\(EventVerifier.envelopeIssuer)`")
        }
        self.options = options
        self.fetcher = fetcher
        self.clock = clock
        self.observer = observer
        state = Mutex(KeySetState(options, seed: seed))
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        sources = options.sources.map { NamePattern($0) }
    }

    // MARK: keeping it

    /// Fetches when it is time, until cancelled.
    public func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    await self.refreshIfDue()
                    await self.sleep(until: self.state.withLock { $0.due })
                }
            }
            group.addTask {
                for await _ in self.wakes {
                    await self.sleep(until: self.state.withLock { $0.soonestRefetch })
                    await self.refreshIfAskedFor()
                }
            }
        }
    }

    private func sleep(until moment: Instant) async {
        let wait = moment - clock.now
        // Cancelled is as good as slept: the caller looks at the clock, or ends.
        if wait > .zero { try? await ContinuousClock().sleep(for: wait) }
    }

    /// Fetches if the document is due. One fetch is under way at most.
    public func refreshIfDue() async {
        let now = clock.now
        if state.withLock({ $0.begin(at: now, if: $0.due <= now) }) { await fetch() }
    }

    /// Fetches if a token named an unknown key and the last fetch is ``Limits/keySetRefetch`` ago.
    func refreshIfAskedFor() async {
        let now = clock.now
        if state.withLock({ $0.begin(at: now, if: $0.isAskedFor && $0.soonestRefetch <= now) }) { await fetch() }
    }

    private func fetch() async {
        do throws(Failure) {
            let document = try KeySetDocument(parsing: try await fetcher.fetch())
            let now = clock.now
            let (added, retired) = state.withLock { $0.take(document, at: now) }
            observer.note(.fetched(keys: document.keys.count, added: added, retired: retired), of: options.name)
        } catch {
            let now = clock.now
            state.withLock { $0.fail(error, at: now) }
            observer.note(.failed(error), of: options.name)
        }
    }

    // MARK: using it

    func speaks(for source: String) -> Bool { sources.contains { $0.matches(source) } }

    /// The keys as they are now, for one batch.
    func snapshot(at now: Instant) -> KeySetSnapshot { state.withLock { $0.snapshot(at: now) } }

    /// A token named a key that is not here: look again soon.
    func wantsKey() {
        state.withLock { $0.ask() }
        wake.yield()
        observer.note(.unknownKey, of: options.name)
    }

    func noteSecondVariant(_ keyID: String, _ variant: SignatureVariant) {
        observer.note(.secondVariant(keyID: keyID, variant), of: options.name)
    }

    /// For `status`, readiness and `check`.
    public var status: KeySetStatus {
        let now = clock.now
        return state.withLock { $0.status(at: now) }
    }
}

public struct KeySetStatus: Sendable, Hashable {
    /// Ids of the keys in the last good document.
    public var keyIDs: [String]
    public var retiredKeyIDs: [String]
    /// When the last good document was fetched.
    public var fetchedAt: Instant?
    /// False if none was ever fetched, or the last good one is older than `maximumAge`.
    public var isUsable: Bool
    /// Why the last fetch failed, if it did.
    public var failure: Failure?
}
