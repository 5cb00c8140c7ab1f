import Foundation
import HTTP
import Support
import Testing

/// Against `openssl s_server`, with a certificate that is made for the test.
@Suite(.serialized) struct TLSTests {
    let client = HTTPClient()

    @Test func aCertificateOfTheNamedAuthorityIsTrustedAndNoOther() async throws {
        let server = try TLSServer()
        let trusting = TLSOptions(authorities: server.certificate)
        #expect(try await status(server, trusting) == 200)
        #expect(try await status(server, TLSOptions()) == nil)
        // The handle that trusted it was not used again.
        #expect(try await status(server, trusting) == 200)
    }

    @Test func aPinMustBeTheServersKey() async throws {
        let server = try TLSServer()
        let right = TLSOptions(authorities: server.certificate, pins: [try server.pin()])
        let wrong = TLSOptions(authorities: server.certificate, pins: [String(repeating: "A", count: 43) + "="])
        #expect(try await status(server, right) == 200)
        #expect(try await status(server, wrong) == nil)
    }

    @Test func olderVersionsThanTLS12AreRefused() async throws {
        let server = try TLSServer(["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
        #expect(try await status(server, TLSOptions(authorities: server.certificate)) == nil)
    }

    /// `nil` for a failure of trust.
    func status(_ server: TLSServer, _ tls: TLSOptions) async throws -> Int? {
        do throws(HTTPFailure) {
            return try await client.send(HTTPRequest(url: server.url, tls: tls)).status
        } catch {
            guard error.kind == .tls else { throw error }
            return nil
        }
    }
}

/// `openssl s_server -www`, which answers every request with a page.
final class TLSServer {
    private let folder: TemporaryFolder
    private let process = Process()
    let url: String
    let certificate: String

    init(_ options: [String] = []) throws {
        folder = try TemporaryFolder()
        certificate = folder.file("certificate.pem")
        let key = folder.file("key.pem")
        _ = try TLSServer.run([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
        ])
        let words = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments =
            ["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", certificate, "-key", key] + options
        process.standardOutput = words
        process.standardError = FileHandle.nullDevice
        // It answers from its standard input too, and must have one.
        process.standardInput = Pipe()
        try process.run()
        // "ACCEPT 127.0.0.1:PORT"
        var text = ""
        while !text.contains("\n") || !text.contains("ACCEPT") {
            let more = words.fileHandleForReading.availableData
            if more.isEmpty { throw CocoaError(.executableLoad) }
            text += String(decoding: more, as: UTF8.self)
        }
        words.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
        let port = text.split(separator: ":").last?.prefix { $0.isNumber } ?? ""
        url = "https://127.0.0.1:\(port)/"
    }

    // It may not hear of SIGTERM while it serves.
    deinit { kill(process.processIdentifier, SIGKILL) }

    /// SHA-256 of the public key, in base64, by openssl's own hand.
    func pin() throws -> String {
        let command = "openssl x509 -in \(certificate) -pubkey -noout | openssl pkey -pubin -outform der"
            + " | openssl dgst -sha256 -binary | openssl base64"
        return try TLSServer.run(["-c", command], of: "/bin/sh").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func run(_ arguments: [String], of program: String = "/usr/bin/openssl") throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
