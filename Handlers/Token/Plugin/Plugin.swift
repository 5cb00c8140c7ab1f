/// The one symbol of the library `token`.

public import ABI
import Kit
import Token

private let plugin = Plugin("token", version: "1.0.0", TokenHandler.self)

@c @implementation
public func eh_plugin_entry_v1() -> UnsafePointer<eh_plugin>? { plugin.table }
