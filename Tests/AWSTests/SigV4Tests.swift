import Cryptography
import Events
import HTTP
import JSON
import Support
import Testing

@testable import AWS

/// The cases of AWS's own signing test suite, stage by stage.
@Suite struct SigV4Tests {
    static let folder = "sigv4/tests/aws-signing-test-suite/v4"

    @Test func allCasesAreThere() throws {
        #expect(try Fixtures.names(in: Self.folder).count == 38)
    }

    @Test(arguments: try Fixtures.names(in: folder))
    func eachStageIsAsAWSComputesIt(name: String) throws {
        let vector = try SigningCase(name)
        let (canonical, _) = SigV4.canonicalRequest(vector.request)
        #expect(String(decoding: canonical, as: UTF8.self) == (try vector.file("header-canonical-request.txt")))
        let toSign = SigV4.stringToSign(canonical, at: vector.time.basic, vector.scope.text)
        #expect(String(decoding: toSign, as: UTF8.self) == (try vector.file("header-string-to-sign.txt")))
        let key = SigV4.signingKey(secret: vector.credentials.secretAccessKey, vector.scope)
        #expect(SigV4.signature(of: toSign, key: key) == (try vector.file("header-signature.txt")))
    }

    @Test func theSignerSendsWhatItSignedAndNamesIt() throws {
        let credentials = AWSCredentials(accessKeyID: "AKID", secretAccessKey: "s", sessionToken: "token")
        let endpoint = try #require(AWSEndpoint(.sqs, in: "us-east-1"))
        let sent = [HTTPHeader("X-Amz-Target", "AmazonSQS.ReceiveMessage")]
        let signer = RequestSigner()
        let first = signer.sign(Bytes("{}"), headers: sent, for: endpoint, .sqs, with: credentials, at: .newYear)
        #expect(first.map(\.name) == ["X-Amz-Date", "X-Amz-Security-Token", "Authorization"])
        #expect(first[0].value == "20260101T000000Z")
        #expect(
            first[2].value.hasPrefix(
                "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/sqs/aws4_request, "
                    + "SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target, Signature="))
        let other = AWSCredentials(accessKeyID: "AKID2", secretAccessKey: "t", sessionToken: "token")
        let again = signer.sign(Bytes("{}"), headers: sent, for: endpoint, .sqs, with: credentials, at: .newYear)
        let foreign = signer.sign(Bytes("{}"), headers: sent, for: endpoint, .sqs, with: other, at: .newYear)
        let changed = signer.sign(Bytes("{ }"), headers: sent, for: endpoint, .sqs, with: credentials, at: .newYear)
        #expect(again == first)
        #expect(foreign.last != first.last)
        #expect(changed.last != first.last)
    }

    /// Time and digest are put into texts that are kept: each signature is that of the whole computation.
    @Test func whatIsKeptForADayChangesNoSignature() throws {
        let signer = RequestSigner()
        for number in 0..<240 {
            let now = Instant.newYear + .seconds(7_777 * number)
            let endpoint = try #require(AWSEndpoint(.sqs, in: number % 2 == 0 ? "us-east-1" : "eu-west-1"))
            let credentials = AWSCredentials(
                accessKeyID: "AKID\(number % 3)", secretAccessKey: "s\(number % 5)",
                sessionToken: number % 4 == 0 ? "token" : nil)
            let headers = AWSOperation.sqs(number / 2 % 2 == 0 ? "ReceiveMessage" : "DeleteMessageBatch").headers
            let body = Bytes("body \(number)")
            let added = signer.sign(body, headers: headers, for: endpoint, .sqs, with: credentials, at: now)
            let time = CivilTime(now)
            let scope = SigV4.Scope(date: time.basicDate, region: endpoint.region, service: "sqs")
            let request = SigV4.Request(
                headers: (headers + added.dropLast()).map { ($0.name, $0.value) } + [("host", endpoint.host)],
                payloadDigest: Hash.sha256(body))
            let (canonical, names) = SigV4.canonicalRequest(request)
            let signature = SigV4.signature(
                of: SigV4.stringToSign(canonical, at: time.basic, scope.text),
                key: SigV4.signingKey(secret: credentials.secretAccessKey, scope))
            #expect(
                added.last?.value == "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope.text), "
                    + "SignedHeaders=\(names), Signature=\(signature)")
        }
    }
}

/// One folder of the suite.
private struct SigningCase {
    let name: String
    let credentials: AWSCredentials
    let request: SigV4.Request
    let time: CivilTime
    let scope: SigV4.Scope

    func file(_ file: String) throws -> String { try Fixtures.text("\(SigV4Tests.folder)/\(name)/\(file)") }

    init(_ name: String) throws {
        self.name = name
        let context = try JSONValue.parse(try Fixtures.data("\(SigV4Tests.folder)/\(name)/context.json"))
        let keys = try #require(context["credentials"])
        credentials = AWSCredentials(
            accessKeyID: try #require(keys["access_key_id"]?.string),
            secretAccessKey: try #require(keys["secret_access_key"]?.string), sessionToken: keys["token"]?.string)
        time = try #require(context["timestamp"]?.string.flatMap(CivilTime.init(extended:)))
        scope = SigV4.Scope(
            date: time.basicDate, region: try #require(context["region"]?.string),
            service: try #require(context["service"]?.string))
        let text = try Fixtures.text("\(SigV4Tests.folder)/\(name)/request.txt")
        var (line, headers, body) = SigningCase.parts(of: text)
        headers.append(("X-Amz-Date", time.basic))
        if let token = credentials.sessionToken, context["omit_session_token"]?.bool != true {
            headers.append(("X-Amz-Security-Token", token))
        }
        let digest = Hash.sha256(body.utf8)
        if context["sign_body"]?.bool == true { headers.append(("X-Amz-Content-Sha256", digest.hexadecimal)) }
        let target = line.split(separator: " ").dropFirst().dropLast().joined(separator: " ")
        let path = target.prefix { $0 != "?" }
        request = SigV4.Request(
            method: String(line.prefix { $0 != " " }), path: String(path),
            query: String(target.dropFirst(path.count + 1)), headers: headers, payloadDigest: digest,
            normalizesPath: context["normalize"]?.bool ?? true)
    }

    /// Request line, headers (folded lines belong to the one before), body.
    private static func parts(of text: String) -> (String, [(name: String, value: String)], String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var headers: [(name: String, value: String)] = []
        var index = 1
        while index < lines.count, !lines[index].isEmpty {
            if lines[index].hasPrefix(" "), let last = headers.indices.last {
                headers[last].value += "\n" + lines[index]
            } else if let colon = lines[index].firstIndex(of: ":") {
                let value = lines[index][lines[index].index(after: colon)...]
                headers.append((String(lines[index][..<colon]), String(value)))
            }
            index += 1
        }
        return (lines[0], headers, lines.dropFirst(index + 1).joined(separator: "\n"))
    }
}
