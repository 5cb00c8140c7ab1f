import ArgumentParser
import Events
import Foundation
import Signatures

// Signatures beside plugins, for `plugins.require: signature`.

extension Keys {
    struct SignFile: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the signature of a plugin beside it: FILE.sig (ML-DSA-44).")
        @Option(help: "The file with the private key.")
        var key: String
        @Argument(help: "The plugin.")
        var file: String

        func run() throws {
            let key = try PrivateKey.load(from: key)
            let path = FileTool.signaturePath(of: file)
            let signature = try FileTool.signature(of: file, with: key)
            do { try Data(signature).write(to: URL(filePath: path), options: .atomic) } catch {
                throw Failure(.settingsUnreadable, path, "it cannot be written")
            }
            Terminal.say("\(path): a signature by \(key.keyID)")
        }
    }

    struct VerifyFile: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify a plugin against FILE.sig, and say whose signature it is.")
        @Option(help: "The file with the key set.")
        var keys: String
        @Argument(help: "The plugin.")
        var file: String

        func run() throws { Terminal.say("valid: key \(try FileTool.verify(file, keySet: keys))") }
    }
}
