/// The one symbol of the library `notification`.

public import ABI
import Kit
import Notification

private let plugin = Plugin("notification", version: "1.0.0", NotificationHandler.self)

@c @implementation
public func eh_plugin_entry_v1() -> UnsafePointer<eh_plugin>? { plugin.table }
