@_spi(Verification) import Events
import Foundation
import Pipeline
import Store

/// Dedup and settle, as far as the ledger goes: claim and commit on the embedded store, durable, each event done
/// without effects. What waits for the disk is shared by a call.
struct LedgerStage {
    /// Events a call: ten come with one receive, and more where the sidecar is busy.
    var batch = 10

    func run(_ count: Int, _ meter: Meter) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "outrigger-stage-ledger-\(getpid())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try SQLiteStore.open(StoreOptions(path: folder + "/outrigger.db", durability: .durable))
        for first in stride(from: 0, to: count, by: batch) {
            let now = Instant(unixSeconds: 1_790_000_000) + .milliseconds(Int64(first))
            let requests = (first..<min(first + batch, count)).map { request($0, at: now) }
            let claims = try await meter.step("claim") { try await store.claim(requests, at: now) }
            let commitments = claims.compactMap { commitment($0, at: now) }
            let results = try await meter.step("commit") { try await store.commit(commitments, at: now) }
            precondition(results.count == requests.count && results.allSatisfy { $0 == .committed })
        }
        await store.close()
    }

    /// An event with a signed id, all names as long as they are in practice.
    private func request(_ number: Int, at now: Instant) -> ClaimRequest {
        let digits = 1_000_000_000_000 + number
        let event = Event(
            id: EventID(issuer: "sigsvc-2025-09", text: "0195c7e2-9a3c-7cc4-98c4-\(digits)"), tokenDigest: nil,
            payloadDigest: Digest(high: (UInt64(number), 1), low: (2, 3)), source: "qsl.treasury",
            detailType: "Payment.Settled.v1", resource: "urn:qsl:treasury:payment:\(digits)", detail: [],
            keyID: "sigsvc-2025-09", signedAt: now, isBound: true,
            trace: Event.Trace(
                correlationID: "corr-0195c7e2-9a3c-7cc4-98c4-\(digits / 20)", userID: "user-\(number % 5_000)",
                tenantID: "tenant-1"))
        return ClaimRequest(
            consumer: QueueName("payments"), messageID: MessageID("5d1c8f0e-0000-4000-8000-\(digits)"), event: event,
            handler: HandlerID("treasury"), businessKey: nil, sentAt: now,
            rules: AgeRules(maximumAge: .hours(25), window: .days(5)), lease: .seconds(30))
    }

    private func commitment(_ claim: Claim, at now: Instant) -> Commitment? {
        guard case .granted(let lease, let history) = claim else { return nil }
        return Commitment(
            lease: lease, verdict: .done(.none), history: history, keepUntil: now + .days(5), generation: 1,
            run: RunRecord(deliveries: 1, waited: .milliseconds(2), took: .milliseconds(3)))
    }
}
