import Cryptography
import Events
import Foundation
import JSON
import Pipeline
import Support
import Testing

@testable import Signatures

@Suite("Signing events")
struct SigningTests {
    static func publication(detail: String = Publisher.core, correlation: String = "c-9") -> Publication {
        Publication(
            row: 1, id: "evt-42",
            draft: Draft(
                source: Publisher.source, detailType: Publisher.detailType, resource: Publisher.resource,
                correlationID: correlation, detail: Bytes(detail)),
            parent: "evt-41",
            trace: Event.Trace(
                correlationID: "c-1", userID: "u-\"1\"", tenantID: "t-1", deviceID: "d-1",
                parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            committedAt: Publisher.now, attempts: 0)
    }

    static func body(_ detail: Bytes) -> String {
        #"{"id":"bus-1","source":"qsl.treasury","detail-type":"Payment.Completed.v1","detail":\#(detail.text)}"#
    }

    @Test(
        "What we sign, we accept, under the id that was fixed at commit",
        arguments: [
            TokenForm.mldsa44, .dilithium2(.round31), .dilithium2(.ipd), .dilithium2(.mldsa44),
        ])
    func roundTrip(form: TokenForm) async throws {
        let signer = EventSigner(try Publisher.key.get(), form: form)
        let signed = try await signer.sign(Self.publication(), at: Publisher.now)
        #expect(signed.signedAt == Publisher.now)
        let gate = try await Gate(
            Gate.options { $0.requireBinding = true }, document: Gate.document(form == .mldsa44 ? .akp : .pqk))
        let event = try await gate.verify(Publisher.envelope(Self.body(signed.detail))).get()
        #expect(event.id == EventID(issuer: "treasury", text: "evt-42"))
        #expect(event.isBound)
        #expect(event.detail.text == Publisher.core)
        #expect(event.signedAt == Publisher.now)
        #expect(
            event.trace
                == Event.Trace(
                    correlationID: "c-9", userID: "u-\"1\"", tenantID: "t-1", deviceID: "d-1",
                    parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    }

    @Test("A draft without a correlation id has its parent's")
    func correlates() async throws {
        let signer = EventSigner(try Publisher.key.get(), form: .mldsa44)
        let signed = try await signer.sign(Self.publication(correlation: ""), at: Publisher.now)
        #expect(try JSONValue.parse(signed.detail)["trace"]?["correlationId"] == "c-1")
    }

    @Test(
        "What its readers would refuse is not signed", arguments: [#"{"b":1,"a":2}"#, "{", "", #"{"a": 1}"#, "[1.0]"])
    func refuses(detail: String) async throws {
        let signer = EventSigner(try Publisher.key.get(), form: .mldsa44)
        do {
            _ = try await signer.sign(Self.publication(detail: detail), at: Publisher.now)
            Issue.record("signed")
        } catch {
            #expect(error.code == .publishSigning)
        }
    }
}

@Suite("Keys")
struct KeyToolTests {
    @Test("A key goes through its documents and comes back")
    func documents() throws {
        let key = try PrivateKey(SigningKey.generate())
        #expect(key.keyID.utf8.count == 43)
        let again = try PrivateKey(parsing: KeyTool.privateDocument(key)[...])
        #expect(again.keyID == key.keyID)
        #expect(again.key.publicKey == key.key.publicKey)
        for form in KeyTool.Form.allCases {
            let keys = try KeySetDocument(parsing: KeyTool.publicDocument([key], as: form)[...]).keys
            #expect(keys.map(\.keyID) == [key.keyID])
            #expect(keys.map(\.bytes) == [key.key.publicKey])
            #expect(keys.map(\.algorithm) == [form == .pqk ? .dilithium2 : .mldsa44])
        }
        #expect(throws: Failure.self) {
            try KeySetDocument(parsing: Bytes("{\"keys\":[\(KeyTool.privateDocument(key)[...].text)]}"))
        }
    }

    @Test("Signing and verifying by hand says what it found, in words", arguments: SignatureVariant.allCases)
    func verdicts(variant: SignatureVariant) throws {
        let key = try Publisher.key.get()
        let header = TokenHeader(algorithm: .dilithium2, keyID: "", signedAt: Publisher.now, source: "a")
        let detail = try KeyTool.signedDetail(
            core: Bytes(#"{ "b": 1.0, "a": "x" }"#), header: header, with: key, form: .dilithium2(variant))
        let verdict = try KeyTool.verify(detail[...], keySet: try Gate.document()[...])
        #expect(verdict.variant == variant)
        #expect(verdict.payload.text == #"{"a":"x","b":1}"#)
        #expect(verdict.isCanonical)
        #expect(verdict.words.contains(variant == .ipd ? "draft" : variant == .round31 ? "round 3.1" : "(FIPS 204)"))
        #expect(verdict.words.contains("not bound"))
        #expect(throws: Failure.self) { try KeyTool.verify(detail[...], keySet: try Gate.document(.akp)[...]) }
        #expect(throws: Failure.self) {
            try KeyTool.verify(detail[...], keySet: try KeySetSourceTests.onlyOther()[...])
        }
    }

    @Test(
        "A key file that others can read is not used",
        arguments: [
            (0o600, true), (0o400, true), (0o440, true), (0o644, false), (0o604, false), (0o660, false), (0o606, false),
        ])
    func files(mode: Int, isTaken: Bool) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("key.jwk")
        let document = Data(KeyTool.privateDocument(try Publisher.key.get()))
        #expect(FileManager.default.createFile(atPath: path, contents: document, attributes: [.posixPermissions: mode]))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        if isTaken {
            #expect(try PrivateKey.load(from: path).keyID == "sigsvc-2025-09")
        } else {
            #expect(throws: Failure(.settingsInvalid, path, "others may read or change it: chmod 600")) {
                try PrivateKey.load(from: path)
            }
        }
    }

    @Test(
        "What is no private key",
        arguments: [
            "", "{}", #"{"kty":"AKP","alg":"ML-DSA-44","kid":"a"}"#,
            #"{"kty":"AKP","alg":"ML-DSA-44","kid":"a","priv":"AA"}"#,
            #"{"kty":"OKP","alg":"ML-DSA-44","kid":"a","priv":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
            #"{"kty":"AKP","alg":"ML-DSA-65","kid":"a","priv":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
            #"{"kty":"AKP","alg":"ML-DSA-44","kid":"","priv":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
            #"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA","priv":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
            #"{"kty":"AKP","alg":"ML-DSA-44","kid":"a","priv":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"}"#,
        ])
    func refusesDocuments(text: String) {
        #expect(throws: Failure.self) { try PrivateKey(parsing: Bytes(text)) }
    }

    @Test("A file that is not there, not a file, or no key")
    func refusesFiles() throws {
        let folder = try TemporaryFolder()
        #expect(throws: Failure.self) { try PrivateKey.load(from: folder.file("nothing")) }
        #expect(throws: Failure.self) { try PrivateKey.load(from: folder.path) }
        let path = folder.file("large")
        try Data(count: 20_000).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        #expect(throws: Failure.self) { try PrivateKey.load(from: path) }
    }
}
