public import Events
public import JSON
public import Plugins

/// What a plugin is, by its file and by its own word.
public struct Inspection: Sendable {
    public let file: LibraryFile
    public let digest: Digest
    public let plugin: PluginDescription
    public let sandbox: SandboxReport

    /// - Throws: why it is no plugin, in words that help.
    public init(_ setting: BenchSetting) async throws(Failure) {
        file = try LibraryFile(reading: setting.plugin)
        digest = try PluginFile.load(setting.plugin, pin: nil).digest
        do throws(Failure) {
            let described = try await Bench.describe(setting)
            plugin = described.plugin
            sandbox = described.sandbox
        } catch {
            guard error.code == .pluginNoEntry, let why = file.missingEntry else { throw error }
            throw Failure(.pluginNoEntry, setting.plugin, why)
        }
    }

    public var words: String {
        var text = "\(file.path)\n"
        func line(_ name: String, _ value: String) {
            if !value.isEmpty { text += "  \((name + String(repeating: " ", count: 14)).prefix(14))\(value)\n" }
        }
        line("plugin", "\(plugin.name) \(plugin.version)")
        line("built with", plugin.builtWith)
        line("ABI", "1.\(plugin.minorVersion)")
        line("size", "\(file.bytes) bytes")
        line("sha256", digest.hexadecimal)
        line("exports", file.exported.joined(separator: ", "))
        line("needs", file.needed.joined(separator: ", "))
        line("sandbox", sandbox.words)
        for handler in plugin.handlers {
            text += "handler \(handler.id)\n"
            line("summary", handler.summary)
            for route in handler.routes { line("route", route.description) }
            line("threads", "\(handler.threads)")
            line("max batch", "\(handler.maximumBatch)")
            line("services", handler.services.joined(separator: ", "))
            line("business key", handler.businessKey.joined(separator: ", "))
            line("state keys", handler.stateKeys.joined(separator: ", "))
            line("schema", handler.configurationSchema)
        }
        return text
    }

    public var json: JSONValue {
        func texts(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
        return [
            "file": .string(file.path), "sha256": .string(digest.hexadecimal), "size": .integer(Int64(file.bytes)),
            "name": .string(plugin.name), "version": .string(plugin.version), "builtWith": .string(plugin.builtWith),
            "abi": .string("1.\(plugin.minorVersion)"), "exports": texts(file.exported), "needs": texts(file.needed),
            "sandbox": .string(sandbox.words),
            "handlers": .array(
                plugin.handlers.map { handler in
                    [
                        "id": .string(handler.id.text), "summary": .string(handler.summary),
                        "routes": .array(
                            handler.routes.map {
                                ["source": .string($0.source), "detail-type": .string($0.detailType)]
                            }), "threads": .integer(Int64(handler.threads)),
                        "maxBatch": .integer(Int64(handler.maximumBatch)), "services": texts(handler.services),
                        "businessKey": texts(handler.businessKey), "stateKeys": texts(handler.stateKeys),
                        "schema": .string(handler.configurationSchema),
                    ]
                }),
        ]
    }
}

extension SandboxReport {
    /// What is in force.
    fileprivate var words: String {
        let inForce = parts.filter(\.value).keys.sorted()
        return inForce.isEmpty ? "none" : inForce.joined(separator: ", ")
    }
}
