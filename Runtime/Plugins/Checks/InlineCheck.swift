import CProcess
import Events

/// What may be loaded into the sidecar itself: before it is.
enum InlineCheck {
    /// Names of sections that every library in Swift has, and nothing else.
    private static let mark = "swift5_"

    /// - Throws: `plugin.mismatch` for a library in Swift: it would bring a second Swift runtime into this process.
    static func check(_ file: PluginFile) throws(Failure) {
        let isSwift = try file.withContent { content in
            guard let start = content.baseAddress else { return false }
            return cp_contains(start, content.count, mark) != 0
        }
        guard isSwift else { return }
        throw Failure(.pluginMismatch, file.path, "it is written in Swift, and only C runs inline")
    }
}
