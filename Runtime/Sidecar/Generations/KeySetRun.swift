import Pipeline
import Settings
import Signatures

/// One key set, fetched again and again from the generation that brought it to the first that does not have it.
final class KeySetRun: Sendable {
    let settings: KeySetSettings
    let source: KeySetSource
    private let leaving = Leaving()

    init(_ settings: KeySetSettings, _ source: KeySetSource) {
        self.settings = settings
        self.source = source
    }

    func leave() { leaving.now() }

    /// Until told to leave, or cancelled.
    func run() async { await leaving.cancels { await self.source.run() } }
}
