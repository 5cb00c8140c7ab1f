// The metric catalogue: every metric of the sidecar, declared once. METRICS.md is generated from it.

/// One metric: its name, what it counts, and its labels in the order in which their values are given.
public struct Metric: Sendable, Hashable {
    public enum Kind: String, Sendable { case counter, gauge, histogram }

    public let name: String
    public let kind: Kind
    public let labels: [String]
    /// One sentence. Units are part of the name: seconds, bytes, or plain numbers.
    public let help: String

    init(_ kind: Kind, _ name: String, _ labels: [String] = [], _ help: String) {
        self.kind = kind
        self.name = "outrigger_" + name
        self.labels = labels
        self.help = help
    }

    public static func == (a: Metric, b: Metric) -> Bool { a.name == b.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension Metric {
    // MARK: receive
    static let received = Metric(.counter, "received_total", ["queue"], "Messages received.")
    static let receivedBytes = Metric(.counter, "received_bytes_total", ["queue"], "Bytes of their bodies.")
    static let redelivered = Metric(
        .counter, "redelivered_total", ["queue"], "Messages received again while they were in hand.")
    static let inHand = Metric(.gauge, "in_hand_messages", ["queue"], "Messages received and not settled.")
    static let inHandBytes = Metric(.gauge, "in_hand_bytes", ["queue"], "Bytes of their bodies.")
    static let oldest = Metric(.gauge, "oldest_message_age_seconds", ["queue"], "Age of the oldest message in hand.")
    static let queueMessages = Metric(
        .gauge, "queue_messages", ["queue", "state"],
        "What the queue has, by its own word: available, in-flight, delayed; hidden of the available, behind the heads "
            + "of FIFO groups in hand.")
    static let paused = Metric(
        .gauge, "paused", ["queue", "code"], "1 while the queue is not received from, for the reason of this code.")

    // MARK: verify
    static let verified = Metric(.counter, "verified_total", ["queue"], "Messages whose signature was verified.")
    static let failures = Metric(
        .counter, "failures_total", ["queue", "code"], "Failures by code; FAILURES.md says what each means.")
    static let keySetAge = Metric(
        .gauge, "key_set_age_seconds", ["key_set"], "Time since the key set was last fetched.")
    static let keySetKeys = Metric(.gauge, "key_set_keys", ["key_set"], "Keys in the key set.")
    static let keySetFailures = Metric(
        .counter, "key_set_failures_total", ["key_set", "code"], "Fetches of the key set that failed or were refused.")
    static let unknownKeys = Metric(
        .counter, "unknown_keys_total", ["key_set"], "Tokens that named a key which the key set does not have.")
    static let secondVariants = Metric(
        .counter, "second_variants_total", ["key_set"],
        "Signatures that verified under another variant of Dilithium2 than the key's earlier ones.")

    // MARK: dedup
    static let duplicates = Metric(.counter, "duplicates_total", ["queue"], "Events that were done before.")

    // MARK: handle
    static let handled = Metric(
        .counter, "handled_total", ["queue", "handler", "outcome"], "Runs of events in handlers, by outcome.")
    static let handleSeconds = Metric(
        .histogram, "handle_seconds", ["queue", "handler"], "Time of one run of one event, with its batch.")
    static let waitSeconds = Metric(
        .histogram, "wait_seconds", ["queue", "handler"],
        "Time from available in the queue to handed to a worker, of events that came for the first time.")
    static let handlerCircuit = Metric(
        .gauge, "handler_circuit", ["queue", "handler"],
        "1 while the handler's events wait for what it depends on, and one after the other tries.")
    static let retries = Metric(
        .counter, "retries_total", ["queue", "handler", "code"], "Events that will be run again, by reason.")
    static let workers = Metric(.gauge, "workers", ["handler"], "Worker processes.")
    static let workerStarts = Metric(.counter, "worker_starts_total", ["handler"], "Worker processes started.")
    static let workerRestarts = Metric(
        .counter, "worker_restarts_total", ["handler", "code"], "Worker processes that ended unasked, by reason.")
    static let workerMemory = Metric(
        .gauge, "worker_memory_bytes", ["handler", "worker"],
        "Memory that is the worker's own, when it was last looked at: written to, shared, swapped, and page tables.")
    static let workerReplacements = Metric(
        .counter, "worker_replacements_total", ["handler"],
        "Workers replaced between events because they used more than memory-soft.")
    static let sandbox = Metric(
        .gauge, "sandbox", ["handler", "part"], "1 if this part of the sandbox is in force for the handler's workers.")
    static let isolation = Metric(
        .gauge, "isolation", ["handler", "isolation"], "1 for where the handler runs: in a worker or inline.")
    static let stuck = Metric(
        .gauge, "handler_stuck", ["handler"], "Inline instances that do not return: only a restart ends them.")
    static let handlerDropped = Metric(
        .counter, "handler_telemetry_dropped_total", ["handler", "kind"],
        "Log lines and metric samples of the handler beyond its limits.")

    // MARK: call
    static let calls = Metric(
        .counter, "service_calls_total", ["service", "handler", "result"],
        "Exchanges with services: 2xx to 5xx, the code of a failure, or refused, where none was made.")
    static let callSeconds = Metric(
        .histogram, "service_call_seconds", ["service"], "Time of one exchange, without its wait in line.")
    static let circuit = Metric(
        .gauge, "service_circuit", ["service"], "The circuit breaker of a service: 0 closed, 1 half-open, 2 open.")

    // MARK: settle
    static let commits = Metric(.histogram, "commit_seconds", ["queue"], "Time of one commit of outcomes.")
    static let committed = Metric(.counter, "committed_total", ["queue"], "Outcomes committed.")
    static let settled = Metric(
        .counter, "settled_total", ["queue", "as"], "Messages settled: done, duplicate, dead-letter or given-back.")
    static let deadLetters = Metric(
        .counter, "dead_letters_total", ["queue", "code"], "Dead letters, by their last code.")
    static let settleErrors = Metric(
        .counter, "settle_errors_total", ["queue", "code"], "Deletes, delays and dead letters that failed.")

    // MARK: all stages
    static let stage = Metric(
        .histogram, "stage_seconds", ["queue", "stage"], "Time that one batch took in a stage.")
    static let stageEvents = Metric(
        .counter, "stage_events_total", ["queue", "stage"], "Events in those batches.")
    static let endToEnd = Metric(
        .histogram, "end_to_end_seconds", ["queue", "as"],
        "Time from when the queue had the message until it was settled.")

    // MARK: publish
    static let published = Metric(.counter, "published_total", ["source"], "Events that the bus took.")
    static let publishSeconds = Metric(.histogram, "publish_seconds", [], "Time from commit to the bus's answer.")
    static let publishFailures = Metric(
        .counter, "publish_failures_total", ["code"], "Events that the bus did not take, by reason.")
    static let outboxRows = Metric(.gauge, "outbox_events", [], "Committed events that wait for the bus.")
    static let outboxBytes = Metric(.gauge, "outbox_bytes", [], "Their bytes.")
    static let outboxAge = Metric(.gauge, "outbox_oldest_age_seconds", [], "Age of the oldest of them.")

    // MARK: store
    static let storeCommits = Metric(
        .histogram, "store_commit_seconds", [], "Time of one transaction, with its wait for the disk.")
    static let storeFailures = Metric(.counter, "store_failures_total", ["code"], "Transactions that failed.")
    static let storeBytes = Metric(.gauge, "store_bytes", [], "Bytes of the store's files, tables and indexes.")
    static let storeExchanges = Metric(.counter, "store_exchanges_total", [], "Round trips to a shared store.")
    static let storeRequests = Metric(
        .counter, "store_requests_total", [], "Statements and items that went in them.")
    static let storeRepeats = Metric(
        .counter, "store_repeats_total", ["reason"],
        "Exchanges with a shared store that were in vain and went once more: throttled, conflict or unanswered.")
    static let storeConnections = Metric(
        .counter, "store_connections_total", [], "Connections made to a shared store.")
    static let storeAway = Metric(
        .gauge, "store_away", [], "1 while a shared store does not answer and no handler runs, 0 otherwise.")

    // MARK: local API
    static let apiRequests = Metric(
        .counter, "api_requests_total", ["socket", "peer", "status"], "Requests on the Unix sockets, by peer.")

    static let parked = Metric(
        .gauge, "parked_groups", ["queue"], "FIFO groups that stand behind an event that failed for good.")
    static let strayTimers = Metric(
        .gauge, "stray_timers", [],
        "Timers that are due and whose handler no queue has any more: they wait for it to come back.")

    // MARK: journal
    static let journalHead = Metric(
        .gauge, "journal_head", [], "The number of the journal's newest sealed head; it never falls.")
    static let journalFirst = Metric(.gauge, "journal_first", [], "The number of the oldest row that is kept.")
    static let journalRows = Metric(.gauge, "journal_rows", [], "Rows of the journal.")
    static let journalHeads = Metric(
        .counter, "journal_heads_total", ["signed"], "Heads sealed, by whether they are signed.")

    // MARK: the sidecar
    static let build = Metric(.gauge, "build_info", ["version"], "1, with the version as label.")
    static let generation = Metric(.gauge, "generation", [], "The number of the generation in force.")
    static let generationsAlive = Metric(
        .gauge, "generations_alive", [], "Generations that have workers: the one in force, and those that drain.")
    static let reloads = Metric(
        .counter, "reloads_total", ["result", "code"], "Reloads: switched, unchanged or refused, and why refused.")
    static let trialEvents = Metric(
        .counter, "trial_events_total", ["handler", "kind", "result"],
        "Events in a second build: as a shadow, whether it did the same; as a canary, whether they were done.")
    static let trialDecisions = Metric(
        .counter, "trial_decisions_total", ["handler", "verdict"], "Second builds promoted and rolled back.")
    static let started = Metric(.gauge, "start_time_seconds", [], "When the sidecar started, in Unix time.")
    static let logLines = Metric(
        .counter, "log_lines_dropped_total", ["reason"], "Log lines left out: limit or blocked.")
    static let seriesDropped = Metric(
        .counter, "series_dropped_total", ["metric"], "Samples that were counted under \"other\": too many label sets.")

    /// All of them, in the order of the reference.
    public static let all: [Metric] = [
        received, receivedBytes, redelivered, inHand, inHandBytes, oldest, queueMessages, paused,
        verified, failures, keySetAge, keySetKeys, keySetFailures, unknownKeys, secondVariants,
        duplicates,
        handled, handleSeconds, waitSeconds, handlerCircuit, retries, workers, workerStarts, workerRestarts,
        workerMemory, workerReplacements, sandbox, isolation, stuck, handlerDropped, calls, callSeconds, circuit,
        commits, committed, settled, deadLetters, settleErrors,
        stage, stageEvents, endToEnd,
        published, publishSeconds, publishFailures, outboxRows, outboxBytes, outboxAge,
        storeCommits, storeFailures, storeBytes, storeExchanges, storeRequests, storeRepeats,
        storeConnections, storeAway,
        parked, strayTimers,
        journalHead, journalFirst, journalRows, journalHeads,
        apiRequests,
        build, generation, generationsAlive, reloads, trialEvents, trialDecisions, started, logLines, seriesDropped,
    ]

    /// Upper bounds of every histogram's buckets, in seconds: from a verification to a slow handler.
    public static let bounds: [Double] = [
        0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
        60,
    ]
    /// Those of handlers' own histograms, whose unit is the handler's: the worker folds samples into them.
    public static let handlerBounds: [Double] = [
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000,
    ]
}
