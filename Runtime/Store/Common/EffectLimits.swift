public import Events

// What a store takes from one event, and from outside: the same limits in every store.

extension Effects {
    /// Why no store takes these effects, now or ever: `handle.too-large`.
    public func refusal(of handler: HandlerID) -> Failure? {
        if reads.isEmpty && writes.isEmpty && drafts.isEmpty && timers.isEmpty { return nil }
        func excess(_ what: String) -> Failure { Failure(.handleTooLarge, handler.text, what) }
        if reads.count > Limits.stateReadsPerEvent { return excess("too many state keys read") }
        if writes.count > Limits.stateWritesPerEvent { return excess("too many state keys written") }
        if drafts.count > Limits.publishesPerEvent { return excess("too many events published") }
        if timers.count > Limits.timersPerEvent { return excess("too many timers set") }
        let keys = reads.map(\.key) + writes.map(\.key) + timers.map(\.key)
        if keys.contains(where: { $0.count > Limits.stateKeyBytes }) { return excess("a key is too long") }
        if writes.contains(where: { $0.value?.count ?? 0 > Limits.stateValueBytes }) {
            return excess("a state value is too long")
        }
        let bytes = writes.reduce(0) { $0 + ($1.value?.count ?? 0) } + drafts.reduce(0) { $0 + $1.size }
            + timers.reduce(0) { $0 + $1.detail.count }
        return bytes > Limits.effectsBytes ? excess("writes and drafts are too large together") : nil
    }
}

extension Draft {
    /// Bytes that it takes in the outbox, roughly.
    public var size: Int {
        detail.count + attributes.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
            + source.utf8.count + detailType.utf8.count + resource.utf8.count + correlationID.utf8.count
    }
}
