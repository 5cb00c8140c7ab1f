/// The handler behind `call:`: each event is one call of a plain C function in the operator's library.

public import Kit

/// Written by the sidecar from the settings, where it was checked:
///
///     {"symbol": "fees_apply", "result": "i32", "parameters": [{"type": "cstr", "from": "/paymentId"}, ...],
///      "outcomes": {"0": "done"}, "otherwise": "retry"}
public struct CallHandler: Handler {
    public static let id = "call"
    public static let summary = "Calls a C function with values of the payload."
    public static let routes = [Route("*", "*")]

    private let symbol: String
    private let parameters: [Parameter]
    private let function: PlainFunction
    private let outcomes: [String: Verdict]
    private let otherwise: Verdict

    private enum Verdict: String { case done, retry, reject, wait }

    public init(config: JSON) throws { try self.init(config: config, library: Library.inherited()) }

    /// - Parameter library: where the function is; by default what the worker was born with.
    init(config: JSON, library: Library) throws {
        symbol = try config.string(at: "/symbol")
        parameters = try config.array(at: "/parameters").indices.map { index in
            let place = Pointer("/parameters") / String(index)
            return Parameter(
                try Self.type(config, place / "type"), from: try ArgumentSource(try config.string(at: place / "from")))
        }
        function = try PlainFunction(
            library.function(symbol), parameters.map(\.type), result: try Self.type(config, "/result"))
        otherwise = try Self.verdict(config, "/otherwise")
        var outcomes: [String: Verdict] = [:]
        for member in try config.members(at: "/outcomes") {
            outcomes[member.key] = try Self.verdict(config, "/outcomes" / member.key)
        }
        self.outcomes = outcomes
    }

    public func handle(_ event: Event, _ host: any Host) throws -> Outcome {
        let frame = CallFrame()
        for parameter in parameters { try frame.append(parameter, of: event) }
        guard let returned = function.call(frame) else { return .done }
        let reason = Reason("call.returned", "\(symbol) returned \(returned)")
        switch outcomes[returned] ?? otherwise {
        case .done: return .done
        case .retry: return .retry(reason)
        case .reject: return .reject(reason)
        case .wait: return .wait(reason)
        }
    }

    private static func type(_ config: JSON, _ place: Pointer) throws -> CType {
        guard let type = CType(rawValue: try config.string(at: place)) else {
            throw JSON.Mismatch(place, expected: "a type")
        }
        return type
    }

    private static func verdict(_ config: JSON, _ place: Pointer) throws -> Verdict {
        guard let verdict = Verdict(rawValue: try config.string(at: place)) else {
            throw JSON.Mismatch(place, expected: "done, retry, reject or wait")
        }
        return verdict
    }
}
