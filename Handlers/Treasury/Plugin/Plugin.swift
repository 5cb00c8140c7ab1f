/// The one symbol of the library `treasury`.

public import ABI
import Kit
import Treasury

private let plugin = Plugin("treasury", version: "1.0.0", TreasuryHandler.self)

@c @implementation
public func eh_plugin_entry_v1() -> UnsafePointer<eh_plugin>? { plugin.table }
