import CDilithium
import Cryptography
import Events
import Foundation
import Signatures
import Support
import Testing

/// Signatures of files are ML-DSA-44 with a context: those of the standard, and nobody's tokens.
struct FileSignatureTests {
    let key = SigningKey.generate()

    @Test func itIsTheStandardsWithItsContext() throws {
        let content = Array("a file".utf8)
        let signature = try content.withUnsafeBytes { try FileSignature.sign($0, with: key) }
        let context = Array(FileSignature.context.utf8)
        // As the hundred known answers with contexts are verified.
        let parts = [[0, UInt8(context.count)], context, content]
        #expect(ManifoldKey(key.publicKey).verify(parts, signature) == DILITHIUM_IPD)
        #expect(ManifoldKey(key.publicKey).verify([content], signature) == nil)
        #expect(content.withUnsafeBytes { FileSignature.verifies(signature, of: $0, under: key.publicKey) })
        #expect(!content.withUnsafeBytes { FileSignature.verifies(signature, of: $0, under: [1, 2, 3]) })
        let other = Array("a fill".utf8)
        #expect(!other.withUnsafeBytes { FileSignature.verifies(signature, of: $0, under: key.publicKey) })
    }

    @Test func anEmptyFileCanBeSigned() throws {
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        let signature = try FileSignature.sign(empty, with: key)
        #expect(FileSignature.verifies(signature, of: empty, under: key.publicKey))
    }

    @Test func aFileIsSignedAndVerifiedByItsKeySet() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("plugin.so")
        let privateKey = try PrivateKey(key, keyID: "plugins-1")
        let other = try PrivateKey(SigningKey.generate(), keyID: "plugins-2")
        func write(_ bytes: [UInt8], _ name: String) throws {
            try Data(bytes).write(to: URL(filePath: folder.file(name)))
        }
        try write(Array("a plugin".utf8), "plugin.so")
        try write(KeyTool.publicDocument([other, privateKey], as: .akp), "keys.json")
        try write(KeyTool.publicDocument([other], as: .pqk), "others.json")
        #expect(try KeyTool.publicKeys(at: folder.file("keys.json")) == [other.key.publicKey, key.publicKey])
        #expect(throws: Failure.self) { try FileTool.verify(path, keySet: folder.file("keys.json")) }

        let signature = try FileTool.signature(of: path, with: privateKey)
        try write(signature, "plugin.so.sig")
        #expect(try FileTool.verify(path, keySet: folder.file("keys.json")) == "plugins-1")
        #expect(throws: Failure(.pluginBadSignature, path, "by none of the keys for this file")) {
            try FileTool.verify(path, keySet: folder.file("others.json"))
        }
        try write(Array("a plugin!".utf8), "plugin.so")
        #expect(throws: Failure(.pluginBadSignature, path, "by none of the keys for this file")) {
            try FileTool.verify(path, keySet: folder.file("keys.json"))
        }
        #expect(throws: Failure.self) { try FileTool.verify(folder.file("none.so"), keySet: folder.file("keys.json")) }
    }
}
