/// A handler whose payload and configuration are types of its own.

/// A handler that is given its payload decoded.
///
/// ```swift
/// struct Fees: TypedHandler {
///     static let id = "fees"
///     static let routes = [Route("com.example.payments", "Payment.Settled.v1")]
///
///     struct Config: Decodable { let percent: Amount }
///     struct Payment: Decodable {
///         let paymentId: Identifier
///         let amount: Amount
///     }
///
///     let config: Config
///
///     func handle(_ payment: Payment, _ event: Event, _ host: any Host) throws -> Outcome {
///         host.log(.info, "settled", ["payment": payment.paymentId.text])
///         return .done
///     }
/// }
/// ```
///
/// A payload that does not decode is rejected, a configuration that does not decode refuses the generation; each with
/// the place and what was expected there. Members that the type does not name are ignored in a payload, and refused in
/// a configuration. A handler of several kinds of payload is a ``Handler`` that calls ``Event/decode(_:)``.
public protocol TypedHandler: Handler {
    /// `let config: Config` is all that an instance needs; `JSON` takes any configuration.
    associatedtype Config: Decodable
    associatedtype Detail: Decodable

    /// Checks what its type does not say.
    init(config: Config) throws

    /// Answers one event, as ``Handler/handle(_:_:)`` does.
    func handle(_ detail: Detail, _ event: Event, _ host: any Host) throws -> Outcome

    /// Answers a timer of its own. A handler that sets none need not say it.
    func handle(timer event: Event, _ host: any Host) throws -> Outcome
}

extension TypedHandler {
    public init(config: JSON) throws {
        // An own `init(config: JSON)` would have come first.
        guard Config.self != JSON.self else {
            throw Rejection("handler.no-config", "\(Self.self) has neither a Config nor an init(config:)")
        }
        try self.init(config: config.decode(Config.self, unknown: .refused))
    }

    public func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        event.isTimer ? try handle(timer: event, host) : try handle(event.decode(Detail.self), event, host)
    }

    public func handle(timer event: Event, _ host: any Host) throws -> Outcome {
        throw Rejection("handler.no-timer", "this handler takes no timers")
    }
}
