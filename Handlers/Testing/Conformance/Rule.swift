/// One rule of `event_handler.h` that can be tried from outside.
public struct Rule: Sendable, Hashable {
    /// For machines; stays when rules are added.
    public let name: String
    /// Where the header says it.
    public let section: String
    public let text: String
    /// What an author does about a breach.
    public let remedy: String

    private init(_ name: String, _ section: String, _ text: String, _ remedy: String) {
        self.name = name
        self.section = section
        self.text = text
        self.remedy = remedy
    }

    /// From 1, in the order of ``all``.
    public var number: Int { (Self.all.firstIndex(of: self) ?? 0) + 1 }

    public static let all = ofLibrary + ofHandler
    /// Those that a library keeps or breaks as a whole.
    static let ofLibrary = [
        library, entry, exports, loads, repeats, sizes, texts, version, handlers, ids, routes, functions, threading,
        services,
    ]
    static let ofHandler = [
        conflicts, schema, businessKey, stateKeys, createEmpty, createGiven, createBroken, instances, survives, answers,
        deadline, resultBounds, borrowed, channel, reasons, limits, publishes, calls, log, metrics, batches, over,
        hostile,
        destroys, deterministic, growth, silent,
    ]
}

// MARK: - the library

extension Rule {
    static let library = Rule(
        "library", "6. the plugin", "The file is a shared library for this machine.",
        "Build a shared library (-shared -fPIC) for the machine that the sidecar runs on.")
    static let entry = Rule(
        "entry", "6. the plugin", "It exports eh_plugin_entry_v1, which does not return NULL.",
        "Include event_handler.h, which declares the function EH_EXPORT and extern \"C\", and define it.")
    static let exports = Rule(
        "exports", "6. the plugin", "It exports that one symbol and no other.",
        "Compile with -fvisibility=hidden, and link with a version script that makes everything else local.")
    static let loads = Rule(
        "loads", "6. the plugin; trust", "It loads in the sandbox, with nothing beside it.",
        "Link what it needs statically, or use only libraries that are installed; do no work in constructors.")
    static let repeats = Rule(
        "entry-repeats", "6. the plugin", "The entry can be called more than once and says the same each time.",
        "Return a pointer to static data; build it once.")
    static let sizes = Rule(
        "sizes", "compatibility 2", "eh_plugin.size and eh_handler.size are those of the header it was built with.",
        "Set .size = sizeof(eh_plugin) and .size = sizeof(eh_handler).")
    static let texts = Rule(
        "texts", "6. the plugin", "Name, version and the rest of its description are UTF-8 of a sensible length.",
        "Set every text of eh_plugin; none may be NULL.")
    static let version = Rule(
        "version", "6. the plugin", "The version is a semantic one.",
        "Write it as 1.2.3, and raise it with each build.")
    static let handlers = Rule(
        "handlers", "6. the plugin", "It has 1 to 64 handlers, each id once.", "Set handlers and handler_count.")
    static let ids = Rule(
        "ids", "5. a handler", "Each id is [a-z0-9-]{1,48}.", "Rename the handler; its state and metrics go by its id.")
    static let routes = Rule(
        "routes", "5. a handler", "Each handler has 1 to 256 well-formed routes.",
        "Set routes and route_count; source and detail type are texts, or \"*\".")
    static let functions = Rule(
        "functions", "5. a handler", "create, handle and destroy are set.", "Set all three; destroy may do nothing.")
    static let threading = Rule(
        "threading", "5. a handler", "threading is EH_SERIAL or EH_CONCURRENT.", "Leave it out for EH_SERIAL.")
    static let services = Rule(
        "services", "5. a handler", "The services that it lists exist.",
        "List eh.state/1, eh.publish/1, eh.call/1, eh.timer/1, and end the list with NULL.")
}

// MARK: - what a handler says of itself, and create

extension Rule {
    static let conflicts = Rule(
        "route-conflict", "5. a handler", "No route is listed twice.", "Remove the second of the two routes.")
    static let schema = Rule(
        "schema", "5. a handler", "config_schema is a JSON Schema that the host can use.",
        "Write it in JSON Schema draft 7.")
    static let businessKey = Rule(
        "business-key", "5. a handler", "Each part of the business key is a JSON Pointer.",
        "Write RFC 6901 pointers, such as /order/id.")
    static let stateKeys = Rule(
        "state-keys", "5. a handler", "Each state key is a template with JSON Pointers in braces.",
        "Write them like position:{/currency}.")
    static let createEmpty = Rule(
        "create-empty", "5. a handler: create", "create({}) makes an instance, or says why it cannot.",
        "Return EH_INVALID and fill `why`; a configuration may hold anything.")
    static let createGiven = Rule(
        "create-given", "5. a handler: create", "create makes an instance of the given configuration.",
        "Look at the reason; EH_UNAVAILABLE is for what passes by itself.")
    static let createBroken = Rule(
        "create-broken", "5. a handler: create", "create takes or refuses a broken configuration, and survives it.",
        "Check each member's type before it is used.")
    static let instances = Rule(
        "instances", "5. a handler: create", "Two instances may be alive at once.",
        "Keep what belongs to an instance behind `self`, and nothing that only one may have.")
    static let destroys = Rule(
        "destroy", "threads; 5. a handler", "destroy returns, and the handler's threads have ended by then.",
        "Tell each thread to end and join it, then free the instance.")
}

// MARK: - handle

extension Rule {
    static let survives = Rule(
        "survives", "trust", "An ordinary event does not end the process.",
        "Run the event under a debugger: `outrigger handler run` repeats it. Exceptions end at the boundary.")
    static let answers = Rule(
        "answers", "3. results out", "Every event is answered.",
        "Call eh_done, eh_retry, eh_wait or eh_reject for each results[i].")
    static let batches = Rule(
        "batches", "3. results out", "Every event of a batch is answered, whatever became of its neighbours.",
        "Loop over batch->count; never return early.")
    static let deadline = Rule(
        "deadline", "4. what the host offers: remaining_ms", "An answer comes before the deadline.",
        "Do less, ask remaining_ms in loops, and answer eh_retry or eh_wait while there is time.")
    static let resultBounds = Rule(
        "result-bounds", "compatibility 2", "Nothing is written outside of eh_result.",
        "Fill results through eh_done, eh_retry, eh_wait and eh_reject; they cut what is too long.")
    static let borrowed = Rule(
        "borrowed", "ownership", "Events are read, never written.", "Copy what must be changed.")
    static let channel = Rule(
        "channel", "trust", "The worker's descriptors are left alone.",
        "Close, write to and replace only descriptors that the handler opened itself.")
    static let reasons = Rule(
        "reasons", "1. values: eh_reason", "What is not done has a reason: a code of [a-z0-9.-], and UTF-8.",
        "Give eh_retry, eh_wait and eh_reject a code out of a small set of constants.")
    static let limits = Rule(
        "limits", "7. services", "No call asks for more than one event may have, or for what cannot be.",
        "Look at the status of every call, and stay below the limits of section 7.")
    static let publishes = Rule(
        "publishes", "7. services: publish", "What it publishes is JSON, and listed by the operator.",
        "Build the detail with a JSON writer; list source and detail type under `publish`.")
    static let calls = Rule(
        "calls", "7. services: call", "With a service away its events wait.",
        "Answer eh_wait where a call says EH_UNAVAILABLE; in Swift, let the failure through.")
    static let log = Rule(
        "log", "4. what the host offers: log", "Log lines are UTF-8, and few.",
        "Log what a person will read: a line or two for an event.")
    static let metrics = Rule(
        "metrics", "4. what the host offers: count, observe", "Metrics are named well, and have few series.",
        "Names are [a-z_][a-z0-9_]*; never label with ids: 200 series are all there are.")
    static let over = Rule(
        "over", "7. services: EH_EXPIRED", "With an event that is over, handle() returns.",
        "Take EH_EXPIRED as the end: answer anything and return.")
    static let hostile = Rule(
        "hostile-details", "trust", "No detail, however odd, harms more than its own event.",
        "Take nothing in a detail for granted: not its type, its length, its depth or its members.")
    static let deterministic = Rule(
        "deterministic", "the one promise", "The same event has the same effects.",
        "An event runs again after a lost race: take time and ids from the event, not from the machine.")
    static let growth = Rule(
        "growth", "trust", "Memory does not grow with the events handled.",
        "Free what an event allocates before handle() returns.")
    static let silent = Rule(
        "silent", "trust", "An ordinary event prints nothing.", "Log through the host, which adds event and trace.")
}
