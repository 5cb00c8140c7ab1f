/// The one symbol of the library.

public import ABI
import Hello
import Kit

private let plugin = Plugin("hello-swift", version: "1.0.0", Hello.self)

@c @implementation
public func eh_plugin_entry_v1() -> UnsafePointer<eh_plugin>? { plugin.table }
