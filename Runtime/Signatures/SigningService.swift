public import Events
public import HTTP
import JSON
public import Pipeline

/// Has events signed by a service that keeps the key: `POST` with
/// `{"events":[{"src","dt","res","jti","detailCore"}, ...]}`, answered in their order with
/// `{"signatures":[{"sig_compact":"..."} | {"error":"..."}, ...]}`.
///
/// What it answers is believed as little as anybody's token: each goes through verification as if it came from a queue,
/// and must be of this very event. What we could not verify, nobody else could, and it is not sent.
public struct ServiceSigner: Signer {
    /// Ten entries of a call of the bus, each with the largest payload that it takes, in base64url.
    private static let largestAnswer = Limits.putEventsEntries * Limits.putEventsBytes * 2

    private let client: HTTPClient
    private let place: KeySetAddress
    private let tls: TLSOptions
    private let timeout: Duration
    private let verifier: any Verifier

    /// - Parameters:
    ///   - url: https, http to loopback, or `unix:/path/to.sock:/path`.
    ///   - pins: SHA-256 of the server's key in base64; empty for any that the certificate vouches for.
    ///   - verifier: of the generation in force.
    /// - Throws: `settings.invalid` for another address.
    public init(
        url: String, pins: [String], timeout: Duration, client: HTTPClient, verifier: any Verifier
    ) throws(Failure) {
        place = try KeySetAddress(parsing: url, of: "signing.service.url")
        tls = TLSOptions(pins: pins)
        self.timeout = timeout
        self.client = client
        self.verifier = verifier
    }

    public func sign(_ publication: Publication, at now: Instant) async throws(Failure) -> SignedPublication {
        guard let result = await sign([publication], at: now).first else {
            throw Failure(.publishSigning, publication.id, "no answer")
        }
        return try result.get()
    }

    public func sign(_ publications: [Publication], at now: Instant) async -> [Result<SignedPublication, Failure>] {
        if publications.isEmpty { return [] }
        do throws(Failure) {
            let tokens = try await tokens(for: publications)
            return await verified(zip(publications, tokens).map { ($0, $1) }, at: now)
        } catch {
            return publications.map { .failure(Failure(.publishSigning, $0.id, error.cause)) }
        }
    }

    // MARK: - the exchange

    private func tokens(for publications: [Publication]) async throws(Failure) -> [Result<[UInt8], Failure>] {
        let request = HTTPRequest(
            method: "POST", url: place.url,
            headers: [HTTPHeader("Content-Type", "application/json"), HTTPHeader("Accept", "application/json")],
            body: SigningRequest.bytes(of: publications)[...], timeout: timeout, unixSocket: place.unixSocket,
            maximumBodyBytes: Self.largestAnswer, tls: tls, obeysProxyEnvironment: place.isRemote)
        let response: HTTPResponse
        do throws(HTTPFailure) {
            response = try await client.send(request)
        } catch { throw Failure(.publishSigning, "", "the signing service: \(error)") }
        guard response.status == 200 else {
            throw Failure(.publishSigning, "", "the signing service answered with status \(response.status)")
        }
        guard let root = try? JSONDocument(response.body, depth: 8).root,
            let answers = root["signatures"]?.elements, answers.count == publications.count
        else { throw Failure(.publishSigning, "", "the signing service answered without a word for each event") }
        return zip(publications, answers).map { publication, answer in
            if let token = answer["sig_compact"]?.stringBytes { return .success(Array(token)) }
            return .failure(Failure(.publishSigning, publication.id, "the signing service refuses it"))
        }
    }

    // MARK: - what came of it

    private func verified(
        _ pairs: [(Publication, Result<[UInt8], Failure>)], at now: Instant
    ) async -> [Result<SignedPublication, Failure>] {
        let signed = pairs.map { publication, token in
            token.map { token in
                let draft = publication.draft
                let detail = EventSigner.detail(
                    trace: EventSigner.trace(publication), resource: draft.resource, core: draft.detail, token: token)
                return SignedPublication(publication: publication, detail: detail[...], signedAt: now)
            }
        }
        let envelopes = signed.compactMap { try? $0.get() }.map { Self.envelope($0, at: now) }
        var verdicts = await verifier.verify(envelopes).makeIterator()
        return signed.map { entry in
            guard case .success(let entry) = entry, let verdict = verdicts.next() else { return entry }
            return Self.judge(entry, verdict)
        }
    }

    /// As the bus will deliver it.
    private static func envelope(_ entry: SignedPublication, at now: Instant) -> Envelope {
        let draft = entry.publication.draft
        var body = Array(#"{"id":"outgoing","source":"#.utf8) + JSONValue.string(draft.source).serialised()
        body += Array(#","detail-type":"#.utf8) + JSONValue.string(draft.detailType).serialised()
        body += Array(#","detail":"#.utf8) + entry.detail + Array("}".utf8)
        return Envelope(
            messageID: MessageID(entry.publication.id), receipt: ReceiptHandle(""), body: body[...], sentAt: now,
            firstReceivedAt: now)
    }

    private static func judge(
        _ entry: SignedPublication, _ verdict: Result<Event, Failure>
    ) -> Result<SignedPublication, Failure> {
        let id = entry.publication.id
        switch verdict {
        case .failure(let failure):
            let cause = "what the signing service answered is refused here: \(failure)"
            return .failure(Failure(.publishSigning, id, cause))
        case .success(let event):
            // Binding and payload were verified; the id alone is ours to compare.
            guard event.isBound, event.id.text.utf8.elementsEqual(id.utf8) else {
                return .failure(Failure(.publishSigning, id, "the token lacks src, dt, res or jti, or has another jti"))
            }
            return .success(entry)
        }
    }
}

/// The other side: what a signing service does with a request. For development and tests.
public enum SigningEndpoint {
    /// - Returns: the status and body of its answer.
    public static func answer(
        _ body: Bytes, with key: PrivateKey, form: TokenForm, at now: Instant
    ) -> (status: Int, body: Bytes) {
        guard let events = (try? JSONDocument(body, depth: Limits.jsonDepth))?.root["events"], events.kind == .array
        else { return (400, Bytes(#"{"error":"no events"}"#)) }
        let signer = EventSigner(key, form: form)
        let signatures = events.elements.map { event -> JSONValue in
            guard let core = try? event["detailCore"]?.canonical() else { return ["error": "no detailCore"] }
            let header = TokenHeader(
                algorithm: form.algorithm, keyID: key.keyID, signedAt: now, source: event["src"]?.string,
                detailType: event["dt"]?.string, resource: event["res"]?.string, id: event["jti"]?.string)
            guard let token = try? signer.compactToken(header, payload: core[...]) else {
                return ["error": "not signed"]
            }
            return ["sig_compact": .string(String(decoding: token, as: UTF8.self))]
        }
        return (200, JSONValue.object([JSONMember("signatures", .array(signatures))]).serialised()[...])
    }
}

enum SigningRequest {
    static func bytes(of publications: [Publication]) -> [UInt8] {
        var bytes = Array(#"{"events":["#.utf8)
        for (index, publication) in publications.enumerated() {
            let draft = publication.draft
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += Array("{".utf8)
            for (name, text) in [
                ("src", draft.source), ("dt", draft.detailType), ("res", draft.resource), ("jti", publication.id),
            ] { bytes += Array("\"\(name)\":".utf8) + JSONValue.string(text).serialised() + Array(",".utf8) }
            bytes += Array(#""detailCore":"#.utf8) + draft.detail + Array("}".utf8)
        }
        return bytes + Array("]}".utf8)
    }
}
