import Events
import Pipeline
import WorkerProtocol

// What the host says to a worker.

extension FrameWriter {
    mutating func create(_ options: HandlerOptions) {
        frame(WP_CREATE) { frame in
            frame.text(options.declaredID.text)
            frame.data(options.configuration)
            frame.u64(UInt64(max(options.deadline.milliseconds, 1)))
            frame.list(options.publish) { frame, route in
                frame.text(route.source)
                frame.text(route.detailType)
            }
        }
    }

    /// - Parameter prefetched: the state that travels with each event; left out where the frame would grow too large.
    mutating func batch(
        _ batch: UInt32, lane: Int, firstNumber: UInt32, _ assignments: [Assignment], prefetched: [[StateValue]]
    ) {
        var budget = 4_194_304
        frame(WP_BATCH, stream: batch) { frame in
            frame.u32(UInt32(lane))
            frame.u32(UInt32(assignments.count))
            for index in assignments.indices {
                frame.u32(firstNumber &+ UInt32(index))
                frame.event(assignments[index])
                guard index < prefetched.count else {
                    frame.u32(0)
                    continue
                }
                let values = prefetched[index].filter { value in
                    budget -= value.value.count
                    return budget >= 0
                }
                frame.list(values) { frame, value in
                    frame.data(value.key)
                    frame.u64(value.version)
                    frame.data(value.value)
                }
            }
        }
    }

    private mutating func event(_ assignment: Assignment) {
        let event = assignment.event
        u64(assignment.lease.fence)
        u32(event.isBound ? 1 : 0)
        u32(UInt32(clamping: assignment.attempt))
        u32(UInt32(clamping: assignment.deliveries))
        text(event.id.text)
        text(event.source)
        text(event.detailType)
        data(event.detail)
        text(event.keyID)
        text(event.resource)
        text(event.trace.correlationID)
        text(assignment.group ?? "")
        text(event.trace.parent)
        u64(UInt64(bitPattern: event.signedAt.unixMilliseconds))
        u64(UInt64(bitPattern: assignment.sentAt.unixMilliseconds))
        attributes(of: event)
    }

    /// Those that the envelope has.
    private mutating func attributes(of event: Event) {
        let hasUser = !event.trace.userID.isEmpty
        let hasTenant = !event.trace.tenantID.isEmpty
        let hasDevice = !event.trace.deviceID.isEmpty
        u32((hasUser ? 1 : 0) + (hasTenant ? 1 : 0) + (hasDevice ? 1 : 0))
        if hasUser {
            text("user-id")
            text(event.trace.userID)
        }
        if hasTenant {
            text("tenant-id")
            text(event.trace.tenantID)
        }
        if hasDevice {
            text("device-id")
            text(event.trace.deviceID)
        }
    }

    mutating func revoke(_ number: UInt32, _ lease: Lease) { frame(WP_REVOKE, stream: number, fence: lease.fence) }

    /// - Parameter values: `nil` tells the handler that the store does not answer.
    mutating func stateValues(_ number: UInt32, _ lease: Lease, _ values: [StateValue]?) {
        frame(WP_STATE_VALUES, stream: number, fence: lease.fence) { frame in
            frame.u8(values == nil ? 1 : 0)
            frame.list(values ?? []) { frame, value in
                frame.u64(value.version)
                frame.data(value.value)
            }
        }
    }

    mutating func stop() { frame(WP_STOP) }
}
