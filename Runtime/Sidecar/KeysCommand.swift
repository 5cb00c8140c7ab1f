import ArgumentParser
import Cryptography
import Events
import Foundation
import Signatures

/// `outrigger keys`: make keys, publish them, sign and verify by hand.
struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make signing keys, publish them, sign and verify by hand.",
        subcommands: [Generate.self, Public.self, Sign.self, Verify.self, SignFile.self, VerifyFile.self])

    struct Generate: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a private key (a JWK, mode 0600).")
        @Option(help: "The id under which consumers find it; by default its thumbprint.")
        var kid: String?
        @Argument(help: "The file to write; it must not exist.")
        var file: String

        func run() throws {
            let key = try PrivateKey(SigningKey.generate(), keyID: kid)
            let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL, 0o600)
            guard descriptor >= 0 else {
                throw Failure(.settingsUnreadable, file, String(cString: strerror(errno)))
            }
            try FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
                .write(contentsOf: Data(KeyTool.privateDocument(key) + [UInt8(ascii: "\n")]))
            Terminal.say("\(file): a private key, kid \(key.keyID)")
        }
    }

    struct Public: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the key set that publishes private keys.")
        @Option(help: "pqk (kty PQK, alg Dilithium2) or akp (RFC 9964).")
        var form = "pqk"
        @Argument(help: "Files with private keys.")
        var files: [String]

        func run() throws {
            guard let form = KeyTool.Form(rawValue: form) else {
                throw ValidationError("form '\(form)': write pqk or akp")
            }
            let keys = try files.map { try PrivateKey.load(from: $0) }
            Terminal.say(String(decoding: KeyTool.publicDocument(keys, as: form), as: UTF8.self))
        }
    }

    struct Sign: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print an event's detail with its token, for a detailCore read from standard input.")
        @Option(help: "The file with the private key.")
        var key: String
        @Option(help: "The event's source, signed.")
        var source: String
        @Option(help: "The event's detail type, signed.")
        var detailType: String
        @Option(help: "The event's resource, signed.")
        var resource = ""
        @Option(help: "The event's id, signed; by default a new one.")
        var id: String?
        @Option(help: "mldsa44, ipd or r3.1 under the name Dilithium2, or jose for an RFC 9964 token.")
        var variant = "mldsa44"

        func run() throws {
            guard let form = SignatureVariant(rawValue: variant).map(TokenForm.dilithium2)
                ?? (variant == "jose" ? .mldsa44 : nil)
            else { throw ValidationError("variant '\(variant)': write mldsa44, ipd, r3.1 or jose") }
            let header = TokenHeader(
                algorithm: form == .mldsa44 ? .mldsa44 : .dilithium2, keyID: "", signedAt: SystemClock().now,
                source: source, detailType: detailType, resource: resource, id: id ?? UUID().uuidString.lowercased())
            let core = ArraySlice([UInt8](FileHandle.standardInput.readDataToEndOfFile()))
            let detail = try KeyTool.signedDetail(
                core: core, header: header, with: try PrivateKey.load(from: key), form: form)
            Terminal.say(String(decoding: detail, as: UTF8.self))
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify a token, a detail or an envelope from standard input, and say which variant it is.")
        @Option(help: "The file with the key set.")
        var keys: String

        func run() throws {
            guard let document = FileManager.default.contents(atPath: keys) else {
                throw Failure(.settingsUnreadable, keys, "cannot be read")
            }
            let text = FileHandle.standardInput.readDataToEndOfFile()
            let trimmed = String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            let verdict = try KeyTool.verify(Bytes(trimmed), keySet: ArraySlice([UInt8](document)))
            Terminal.say(verdict.words)
        }
    }
}
