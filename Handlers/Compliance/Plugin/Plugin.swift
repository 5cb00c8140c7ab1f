/// The one symbol of the library `compliance`.

public import ABI
import Kit
import Compliance

private let plugin = Plugin("compliance", version: "1.0.0", ComplianceHandler.self)

@c @implementation
public func eh_plugin_entry_v1() -> UnsafePointer<eh_plugin>? { plugin.table }
