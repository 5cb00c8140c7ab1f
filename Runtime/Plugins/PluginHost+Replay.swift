public import Events
public import Pipeline

// A replay in shadow: the serving build's own workers, state as it is now, and no service.

extension PluginHost: Rehearsal {
    public func rehearse(_ batch: Batch) async throws(Failure) -> [Outcome] {
        let templates = generation(batch.generation)?.stateKeys(of: batch.handler)
        let reader = StateReader(batch.handler, state, clock)
        return try await run(
            batch, isTrial: false, reader, templates, calls: CallPlayback(record: CallRecord()))
    }
}
