public import Events
public import Pipeline
import Synchronization

/// Everything that a store is to the sidecar.
public typealias EventStore = Ledger & HandlerState & TimerStore & Outbox & Intake & JournalReader & LedgerControl

/// A store of a test's own, as the suite sees it: the ports, and the few things that only a test does to a store.
public protocol StoreUnderTest: AnyObject, Sendable {
    /// One sidecar's view.
    var store: any EventStore { get }
    /// Another sidecar's view of the same store, the same one at each call; `nil` where a store is for one sidecar.
    func second() async throws -> (any EventStore)?
    /// The sidecar starts anew: what was only in its memory is gone. `store` is another one from then on.
    func restart() async throws
    /// Lets the clock of the leases go on, where that is not the `now` of the calls.
    func elapse(_ time: Duration) async throws
    /// Removes what nobody needs any more. Answers how many rows went, without claims.
    func sweep(at now: Instant) async throws -> Int
    /// Cuts the connection of `store` once, when it next writes. False where there is no connection.
    func cut(_ place: Cut) async throws -> Bool
    /// Whether every row of the journal follows from the one before it in its chain.
    func isJournalWhole() async throws -> Bool
    func close() async
}

/// Where in an exchange the connection breaks.
public enum Cut: String, Sendable, CaseIterable {
    /// The server never gets the request.
    case beforeRequest = "before the request"
    /// The server has the request, and nobody listens to its answer.
    case afterRequest = "after the request"
    /// The server has answered, and the answer is lost.
    case beforeAnswer = "before the answer"
}

/// The time of a test: it stands still until the test moves it.
public final class TestClock: WallClock {
    public static let start = Instant(unixSeconds: 1_750_000_000)
    private let time = Mutex(TestClock.start)
    public init() {}
    public var now: Instant { time.withLock { $0 } }
    public func pass(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
}

/// What a store did and should not have done.
public struct Violation: Error, CustomStringConvertible {
    public let description: String
}

/// One promise of every store.
public struct Check: Sendable, CustomStringConvertible {
    public enum Need: Sendable {
        /// Any store will do.
        case nothing
        /// Two sidecars.
        case sharing
        /// A connection that can be cut.
        case cutting
    }
    public let name: String
    public let need: Need
    private let body: @Sendable (Scene) async throws -> Void

    init(_ name: String, _ need: Need = .nothing, _ body: @escaping @Sendable (Scene) async throws -> Void) {
        self.name = name
        self.need = need
        self.body = body
    }

    public var description: String { name }

    /// Opens a store for this check alone, and closes it again.
    public func run(_ open: (TestClock) async throws -> any StoreUnderTest) async throws {
        let clock = TestClock()
        let target = try await open(clock)
        do {
            try await body(Scene(target, clock))
            await target.close()
        } catch {
            await target.close()
            throw error
        }
    }

    /// All, in the order of the ports.
    public static let all: [Check] = claims + leases + ends + states + outboxes + timers + intakes + journals + cuts
    /// What a store for one sidecar promises.
    public static let alone: [Check] = all.filter { $0.need == .nothing }
}
