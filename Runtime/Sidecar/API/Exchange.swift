import Cryptography
import Events
import HTTP
import LocalAPI
import Pipeline
import Settings
import Signatures

/// What events are signed with and sent to, if they are: the relay's way, and what the local API says of it before.
struct Exchange: Sendable {
    let signer: WallSigner
    let bus: any EventBus
    private let form: TokenForm
    private let keyID: String

    /// The longest id that a service's key is counted with before its answer shows it.
    private static let serviceKeyID = String(repeating: "k", count: 128)

    /// `nil` where nothing is published.
    /// - Parameter verifier: what a signing service answers is verified by it.
    /// - Throws: `settings.*`: a key that cannot be used, an address that may not.
    init?(
        _ configuration: Configuration, _ cloud: Cloud, client: HTTPClient, verifier: any Verifier
    ) throws(Failure) {
        guard let signing = configuration.signing, let bus = configuration.bus else { return nil }
        self.bus = cloud.bus(bus)
        form = signing.algorithm == .mldsa44 ? .mldsa44 : .dilithium2(.mldsa44)
        if let service = signing.service {
            signer = WallSigner(
                try ServiceSigner(
                    url: service.location, pins: service.pins, timeout: service.timeout, client: client,
                    verifier: verifier))
            keyID = Self.serviceKeyID
        } else {
            let key = try PrivateKey.load(from: signing.key ?? "")
            signer = WallSigner(EventSigner(key, form: form))
            keyID = key.keyID
        }
    }

    /// The bytes that the bus will count for an event, signed.
    func size(of entry: Submission.Entry, at now: Instant) -> Int {
        let publication = Publication(
            row: 0, id: entry.id, draft: entry.draft, parent: "", trace: entry.trace, committedAt: now, attempts: 0)
        let detail = EventSigner.detailBytes(of: publication, keyID: keyID, form: form)
        let unsigned = SignedPublication(publication: publication, detail: [], signedAt: now)
        return bus.size(of: unsigned) + detail
    }

    /// The routes of the local API, over this sidecar's store and pipelines.
    static func routes(
        _ exchange: Exchange?, _ store: any EventStore, _ serving: Serving, clock: any WallClock
    ) -> EventRoutes {
        let publishing = exchange.map { exchange in
            Publishing(
                intake: store, schemas: { serving.generation.schemas },
                size: { exchange.size(of: $0, at: clock.now) })
        }
        return EventRoutes(
            journal: store, publishing: publishing, standing: { await serving.standing(of: $0) },
            keep: { serving.generation.configuration.api?.idempotency ?? .hours(24) }, clock: clock)
    }
}

/// Signs by the machine's own clock: whoever verifies compares it with his.
struct WallSigner: Signer {
    private let signer: any Signer
    private let clock = SystemClock()

    init(_ signer: any Signer) { self.signer = signer }

    func sign(_ publication: Publication, at _: Instant) async throws(Failure) -> SignedPublication {
        try await signer.sign(publication, at: clock.now)
    }

    func sign(_ publications: [Publication], at _: Instant) async -> [Result<SignedPublication, Failure>] {
        await signer.sign(publications, at: clock.now)
    }
}

extension Serving {
    /// What every queue has in hand of an event or a message. A pipeline that does not answer in time has nothing.
    func standing(of name: String) async -> [Standing] {
        let runners = stations.map(\.runner)
        return await withTaskGroup(of: [Standing]?.self) { group in
            for runner in runners { group.addTask { await runner.standing(of: name) } }
            group.addTask {
                // Cancelled: all have answered.
                try? await Task.sleep(for: Limits.standingPatience)
                return nil
            }
            var found: [Standing] = []
            for _ in runners {
                guard let answer = await group.next() ?? nil else { break }
                found += answer
            }
            group.cancelAll()
            return found
        }
    }
}
