import Events
import Pipeline
import Signatures

/// Verify, ten envelopes a call: each body parsed, its token taken apart and decoded, the signature checked, payload
/// and detailCore compared.
enum VerifyStage {
    static func run(_ count: Int, _ meter: Meter) async throws {
        let document = KeyTool.publicDocument([try Messages.key()], as: .pqk)
        let options = KeySetOptions(name: "bench", url: "https://keys.test/", sources: Messages.sources)
        let keySet = try KeySetSource(
            options, fetcher: HeldDocument(document: document), clock: StandingClock(), observer: NoKeySetObserver(),
            seed: 1)
        await keySet.refreshIfDue()
        let verifier = EventVerifier(keySets: [keySet], options: VerifyOptions(), clock: StandingClock())
        let envelopes = try Messages.envelopes()
        for _ in 0..<count / 10 {
            let events = await meter.step("verify") { await verifier.verify(envelopes) }
            precondition(events.allSatisfy { if case .success = $0 { true } else { false } })
        }
    }

    private struct HeldDocument: KeySetFetcher {
        let document: [UInt8]
        func fetch() async throws(Failure) -> Bytes { document[...] }
    }

    private struct NoKeySetObserver: KeySetObserver {
        func note(_ event: KeySetEvent, of keySet: String) {}
    }
}
