import Cryptography
import Events
import Foundation
@testable import Plugins
import Support
import Testing

/// Plugins that must be pinned or signed.
@Suite struct SignedTests {
    let test: TestHost
    let path: String
    let key = SigningKey.generate()

    init() throws {
        test = try TestHost()
        path = test.folder.file("plugin.so")
        try FileManager.default.copyItem(atPath: TestHost.plugin("obedient"), toPath: path)
    }

    func options(_ trust: PluginTrust) -> HandlerOptions {
        var options = TestHost.options("obedient", of: "obedient")
        options.plugin = path
        options.trust = trust
        return options
    }

    func sign(_ bytes: [UInt8]? = nil) throws -> [UInt8] {
        let content = try bytes ?? [UInt8](Data(contentsOf: URL(filePath: path)))
        return try content.withUnsafeBytes { content throws(Failure) in try FileSignature.sign(content, with: key) }
    }

    func write(_ signature: [UInt8]) throws { try Data(signature).write(to: URL(filePath: path + ".sig")) }

    @Test func aSignedPluginRuns() async throws {
        try write(sign())
        let other = SigningKey.generate().publicKey
        #expect(await test.refusal(options(.signed(by: [other, key.publicKey]))) == nil)
        let outcome = try await test.run("obedient", [#"{"do":"done"}"#], generation: 2)[0]
        #expect(outcome.word == "done")
        await test.host.stop(within: .seconds(5))
    }

    @Test func anUnsignedOneIsRefused() async throws {
        let failure = await test.refusal(options(.signed(by: [key.publicKey])))
        #expect(failure == Failure(.pluginUnsigned, path, "\(path).sig: No such file or directory"))
        #expect(test.recorder.events.isEmpty, "no worker was started")
    }

    @Test func anothersSignatureAnothersFileAndOtherBytesAreRefused() async throws {
        let good = try sign()
        let signatures = [
            try sign([UInt8](Data(contentsOf: URL(filePath: path))) + [0]), Array(good.dropLast()), good + [0], [],
            good.enumerated().map { $0.offset == 100 ? $0.element ^ 1 : $0.element },
        ]
        for signature in signatures {
            try write(signature)
            #expect(await test.refusal(options(.signed(by: [key.publicKey])))?.code == .pluginBadSignature)
        }
        try write(good)
        let other = SigningKey.generate().publicKey
        #expect(await test.refusal(options(.signed(by: [other])))?.code == .pluginBadSignature)
        #expect(await test.refusal(options(.signed(by: [])))?.code == .pluginBadSignature)
        #expect(test.recorder.events.isEmpty, "no worker was started")
    }

    /// Without its context a signature of the same bytes would be an event's.
    @Test func aSignatureOfAnotherPurposeIsNone() async throws {
        let content = try [UInt8](Data(contentsOf: URL(filePath: path)))
        for variant in SignatureVariant.allCases {
            try write(key.sign(content, as: variant))
            #expect(await test.refusal(options(.signed(by: [key.publicKey])))?.code == .pluginBadSignature)
        }
    }

    @Test func aPinMayBeDemanded() async throws {
        #expect(await test.refusal(options(.pinned)) == Failure(.pluginPin, path, "pins are required, and it has none"))
        var pinned = options(.pinned)
        pinned.pin = Hash.sha256([UInt8](try Data(contentsOf: URL(filePath: path))))
        #expect(await test.refusal(pinned) == nil)
        await test.host.stop(within: .seconds(5))
    }
}
