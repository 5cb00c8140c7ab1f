/// The one symbol of the library `outrigger-call`.

public import ABI
import Call
import Kit

private let plugin = Plugin("outrigger-call", version: "1.0.0", CallHandler.self)

@c @implementation
public func eh_plugin_entry_v1() -> UnsafePointer<eh_plugin>? { plugin.table }
