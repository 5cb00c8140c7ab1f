public import Events
public import HTTP
public import Pipeline
import Synchronization

/// The services of the generation in force, by name.
///
/// One exchange per call, over a kept connection, never redirected. What a service's timeout and its line allow is held
/// here; whether a handler may call it at all, its host decides.
public final class ServiceDirectory: ServiceCaller {
    private let client: HTTPClient
    private let clock: any WallClock
    private let observer: any ServiceObserver
    private let lines = Mutex<[String: ServiceLine]>([:])

    /// - Parameter client: for services alone: a slow one takes its connections and no others.
    public init(client: HTTPClient, clock: any WallClock, observer: any ServiceObserver) {
        self.client = client
        self.clock = clock
        self.observer = observer
    }

    /// From now on these. One whose options are the same goes on, with its circuit as it stands; what runs, finishes.
    public func become(_ services: [ServiceOptions]) {
        let gone = lines.withLock { lines in
            let previous = lines
            lines = [:]
            for options in services {
                if let line = previous[options.name], line.options == options {
                    lines[options.name] = line
                } else {
                    lines[options.name] = makeLine(options)
                }
            }
            return previous.keys.filter { lines[$0] == nil }
        }
        for name in gone { observer.note(.gone, of: name) }
    }

    private func makeLine(_ options: ServiceOptions) -> ServiceLine {
        let observer = observer
        observer.note(.appeared, of: options.name)
        return ServiceLine(options, clock: clock) { observer.note(.circuit($0), of: options.name) }
    }

    /// How each service does, by name, for `/v1/status`: a look, and no promise for the next call.
    public var circuits: [CircuitSnapshot] {
        lines.withLock { Array($0.values) }.map(\.snapshot).sorted { $0.service < $1.service }
    }

    // MARK: - ServiceCaller

    public func call(_ call: ServiceCall) async throws(Failure) -> ServiceAnswer {
        if let objection = CallRules.objection(to: call) { throw Failure(.callInvalid, call.service, objection) }
        guard let line = lines.withLock({ $0[call.service] }) else {
            throw Failure(.callUnavailable, call.service, "it is not configured")
        }
        let end = clock.now + call.timeout
        switch await line.enter(within: min(call.timeout, line.options.timeout)) {
        case .pass(let pass):
            let began = clock.now
            let (result, report) = await exchange(call, line.options, within: end - began)
            line.leave(pass, report)
            switch result {
            case .success(let answer):
                observer.note(
                    .answered(call.origin.handler, status: answer.status, took: clock.now - began), of: call.service)
            case .failure(let failure):
                observer.note(.failed(call.origin.handler, failure, took: clock.now - began), of: call.service)
            }
            return try result.get()
        case .refused(let why): throw refused(call, why)
        case .left: throw refused(call, "no exchange came free in time")
        }
    }

    private func refused(_ call: ServiceCall, _ why: String) -> Failure {
        let failure = Failure(.callUnavailable, call.service, why)
        observer.note(.refused(call.origin.handler, failure), of: call.service)
        return failure
    }

    private func exchange(
        _ call: ServiceCall, _ options: ServiceOptions, within left: Duration
    ) async -> (Result<ServiceAnswer, Failure>, Circuit.Report) {
        let identity = CallIdentity(call)
        var headers = call.headers.map { HTTPHeader($0.name, $0.value) }
        headers.append(HTTPHeader("traceparent", identity.traceParent))
        let key = call.idempotencyKey.isEmpty ? identity.key : call.idempotencyKey
        headers.append(HTTPHeader("Idempotency-Key", key))
        let request = HTTPRequest(
            method: call.method, url: "http://localhost\(call.path)", headers: headers, body: call.body,
            timeout: min(left, options.timeout), connectTimeout: options.timeout, unixSocket: options.socket,
            maximumBodyBytes: call.answerBytes, obeysProxyEnvironment: false)
        do throws(HTTPFailure) {
            let response = try await client.send(request)
            let passed = CallRules.passed(response.headers.all.lazy.map { Attribute(name: $0.name, value: $0.value) })
            let answer = ServiceAnswer(status: response.status, headers: passed, body: response.body[...])
            // What says of itself that it cannot serve is given the same rest as one that says nothing.
            return (.success(answer), response.status == 503 ? .failed : .answered)
        } catch {
            let isOwnTime = left >= options.timeout
            return (.failure(Failure(error, of: options.name)), Circuit.Report(error, isOwnTime: isOwnTime))
        }
    }
}

/// How a service does.
public struct CircuitSnapshot: Sendable, Hashable {
    public let service: String
    public let state: Circuit.State
    /// Exchanges now.
    public let underWay: Int
    /// Calls that wait for one.
    public let waiting: Int
    public init(service: String, state: Circuit.State, underWay: Int, waiting: Int) {
        self.service = service
        self.state = state
        self.underWay = underWay
        self.waiting = waiting
    }
}

extension Failure {
    fileprivate init(_ failure: HTTPFailure, of service: String) {
        let code: FailureCode =
            switch (failure.kind, failure.progress) {
            case (.tooLarge, _): .callTooLarge
            case (.cancelled, _), (.timedOut, .asked): .callTimedOut
            case (_, .none): .callUnavailable
            default: .callBadReply
            }
        self.init(code, service, failure.description)
    }
}

extension Circuit.Report {
    /// - Parameter isOwnTime: the exchange had all the time that the service may take.
    fileprivate init(_ failure: HTTPFailure, isOwnTime: Bool) {
        switch failure.kind {
        case .tooLarge: self = .answered
        case .cancelled: self = .nothing
        case .timedOut: self = isOwnTime ? .failed : .nothing
        default: self = .failed
        }
    }
}
