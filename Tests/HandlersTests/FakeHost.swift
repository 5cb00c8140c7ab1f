/// The fake host is a product of its own; every test of a handler uses it.

@_exported import HandlerTesting
