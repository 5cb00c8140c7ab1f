public import Events
public import Pipeline
import Synchronization

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
    /// What somebody does to four rows of the journal who can write the store behind its back.
    func damage(_ damage: Damage) async throws
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

/// What is done to the journal, of rows 1 to 4 with a head at the last.
public enum Damage: String, Sendable, CaseIterable {
    case change = "a row was changed"
    case gap = "a row is missing"
    case beginning = "the first row is missing"
    case tail = "the last row is missing"
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
    public static let all: [Check] = claims + leases + ends + states + outboxes + timers + intakes + shelves
        + journals + heads + cuts
    /// What a store for one sidecar promises.
    public static let alone: [Check] = all.filter { $0.need == .nothing }
}
