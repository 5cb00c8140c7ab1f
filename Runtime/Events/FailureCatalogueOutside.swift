/// The part of the catalogue that lies outside the six stages: keys, plugins, publishing, settings, store.
extension FailureCode {
    var outsideEntry: Entry {
        switch area {
        case "keys": keysEntry
        case "plugin": pluginEntry
        case "publish": publishEntry
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
        default:
            Entry("The entry could not be signed.", .retry, "Check `signing.key`.")
        }
    }

    private var storeEntry: Entry {
        switch self {
        case .storeUnavailable:
            Entry("The store does not take writes.", .pause, "Check the volume; the queues go on by themselves.")
        case .storeFull:
            Entry("The volume is below its low-water mark.", .pause, "Grow the volume, or shorten retention.")
        case .storeLocked:
            Entry("Another sidecar holds this store.", .pause, "One sidecar per store: check the replica count.")
        case .storeNewer:
            Entry("The store was written by a newer version.", .refuse, "Run that version, or restore a copy.")
        default:
            Entry("The store failed its integrity check.", .refuse,
                "Keep the file for analysis and restore a copy; events are redelivered and deduplicated from there.")
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
