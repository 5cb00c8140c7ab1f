// What no setting can know of itself: whether it fits the others.
import Events

struct CrossChecks {
    let configuration: Configuration

    func run(_ reader: inout Reader) {
        names(&reader)
        for queue in configuration.queues { check(queue, &reader) }
        urls(&reader)
        for handler in configuration.handlers { check(handler, &reader) }
        for service in configuration.services { check(service, &reader) }
        workers(&reader)
        for keySet in configuration.keySets { check(keySet, &reader) }
        if let signing = configuration.signing { check(signing, &reader) }
        checkStore(&reader)
        if let api = configuration.api { APIChecks(configuration: configuration, api: api).run(&reader) }
        sidecar(&reader)
    }

    // MARK: - names

    private func names(_ reader: inout Reader) {
        unique(configuration.queues.map(\.name.text), "queues", "name", &reader)
        unique(configuration.handlers.map(\.id.text), "handlers", "id", &reader)
        unique(configuration.keySets.map(\.name), "key-sets", "name", &reader)
        if configuration.queues.isEmpty {
            reader.error(
                "queues", "There is no queue, so nothing would ever happen.", "Add one: config/minimal.yaml shows how.")
        }
        let used = Set(configuration.queues.flatMap(\.handlers))
        for handler in configuration.handlers where !used.contains(handler.id) {
            reader.warn(
                "handlers[\(handler.id)]", "No queue names this handler, so it never gets an event.",
                "List it under `queues[].handlers`, or remove it.")
        }
    }

    private func unique(_ names: [String], _ list: String, _ key: String, _ reader: inout Reader) {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            reader.error(
                "\(list)[\(name)].\(key)", "Two elements of this list have the same \(key).", "Rename or remove one.")
        }
    }

    // MARK: - queues

    private func check(_ queue: QueueSettings, _ reader: inout Reader) {
        let path = "queues[\(queue.name)]"
        let known = configuration.handlers.map(\.id.text)
        for (index, id) in queue.handlers.enumerated() {
            if !known.contains(id.text) {
                let meant = Nearest.to(id.text, among: known).map { "Did you mean \"\($0)\"?" }
                reader.error(
                    "\(path).handlers[\(index)]", found: id.text, "There is no handler of this id.",
                    meant ?? "Add it under `handlers`.")
            } else if queue.handlers.firstIndex(of: id) != index {
                reader.error("\(path).handlers[\(index)]", found: id.text, "It is listed twice.", "Remove one.")
            }
        }
        if queue.handlers.count > 1 {
            reader.note(
                "\(path).handlers", "When one of its handlers cannot work the others' events wait behind it.",
                "Give each handler a queue of its own.")
        }
        if queue.deadLetter == nil && configuration.store.durability == .ephemeral {
            reader.error(
                "\(path).dead-letter", "Dead letters would be kept in the store, which does not outlive the pod.",
                "Give the URL of a dead-letter queue, or a durable store.")
        }
        for (key, url) in [("dead-letter", queue.deadLetter), ("quarantine", queue.quarantine)] {
            guard let url else { continue }
            if configuration.queues.contains(where: { $0.url == url }) {
                reader.error(
                    "\(path).\(key)", "Events are received from this queue, so its letters would come back as events.",
                    "Use a queue that nobody here receives from.")
            } else if queue.url.hasSuffix(".fifo") != url.hasSuffix(".fifo") {
                reader.warn(
                    "\(path).\(key)",
                    "One of the two queues is FIFO and the other is not, so the queue's own redrive cannot work.",
                    "Use two of one kind.")
            }
        }
        for id in queue.handlers {
            guard let handler = configuration[handler: id] else { continue }
            let longest = handler.deadline + handler.grace + queue.hold
            if longest > Limits.heldAtMost {
                reader.error(
                    "\(path).hold",
                    "With the deadline and grace of \(id) a message would be held for \(Quantity.show(longest)); "
                        + "more than \(Quantity.show(Limits.heldAtMost)) comes too near to the twelve hours of SQS.",
                    "Shorten hold or the handler's deadline.")
            }
        }
    }

    private func urls(_ reader: inout Reader) {
        var owners: [String: QueueName] = [:]
        for queue in configuration.queues {
            if let owner = owners[queue.url], owner != queue.name {
                reader.error(
                    "queues[\(queue.name)].url",
                    "The queue \(owner) has the same URL: each would get the other's events.",
                    "List all handlers under one of them, or create a second queue.")
            }
            owners[queue.url] = queue.name
            if let url = WebAddress(queue.url), !url.isEncrypted, !url.isLoopback {
                reader.warn("queues[\(queue.name)].url", "It is not encrypted.", "Use https outside of development.")
            }
        }
    }

    // MARK: - handlers

    private func check(_ handler: HandlerSettings, _ reader: inout Reader) {
        let path = "handlers[\(handler.id)]"
        handler.retry.check(at: "\(path).retry", &reader)
        if handler.workers == 1, let index = handler.routes.firstIndex(where: \.critical) {
            reader.note(
                "\(path).routes[\(index)].critical",
                "With one worker its events overtake those that wait, and wait for those that run.",
                "Set `workers: 2` or more, unless the plugin runs several events at once.")
        }
        checkKind(of: handler, path, &reader)
        if let call = handler.call { check(call, of: handler, path, &reader) }
        InlineChecks(handler: handler, path: path).run(&reader)
        if configuration.plugins.require == .pin && handler.sha256 == nil && handler.kind == .plugin {
            reader.error("\(path).sha256", "`plugins.require` demands a pin.", "Copy it from: sha256sum PLUGIN.so")
        }
        if !handler.publish.isEmpty {
            for (key, isThere) in [("signing", configuration.signing != nil), ("bus", configuration.bus != nil)]
            where !isThere {
                reader.error(
                    "\(path).publish", "Nothing can be published without `\(key)`.", "Add the section `\(key)`.")
            }
        }
        for (index, route) in handler.routes.enumerated() {
            let isCovered = configuration.keySets.contains { keySet in
                keySet.sources.contains { Names.covers($0, route.source) || Names.covers(route.source, $0) }
            }
            if !isCovered {
                reader.error(
                    "\(path).routes[\(index)].source", found: route.source,
                    "No key set may speak for this source, so each of its events would be refused.",
                    "List it under `key-sets[].sources`.")
            }
        }
        let isBound = handler.requireBinding || configuration.keySets.allSatisfy(\.requireBinding)
        if !isBound {
            reader.note(
                path, "Its events need not have their source, detail type, resource and id signed.",
                "Set `require-binding: true` when its publishers sign them"
                    + (handler.businessKey.isEmpty
                        ? "; until then a business key, here or in the plugin, tells repeats apart." : "."))
        }
    }

    /// Old and new workers live side by side during a reload.
    private func workers(_ reader: inout Reader) {
        let plugins = configuration.handlers.filter { $0.kind == .plugin && $0.isolation == .worker }
        let processes = plugins.reduce(0) { $0 + $1.workers }
        let memory = plugins.reduce(0) { $0 + $1.workers * $1.memory }
        compare("processes", processes, configuration.workers.processes, &reader) { "\($0)" }
        compare("memory", memory, configuration.workers.memory, &reader) { Quantity.show(bytes: $0) }
        for handler in configuration.handlers {
            guard let soft = handler.memorySoft, soft >= handler.memory else { continue }
            reader.error(
                "handlers[\(handler.id)].memory-soft", "It is not below memory: no worker would be replaced in time.",
                "Lower it, or raise memory.")
        }
        guard let users = configuration.workers.users else { return }
        if users.count < configuration.handlers.count {
            reader.error(
                "workers.users", found: users.description,
                "These are \(users.count) uids, and there are \(configuration.handlers.count) handlers.",
                "Widen the range.")
        }
        if configuration.sandbox != .strict {
            reader.note("workers.users", "No worker gets one of them.", "Set `sandbox: strict`.")
        }
    }

    private func compare(
        _ key: String, _ sum: Int, _ limit: Int, _ reader: inout Reader, _ show: (Int) -> String
    ) {
        let path = "workers.\(key)"
        if sum > limit {
            reader.error(
                path, found: show(limit),
                "The handlers' workers need \(show(sum)), \(show(sum - limit)) more than there may be.",
                "Raise it, or lower the handlers' `workers`" + (key == "memory" ? " or `memory`." : "."))
        } else if 2 * sum > limit {
            reader.warn(
                path,
                "A reload of all handlers needs \(show(2 * sum)), \(show(2 * sum - limit)) more than there may be: "
                    + "it would wait, or be refused.",
                key == "processes" && 2 * sum > Limits.workers
                    ? "Lower the handlers' `workers` to \(limit / 2) in all." : "Raise it to \(show(2 * sum)).")
        }
    }

    // MARK: - key sets

    private func check(_ keySet: KeySetSettings, _ reader: inout Reader) {
        let path = "key-sets[\(keySet.name)]"
        if keySet.url == nil && keySet.socket == nil {
            reader.error("\(path).url", "It has neither a URL nor a socket.", "Give one of them.")
        }
        if let url = keySet.url.flatMap({ WebAddress($0) }) {
            if !url.isEncrypted && !url.isLoopback && keySet.socket == nil {
                reader.error(
                    "\(path).url", "Who can change this answer on its way can forge every event.",
                    "Use https, or a server on loopback or a Unix socket.")
            }
            if !url.isEncrypted && !keySet.pins.isEmpty {
                reader.error(
                    "\(path).pins", "Without https there is no certificate to pin.", "Use https, or remove the pins.")
            }
        }
        if keySet.refresh >= keySet.maximumAge {
            reader.error(
                "\(path).refresh", "It is not fetched before the last one is too old, so its queues would pause.",
                "Make refresh shorter than maximum-age.")
        }
        if keySet.sources.contains("*") && configuration.keySets.count > 1 {
            reader.warn(
                "\(path).sources", "Its keys may speak for every source, those of the other key sets included.",
                "List its own sources.")
        }
    }

    // MARK: - the sidecar

    private func sidecar(_ reader: inout Reader) {
        if (configuration.plugins.require == .signature) == configuration.plugins.keys.isEmpty {
            reader.error(
                "plugins.keys", "Signatures and the keys that they are checked with go together.",
                "List files of public keys, and `require: signature`; or neither.")
        }
        if configuration.keySets.isEmpty {
            reader.error(
                "key-sets", "Without a key set no event can be verified.", "Add one: config/minimal.yaml shows how.")
        }
        let slowest = configuration.handlers.map { $0.deadline + $0.grace }.max() ?? .zero
        if slowest > configuration.stop.deadline {
            reader.warn(
                "stop.deadline",
                "The slowest handler may take \(Quantity.show(slowest)): what runs then is cut off and repeated.",
                "Raise it, and terminationGracePeriodSeconds with it.")
        }
        if let queue = configuration.queues.first(where: { $0.pollWait >= configuration.stop.deadline }) {
            reader.warn(
                "stop.deadline",
                "A long poll of \(queue.name) may outlast it: what that brings stays invisible until its time is over.",
                "Raise it, or shorten `poll-wait`.")
        }
        if configuration.sandbox == .off {
            reader.warn(
                "sandbox", "Handlers can reach the network, the files and the credentials of the sidecar.",
                "Use required, or available on old kernels.")
        }
    }
}

extension Reader {
    mutating func error(_ path: String, found: String = "", _ why: String, _ fix: String) {
        add(.error, path, found, why, fix)
    }
    mutating func warn(_ path: String, _ why: String, _ fix: String) { add(.warning, path, "", why, fix) }
    mutating func note(_ path: String, _ why: String, _ fix: String) { add(.note, path, "", why, fix) }

    private mutating func add(
        _ severity: Problem.Severity, _ path: String, _ found: String, _ why: String, _ fix: String
    ) {
        add(
            Problem(
                severity, place: place(of: path), path: path, found: found.isEmpty ? "" : Quote.found(found), why: why,
                fix: fix))
    }
}
