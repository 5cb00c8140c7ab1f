// What a host says to a worker, and what a handler does in it: whatever it is, what comes back is understood, and the
// worker ends when it is told to.

import Foundation
import WorkerConversation

@testable import Plugins

extension Target {
    /// The plugin stands beside the program.
    private static let plugin = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appending(path: "libfixture-scripted.so").path

    static let worker = Target(name: "worker") { input in
        let heard = conversation_run(plugin, input, input.count)
        defer { free(heard.said) }
        let said = Array(UnsafeBufferPointer(start: heard.said, count: heard.count))
        let reception = Reception(said, pieces: said.count)
        try demand(reception.failure == nil, "the host does not understand: \(reception.failure ?? "")")
        try demand(!reception.messages.isEmpty, "it said nothing at all")
        return "ended with \(heard.status)"
    }
}
