/// The static tables that the host reads, built from handler types.

public import ABI

/// What a plugin's entry returns. One constant per library:
///
/// ```swift
/// private let plugin = Plugin("hello", version: "1.0.0", Hello.self)
///
/// @c @implementation
/// public func eh_plugin_entry_v1() -> UnsafePointer<eh_plugin>? { plugin.table }
/// ```
///
/// Unchecked: the tables are written here, and never after.
public struct Plugin: @unchecked Sendable {
    /// Lives as long as the library; `nil` with more than eight handlers: the host refuses the library.
    public let table: UnsafePointer<eh_plugin>?

    /// - Parameter version: of the plugin itself, semantic.
    public init(_ name: String, version: String, _ handlers: any Handler.Type...) {
        guard let entrances = Entrances.take(for: handlers) else {
            table = nil
            return
        }
        let tables = zip(handlers, entrances).map { Optional(immortal([Plugin.describe($0, $1)])) }
        var plugin = eh_plugin()
        plugin.size = UInt32(MemoryLayout<eh_plugin>.size)
        plugin.abi_minor = UInt32(EH_ABI_MINOR)
        plugin.name = immortal(name)
        plugin.version = immortal(version)
        plugin.built_with = immortal("swift")
        plugin.handlers = immortal(tables)
        plugin.handler_count = UInt32(tables.count)
        table = immortal([plugin])
    }

    private static func describe(_ type: any Handler.Type, _ create: @escaping Entrances.Create) -> eh_handler {
        var handler = eh_handler()
        handler.size = UInt32(MemoryLayout<eh_handler>.size)
        handler.id = immortal(type.id)
        handler.summary = immortal(type.summary)
        handler.routes = immortal(
            type.routes.map { eh_route(source: immortal($0.source), detail_type: immortal($0.detailType)) })
        handler.route_count = UInt32(type.routes.count)
        handler.create = create
        handler.handle = { Instance.at($0)?.handle($1) }
        handler.destroy = { Instance.release($0) }
        handler.threading = type.concurrency > 1 ? EH_CONCURRENT : EH_SERIAL
        handler.max_concurrency = UInt32(clamping: type.concurrency > 1 ? type.concurrency : 0)
        handler.config_schema = type.configSchema.map { immortal($0) }
        handler.services = immortal(type.services.map(\.rawValue))
        handler.business_key = immortal(type.businessKey.map(\.text))
        handler.state_keys = immortal(type.stateKeys.map(\.description))
        return handler
    }
}

// What a table points to is never freed: the host never unloads a library.

private func immortal<Element>(_ elements: [Element]) -> UnsafePointer<Element> {
    let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(elements.count, 1))
    _ = memory.initialize(from: elements)
    return UnsafePointer(memory.baseAddress ?? .allocate(capacity: 1))
}

private func immortal(_ text: String) -> UnsafePointer<CChar> { immortal(Array(text.utf8CString)) }

/// A list that ends with NULL, or NULL for an empty one.
private func immortal(_ texts: [String]) -> UnsafePointer<UnsafePointer<CChar>?>? {
    texts.isEmpty ? nil : immortal(texts.map { Optional(immortal($0)) } + [nil])
}
