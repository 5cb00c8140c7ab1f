import Events
import JSON
import Pipeline
import Settings
import Signatures

/// The journal of a shared store, which has no file: read through the store itself.
struct SharedJournal: Sendable {
    /// Names it in messages.
    let place: String
    let audit: JournalAudit
    let hasKeys: Bool

    /// - Parameter config: the configuration that names the store.
    /// - Throws: `ExitCode.failure` for a configuration that cannot be used, `api.unsupported` for a store whose
    ///   journal is not checked in this way.
    static func verified(_ config: String, _ keys: JournalKeys?) async throws -> SharedJournal {
        var options = StoreCommandOptions()
        options.config = config
        return try await options.with { (office: StoreOffice) async throws -> SharedJournal in
            let place = office.settings.place
            guard office.settings.isShared else { throw Failure(.apiUnsupported, place, "name the file itself") }
            let store = try await office.opening.open()
            do {
                guard let auditor = store.auditor else {
                    throw Failure(.apiUnsupported, place, "nobody seals heads there, and nothing is compared")
                }
                let audit = try await auditor.audit(keys?.verifying)
                await store.close()
                return SharedJournal(place: place, audit: audit, hasKeys: keys != nil)
            } catch {
                await store.close()
                throw error
            }
        }
    }

    var text: String {
        let heads = "\(audit.heads) heads, \(audit.signed) of them signed"
        let open = "  \(audit.unsealed) rows are behind the newest heads: nothing vouches for them yet"
        let lines = [
            "\(place): \(audit.rows) rows in \(audit.chains) chains, \(heads)"
                + (hasKeys ? "" : ", signatures not looked at"),
            audit.unsealed == 0 ? "" : open,
        ] + audit.breaks.map { "  boot \($0.boot): \($0.words)" }
        return lines.filter { !$0.isEmpty }.joined(separator: "\n") + (audit.breaks.isEmpty ? "\nwhole" : "\nbroken")
    }

    var json: JSONValue {
        let breaks = audit.breaks.map { found -> JSONValue in
            [
                "boot": .integer(found.boot), "place": .integer(found.place), "number": .integer(found.number),
                "kind": .string(found.kind.rawValue),
            ]
        }
        return [
            "store": .string(place), "rows": .integer(Int64(audit.rows)), "chains": .integer(Int64(audit.chains)),
            "heads": .integer(Int64(audit.heads)), "signed": .integer(Int64(audit.signed)),
            "unsealed": .integer(Int64(audit.unsealed)), "whole": .bool(audit.breaks.isEmpty), "breaks": .array(breaks),
        ]
    }
}

extension JournalKeys {
    /// Whether a signature is right; `nil` for a key that is none of these.
    var verifying: @Sendable (HeadSignature, HeadStatement) -> Bool? {
        { verifies($0, of: $1) }
    }
}
