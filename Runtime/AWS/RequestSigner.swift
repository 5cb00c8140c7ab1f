import Cryptography
import Events
import HTTP
import Synchronization

/// Signs requests. What those of one kind have in common for a day is put together once; of each, time and digest are
/// put in.
final class RequestSigner: Sendable {
    /// A request without its time and its body.
    fileprivate struct Kind: Equatable {
        let day: Int
        let headers: [HTTPHeader]
        let service: AWSService
        let endpoint: AWSEndpoint
        let credentials: AWSCredentials
    }

    private struct State {
        /// The newest last.
        var forms: [SignedForm] = []
        /// The second that was signed for last, and how it is written.
        var second = Int64.min
        var time = ""
    }

    /// A few operations, services and regions, over midnight and one change of credentials.
    private static let keptForms = 32

    private let state = Mutex(State())

    /// The headers to send along: `X-Amz-Date`, `X-Amz-Security-Token` and `Authorization`.
    func sign(
        _ digest: Digest, headers: [HTTPHeader], for endpoint: AWSEndpoint, _ service: AWSService,
        with credentials: AWSCredentials, at now: Instant
    ) -> [HTTPHeader] {
        let second = max(0, now.unixMilliseconds / 1000)
        let kind = Kind(
            day: Int(second / 86400), headers: headers, service: service, endpoint: endpoint, credentials: credentials)
        let (form, time) = state.withLock { state in
            if state.second != second {
                state.second = second
                state.time = CivilTime(now).basic
            }
            return (RequestSigner.form(of: kind, at: now, among: &state.forms), state.time)
        }
        let date = HTTPHeader("X-Amz-Date", time)
        let authorization = HTTPHeader("Authorization", form.authorization(of: digest, at: time))
        guard let token = credentials.sessionToken else { return [date, authorization] }
        return [date, HTTPHeader("X-Amz-Security-Token", token), authorization]
    }

    func sign(
        _ body: Bytes, headers: [HTTPHeader], for endpoint: AWSEndpoint, _ service: AWSService,
        with credentials: AWSCredentials, at now: Instant
    ) -> [HTTPHeader] {
        sign(Hash.sha256(body), headers: headers, for: endpoint, service, with: credentials, at: now)
    }

    private static func form(of kind: Kind, at now: Instant, among forms: inout [SignedForm]) -> SignedForm {
        if let known = forms.last(where: { $0.kind == kind }) { return known }
        if forms.count >= keptForms { forms.removeAll() }
        let form = SignedForm(kind, CivilTime(now))
        forms.append(form)
        return form
    }
}

/// The texts that a signature is made of, for all requests of one kind on one day: time and digest are written over
/// those of the first.
private final class SignedForm: Sendable {
    /// `20150830T123600Z`, and SHA-256 in hexadecimal, which ends both texts.
    private static let timeBytes = 16
    private static let digestBytes = 64
    private static let algorithm = "AWS4-HMAC-SHA256"

    let kind: RequestSigner.Kind
    private let key: HMACKey
    private let canonical: [UInt8]
    private let timeInCanonical: Int
    private let toSign: [UInt8]
    /// Up to the signature.
    private let authorization: String

    init(_ kind: RequestSigner.Kind, _ time: CivilTime) {
        self.kind = kind
        let credentials = kind.credentials
        let scope = SigV4.Scope(
            date: time.basicDate, region: kind.endpoint.region, service: kind.service.rawValue)
        key = SigV4.signingKey(secret: credentials.secretAccessKey, scope)
        var headers: [SigV4.Header] = [("x-amz-date", time.basic), ("host", kind.endpoint.host)]
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token)) }
        headers += kind.headers.map { ($0.name, $0.value) }
        let request = SigV4.Request(headers: headers, payloadDigest: Hash.sha256([UInt8]()))
        let (canonical, names) = SigV4.canonicalRequest(request)
        self.canonical = canonical
        // No value has a line feed: blanks are collapsed.
        timeInCanonical = canonical.firstRange(of: "\nx-amz-date:".utf8)?.upperBound ?? 0
        toSign = SigV4.stringToSign(canonical, at: time.basic, scope.text)
        authorization = "\(SignedForm.algorithm) Credential=\(credentials.accessKeyID)/\(scope.text), "
            + "SignedHeaders=\(names), Signature="
    }

    func authorization(of digest: Digest, at time: String) -> String {
        let request = SignedForm.hash(canonical, digest, at: time, timeInCanonical) { Hash.sha256(buffer: $0) }
        let place = SignedForm.algorithm.utf8.count + 1
        let signature = SignedForm.hash(toSign, request, at: time, place) { key.code(buffer: $0) }
        let prefix = authorization.utf8
        let count = prefix.count + SignedForm.digestBytes
        return String(unsafeUninitializedCapacity: count) { text in
            let text = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(text).prefix(count))
            text.copyBytes(from: prefix)
            signature.writeHexadecimal(to: UnsafeMutableRawBufferPointer(rebasing: text.suffix(SignedForm.digestBytes)))
            return count
        }
    }

    /// - Parameter place: of the time.
    private static func hash(
        _ text: [UInt8], _ digest: Digest, at time: String, _ place: Int,
        _ hash: (UnsafeRawBufferPointer) -> Digest
    ) -> Digest {
        withUnsafeTemporaryAllocation(byteCount: text.count, alignment: 1) { buffer in
            buffer.copyBytes(from: text)
            var time = time
            time.withUTF8 { time in
                UnsafeMutableRawBufferPointer(rebasing: buffer[place..<place + timeBytes]).copyBytes(from: time)
            }
            digest.writeHexadecimal(to: UnsafeMutableRawBufferPointer(rebasing: buffer.suffix(digestBytes)))
            return hash(UnsafeRawBufferPointer(buffer))
        }
    }
}

extension Digest {
    /// Lower-case, 64 characters.
    fileprivate func writeHexadecimal(to text: UnsafeMutableRawBufferPointer) {
        var place = 0
        func write(_ word: UInt64) {
            for shift in stride(from: UInt64(60), through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: word >> shift) & 15
                text[place] = digit + (digit < 10 ? 0x30 : 0x57)
                place += 1
            }
        }
        write(high.0)
        write(high.1)
        write(low.0)
        write(low.1)
    }
}
