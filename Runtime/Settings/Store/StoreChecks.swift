// Whether the store's settings fit its kind, and the rest fits the store.
import Events

extension CrossChecks {
    func checkStore(_ reader: inout Reader) {
        let store = configuration.store
        sections(of: store, &reader)
        if store.isShared {
            embedded(store, &reader)
        } else if reader.places["store.durability"] == nil {
            reader.error(
                "store.durability", "It must be given: nobody but you knows whether the volume outlives the pod.",
                "Add it, for example: durability: durable")
        }
        if let connection = store.postgresql?.connection, ConnectionString(connection).isUnverified {
            reader.warn(
                "store.postgresql.connection",
                "The server need not show who it is: who is in the way could read and change what was done.",
                "Add sslmode=verify-full, and sslrootcert=FILE where its authority is your own.")
        }
    }

    /// The section of the kind, and of no other.
    private func sections(of store: StoreSettings, _ reader: inout Reader) {
        let given: [(StoreSettings.Kind, Bool)] = [
            (.postgresql, store.postgresql != nil), (.dynamodb, store.dynamodb != nil),
        ]
        for (kind, isGiven) in given where isGiven != (store.kind == kind) {
            if isGiven {
                reader.error(
                    "store.\(kind.rawValue)", "The store is of another kind: nothing would be kept there.",
                    "Set `kind: \(kind.rawValue)`, or remove the section.")
            } else {
                reader.error(
                    "store.kind", found: kind.rawValue, "Nothing says where it is.",
                    "Add the section `\(kind.rawValue)` under `store`.")
            }
        }
    }

    /// What only a file has.
    private func embedded(_ store: StoreSettings, _ reader: inout Reader) {
        let standard = StoreSettings()
        if store.path != standard.path {
            reader.error(
                "store.path", "A shared store has no file here, and none would be used in its place.",
                "Remove it, or set `kind: sqlite`.")
        }
        if store.durability == .ephemeral {
            reader.error(
                "store.durability", found: "ephemeral", "A shared store outlives every pod.", "Remove it.")
        }
        if store.lowWater != standard.lowWater {
            reader.error(
                "store.low-water", "It measures the volume of a file, and a shared store has none here.",
                "Remove it, and watch the space of the store where it is.")
        }
        if configuration.journal.size != nil {
            reader.error(
                "journal.size", "The journal of a shared store is bounded by time alone.",
                "Remove it, and shorten `keep`.")
        }
    }
}
