/// The one symbol of the library.

public import ABI
import Kit

private let plugin = Plugin("loyalty", version: "1.0.0", Loyalty.self)

@c @implementation
public func eh_plugin_entry_v1() -> UnsafePointer<eh_plugin>? { plugin.table }
