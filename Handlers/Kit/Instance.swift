/// What the host knows as `self`: a handler made from its configuration, and the services it may call.

import ABI

final class Instance: Sendable {
    private let handler: any Handler
    private let services: HostServices

    init(_ handler: any Handler, _ host: UnsafePointer<eh_host>) {
        self.handler = handler
        services = HostServices(of: host, publishes: type(of: handler).publishes)
    }

    /// The reference that the host holds from `create` to `destroy`.
    func retained() -> UnsafeMutableRawPointer { Unmanaged.passRetained(self).toOpaque() }

    static func at(_ reference: UnsafeMutableRawPointer?) -> Instance? {
        reference.map { Unmanaged<Instance>.fromOpaque($0).takeUnretainedValue() }
    }

    static func release(_ reference: UnsafeMutableRawPointer?) {
        reference.map { Unmanaged<Instance>.fromOpaque($0).release() }
    }

    func handle(_ batch: UnsafePointer<eh_batch>?) {
        guard let batch, let events = batch.pointee.events, let results = batch.pointee.results else { return }
        for index in 0..<Int(batch.pointee.count) {
            guard let event = events[index], let result = results[index] else { continue }
            Instance.write(outcome(of: event), to: result)
        }
    }

    private func outcome(of event: UnsafePointer<eh_event>) -> Outcome {
        do {
            return try handler.handle(Event(event.pointee), EventHost(services, event))
        } catch {
            return Outcome(thrown: error)
        }
    }

    private static func write(_ outcome: Outcome, to result: UnsafeMutablePointer<eh_result>) {
        switch outcome {
        case .done: eh_done(result)
        case .retry(let after, let reason): eh_retry(result, milliseconds(after), reason.code, reason.detail)
        case .wait(let after, let reason): eh_wait(result, milliseconds(after), reason.code, reason.detail)
        case .reject(let reason): eh_reject(result, reason.code, reason.detail)
        }
    }
}

/// Whole milliseconds, never negative; 0 for `nil`, which leaves a delay to the host and a time to live endless.
func milliseconds(_ duration: Duration?) -> UInt64 {
    guard let duration, duration > .zero else { return 0 }
    let (seconds, attoseconds) = duration.components
    let (whole, isTooLong) = UInt64(seconds).multipliedReportingOverflow(by: 1_000)
    return isTooLong ? .max : max(1, whole + UInt64(attoseconds / 1_000_000_000_000_000))
}
