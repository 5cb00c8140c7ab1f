/// The part of the catalogue that lies outside the six stages: the local API, calls, keys, plugins, publishing,
/// settings, store.
extension FailureCode {
    var outsideEntry: Entry {
        switch area {
        case "api": apiEntry
        case "call": callEntry
        case "journal":
            Entry("A journal has a gap, a row that was changed, or a head that does not fit.", .refuse,
                "Keep the file as it is; the command says which rows. Compare with a copy and with the logged heads.")
        case "keys": keysEntry
        case "plugin": pluginEntry
        case "publish": publishEntry
        case "redrive": redriveEntry
        case "store": storeEntry
        default: settingsEntry
        }
    }

    private var keysEntry: Entry {
        switch self {
        case .keysUnreachable:
            Entry("A key set could not be fetched; the last good one stays in use.", .note,
                "Check its URL. When the last good one is too old the queues pause.")
        default:
            Entry("A fetched key set was refused whole; the last good one stays in use.", .note,
                "Look at the document: two keys with one kid, a private member, a wrong length.")
        }
    }

    private var pluginEntry: Entry {
        switch self {
        case .pluginUnreadable:
            Entry("The plugin file cannot be read.", .refuse, "Correct the path or its permissions.")
        case .pluginNotLoadable:
            Entry("The loader refuses the file.", .refuse, "See its own words: another machine, a missing symbol.")
        case .pluginNoEntry:
            Entry("The library does not export eh_plugin_entry_v1, or the entry returned NULL.", .refuse,
                "Export the symbol; a Swift plugin needs its version script.")
        case .pluginMismatch:
            Entry("The plugin was built against a contract that does not fit.", .refuse,
                "The cause says which field differs. Rebuild it with this event_handler.h.")
        case .pluginPin:
            Entry("The file is not the one that the configuration pins.", .refuse,
                "Deploy the right build, or the pin.")
        case .pluginRolledBack:
            Entry("A canary failed more often than its `trial` allows; every event goes to the serving build.", .note,
                "See its failures in the log. A new build under `trial.plugin` begins a new trial.")
        case .pluginUnsigned:
            Entry("Signed plugins are required, and there is no signature beside this one.", .refuse,
                "Sign it with `outrigger keys sign-file`, and deploy FILE.sig with it.")
        case .pluginBadSignature:
            Entry("The signature beside the plugin is by none of the keys, or of another file.", .refuse,
                "Deploy plugin and signature together; list the key under `plugins.keys`.")
        case .pluginSchemaInvalid:
            Entry("The schema that the plugin declares for its configuration is none, or none that is supported.",
                .refuse, "A bug in the plugin; the cause says where. Schemas are JSON Schema, draft 7.")
        case .pluginConfigInvalid:
            Entry("The handler's `config` breaks the schema that its plugin declares.", .refuse,
                "The cause says where, and which rule. `outrigger check FILE` names it before a reload does.")
        case .pluginRefused:
            Entry("The handler refuses its configuration.", .refuse, "Its own reason says why.")
        case .pluginNotReady:
            Entry("The handler is not ready yet; it is asked again.", .pause, "Nothing, if it passes.")
        default:
            Entry("The sandbox is required and a part of it is not available here.", .refuse,
                "Run on a kernel with Landlock and seccomp, or set `sandbox: available`.")
        }
    }

    private var publishEntry: Entry {
        switch self {
        case .publishUnavailable:
            Entry("The bus did not answer; the entries stay in the outbox.", .retry, "Nothing, if it passes.")
        case .publishThrottled:
            Entry("The bus asked for fewer entries.", .retry, "Nothing, if it passes.")
        case .publishRefused:
            Entry("The bus refuses this entry for good.", .deadLetter, "Read the bus's code in the letter.")
        case .publishTooLarge:
            Entry("The entry with its token is larger than the bus takes.", .deadLetter, "Publish less per event.")
        case .publishGaveUp:
            Entry("The entry was refused until `outbox.give-up`.", .deadLetter, "Mend the cause, then redrive.")
        case .publishDenied:
            Entry("The peer may not sign this source and detail type.", .answer,
                "List them under `api.peers[].publish`, or let the right service publish.")
        case .publishSchema:
            Entry("The payload breaks the schema of its detail type.", .answer,
                "The answer names the place and the rule. Correct the caller, or the schema.")
        case .publishOutboxFull:
            Entry("The outbox holds as many events as it may; nothing was taken.", .answer,
                "Ask again after Retry-After. If it lasts, see why the bus takes nothing.")
        case .publishOff:
            Entry("This sidecar publishes nothing: it has no `signing`, or no `bus`.", .answer, "Configure both.")
        default:
            Entry("The entry could not be signed.", .retry, "Check `signing`: its key, or the service that signs.")
        }
    }

    private var storeEntry: Entry {
        switch self {
        case .storeUnavailable:
            Entry("The store does not answer, or does not take writes.", .pause,
                "The cause says why: a volume, a server, its user. When it is back the queues go on by themselves.")
        case .storeFull:
            Entry("The volume is below its low-water mark, or the server's disk is full.", .pause,
                "Grow it, or keep the journal for less time. What is in hand waits.")
        case .storeLocked:
            Entry("Another sidecar holds this file.", .pause,
                "A file is for one sidecar: check the replica count, or take a store that is shared.")
        case .storeUnfit:
            Entry("The database or table is not as this version needs it.", .pause,
                "The cause says what is missing. `outrigger store check` names all of it, `store migrate` makes it.")
        case .storeNewer:
            Entry("The store was written by a newer version.", .refuse, "Run that version, or restore a copy.")
        default:
            Entry("The store failed its integrity check.", .refuse,
                "Keep it for analysis and restore a copy; events are redelivered and deduplicated from there.")
        }
    }

    private var apiEntry: Entry {
        switch self {
        case .apiMalformed:
            Entry("The request is not what this endpoint takes.", .answer, "The answer says what is wrong with it.")
        case .apiDenied:
            Entry("The caller may not do this, or is none of the peers of the socket.", .answer,
                "List its user or group under `api.peers`, with the role, source or tenant; use the right socket.")
        case .apiNotFound:
            Entry("There is no such path, or nothing under this id.", .answer, "`GET /` lists what is served.")
        case .apiConflict:
            Entry("The Idempotency-Key was used before, for another request.", .answer,
                "Use a new key for a new request, and the same one for the same request only.")
        case .apiTooLarge:
            Entry("The request is larger than allowed.", .answer, "Send less at once, or raise `api.body`.")
        case .apiUnsupported:
            Entry("The endpoint does not take this method or this content type.", .answer,
                "The answer names those that it takes.")
        case .apiThrottled:
            Entry("The caller has too many requests, connections or streams.", .answer,
                "Wait for Retry-After; reuse connections. The bounds are under `api`.")
        default:
            Entry("The sidecar starts or stops, and cannot do this now.", .answer,
                "Ask again after Retry-After; `/readyz` says what it waits for.")
        }
    }

    private var redriveEntry: Entry {
        switch self {
        case .redriveUnavailable:
            Entry("A queue could not take a dead letter back, or not now; the letter stays where it is.", .answer,
                "Let `sqs:SendMessage` on the queue be allowed to who redrives; the same command goes on later.")
        case .redriveRefused:
            Entry("A queue refuses a dead letter for good: for its size, as a rule; it stays where it is.", .answer,
                "Raise the queue's MaximumMessageSize, or discard the letter.")
        default:
            Entry("A redrive was stopped: letters of its canary are dead letters again, or did not end in time.",
                .answer, "`outrigger dead-letters show ID` says why; the others are where they were.")
        }
    }

    private var callEntry: Entry {
        switch self {
        case .callUnavailable:
            Entry("A service could not be reached, or its circuit breaker is open; nothing was sent.", .retry,
                "Nothing, if it passes. Else see whether the service listens on `services.NAME.socket`.")
        case .callTimedOut:
            Entry("A service gave no answer in time. What it did with the request is unknown.", .retry,
                "Make the service faster, or raise `services.NAME.timeout` and the handler's `deadline`.")
        case .callDenied:
            Entry("A handler called a service that its `calls` does not list.", .note,
                "List the service, or correct the handler.")
        case .callBadReply:
            Entry("A service broke its answer off, or what came was not HTTP.", .retry, "Look at the service's log.")
        case .callTooLarge:
            Entry("A service's answer is larger than a handler may get.", .retry, "Let the service answer in pages.")
        default:
            Entry("A handler asked for a request that cannot be: its method, its path or a header.", .note,
                "A bug in the handler; the cause says what.")
        }
    }

    private var settingsEntry: Entry {
        switch self {
        case .settingsUnreadable:
            Entry("The configuration cannot be read or is not YAML.", .refuse, "The cause names line and column.")
        case .settingsNeedsRestart:
            Entry("A changed setting takes effect by a restart alone; the running value is kept.", .note,
                "Restart the sidecar when it suits you, or take the change back.")
        case .settingsNotCurrent:
            Entry("A reload was asked for on the condition that another generation serves.", .refuse,
                "Read the status again: somebody else changed it meanwhile.")
        default:
            Entry("The configuration has a value that cannot work.", .refuse, "`outrigger check FILE` names all.")
        }
    }
}
