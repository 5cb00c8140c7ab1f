public import Events

/// What a plugin says of itself. It was read by a worker, or, of one that runs inline, by its thread.
public struct PluginDescription: Sendable, Hashable {
    public let name: String
    public let version: String
    public let builtWith: String
    /// The minor version of `event_handler.h` that it was built with.
    public let minorVersion: Int
    public let handlers: [Handler]

    public struct Handler: Sendable, Hashable {
        public let id: HandlerID
        public let summary: String
        public let routes: [RoutePattern]
        /// Threads that call `handle` in one process.
        public let threads: Int
        public let maximumBatch: Int
        public let configurationSchema: String
        public let services: [String]
        public let businessKey: [String]
        public let stateKeys: [String]
    }
}
