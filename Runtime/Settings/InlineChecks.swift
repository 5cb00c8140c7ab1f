// A handler that runs in the sidecar: what it needs beside it, and what cannot be had.

struct InlineChecks {
    let handler: HandlerSettings
    let path: String

    func run(_ reader: inout Reader) {
        guard handler.isolation == .inline else {
            if handler.trusted {
                reader.note(
                    "\(path).trusted", "In a worker nothing is trusted.", "Remove it, or set `isolation: inline`.")
            }
            return
        }
        if handler.kind != .plugin || handler.call != nil {
            reader.error("\(path).isolation", found: "inline", "Only a plugin in C runs inline.", "Use worker.")
            return
        }
        needs(&reader)
        cannotHave(&reader)
        reader.warn(
            "\(path).isolation", "Its crash is the sidecar's, and nothing bounds what it reads, writes and uses.",
            "Use worker, unless its code was read as the sidecar's own.")
    }

    private func needs(_ reader: inout Reader) {
        if !handler.trusted {
            reader.error(
                "\(path).trusted", "Inline it may do all that the sidecar may, and this does not say that it may.",
                "Set `trusted: true`, or use `isolation: worker`.")
        }
        if handler.sha256 == nil {
            reader.error(
                "\(path).sha256", "What runs inline must be pinned.", "Copy it from: sha256sum PLUGIN.so")
        }
        if let trial = handler.trial, trial.sha256 == nil {
            reader.error(
                "\(path).trial.sha256", "The second build would run inline, too, and must be pinned.",
                "Copy it from: sha256sum PLUGIN.so")
        }
    }

    private func cannotHave(_ reader: inout Reader) {
        let said: [(key: String, isSaid: Bool, why: String)] = [
            ("workers", handler.workers > 1, "Inline it has one instance; its threads are its own choice."),
            ("memory-soft", handler.memorySoft != nil, "Inline its memory is the sidecar's."),
            ("readable", !handler.readable.isEmpty, "Inline it reads whatever the sidecar may read."),
            ("environment", !handler.environment.isEmpty, "Inline its environment is the sidecar's."),
        ]
        for (key, isSaid, why) in said where isSaid {
            reader.error("\(path).\(key)", why, "Remove it, or use `isolation: worker`.")
        }
    }
}
