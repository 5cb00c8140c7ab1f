/// What a payment has come to, whatever the order in which its events arrived.

public import Kit
import Vocabulary

/// The events of one payment that were seen, as a set: repeats add nothing, and order leaves no trace.
public struct Course: OptionSet, Hashable, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let initiated = Course(rawValue: 1)
    public static let authorised = Course(rawValue: 2)
    public static let settled = Course(rawValue: 4)
    public static let failed = Course(rawValue: 8)
    /// The workflow that the payment belongs to has failed.
    public static let abandoned = Course(rawValue: 16)

    static let all: Course = [.initiated, .authorised, .settled, .failed, .abandoned]

    /// The step that an event type says; `nil` if it is none.
    public init?(_ event: Route) {
        switch event {
        case .paymentInitiated: self = .initiated
        case .paymentAuthorized: self = .authorised
        case .paymentSettled: self = .settled
        case .paymentFailed: self = .failed
        case .workflowFailed: self = .abandoned
        default: return nil
        }
    }

    /// Where a payment stands in the books.
    public enum Standing: Hashable, Sendable {
        /// Nobody initiated it yet: it is held, and counts for nothing.
        case awaited
        case reserved, held, released, booked
    }

    /// The first that applies: awaited, booked (money that moved has moved), released, held, reserved.
    public var standing: Standing {
        if !contains(.initiated) { return .awaited }
        if contains(.settled) { return .booked }
        if !isDisjoint(with: [.failed, .abandoned]) { return .released }
        return contains(.authorised) ? .held : .reserved
    }

    /// True from the moment when a failed workflow has set the payment free. A settlement ends it, and nothing brings
    /// it back, so it becomes true at most once.
    public var isCompensated: Bool { contains(.abandoned) && standing == .released }

    /// Nothing but a contradiction may follow.
    public var isFinal: Bool { [.released, .booked].contains(standing) }
}

/// What people must look at, as reports name it.
public enum Discrepancy: String, CaseIterable, Hashable, Sendable {
    case notInitiated = "not-initiated"
    case settledBeforeInitiated = "settled-before-initiated"
    case releasedWithoutHold = "released-without-hold"
    case settledThoughFailed = "settled-though-failed"
    case settledThoughReleased = "settled-though-released"

    /// The worst that a course has; `nil` if it is in order, or empty.
    public init?(in course: Course) {
        if course.contains(.initiated) {
            if course.isSuperset(of: [.settled, .abandoned]) {
                self = .settledThoughReleased
            } else if course.isSuperset(of: [.settled, .failed]) {
                self = .settledThoughFailed
            } else {
                return nil
            }
        } else if course.contains(.settled) {
            self = .settledBeforeInitiated
        } else if course.contains(.abandoned) {
            self = .releasedWithoutHold
        } else if course.isEmpty {
            return nil
        } else {
            self = .notInitiated
        }
    }
}

/// What is remembered of one payment.
public struct Progress: Hashable, Sendable {
    public let payment: Payment
    public var course: Course
    /// Whom the payment concerns, once an event said it.
    public var userID: Identifier?
    /// The workflow that failed.
    public var workflow: Workflow?

    public init(payment: Payment, course: Course = []) {
        self.payment = payment
        self.course = course
    }
}

/// A workflow that failed, and why.
public struct Workflow: Hashable, Sendable {
    public let id: Identifier
    public let reason: Identifier

    public init(json: JSON) throws(JSON.Mismatch) {
        id = try json.identifier(at: .workflowID)
        reason = try json.identifier(at: .reason)
    }

    var json: JSON { .detail([.workflowID: id.json, .reason: reason.json]) }
}

extension Progress: StateRecord {
    public init(json: JSON) throws(JSON.Mismatch) {
        let course = Course(rawValue: try json.integer(at: "/course"))
        guard Course.all.isSuperset(of: course) else { throw JSON.Mismatch("/course", expected: "steps") }
        self.init(payment: try Payment(json: json["/payment"] ?? .null), course: course)
        userID = try json[.userID].map { _ throws(JSON.Mismatch) in try json.identifier(at: .userID) }
        workflow = try json["/workflow"].map(Workflow.init)
    }

    public var json: JSON {
        .detail([
            Field("payment"): payment.json, Field("course"): .number(JSON.Number(course.rawValue)),
            .userID: userID?.json, Field("workflow"): workflow?.json,
        ])
    }
}
