import ArgumentParser
import Events
import JSON
import Pipeline
import Signatures
import Store

/// `outrigger journal`: what the journal in a file says of itself.
struct Journal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look for gaps, edits and cuts in a journal, also while a sidecar has it.",
        subcommands: [Verify.self, Head.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare rows, hashes and sealed heads, and say what is missing or was changed.",
            discussion: """
                Without --keys signatures are not looked at: then whoever can write the file can make it sound. \
                Without --expect a tail that was cut together with its heads is not missed: the sidecar logs its heads.
                With --config the chains of a shared store are compared, each for itself.
                """)
        @Option(help: "Files with public keys, as `outrigger keys public` prints them.")
        var keys: [String] = []
        @Option(help: "A row that is known from outside, NUMBER:HASH, as logged or printed by `journal head`.")
        var expect: [ExpectedRow] = []
        @Option(help: "In place of a file: the configuration that names a shared store.")
        var config: String?
        @Flag(help: "JSON, for machines.")
        var json = false
        @Argument(help: "The store's file.")
        var file: String?

        func validate() throws {
            guard (file == nil) != (config == nil) else { throw ValidationError("A file or --config, one of them.") }
            guard config == nil || expect.isEmpty else { throw ValidationError("--expect is for a file.") }
        }

        func run() async throws {
            let known = keys.isEmpty ? nil : try JournalKeys(keys)
            if let config { return try await verify(shared: config, known) }
            try verify(file: file ?? "", known)
        }

        private func verify(shared config: String, _ known: JournalKeys?) async throws {
            let journal = try await SharedJournal.verified(config, known)
            Terminal.say(json ? journal.json.compactText : journal.text)
            guard journal.audit.breaks.isEmpty else {
                let count = journal.audit.breaks.count
                throw Failure(.journalBroken, journal.place, count == 1 ? "1 finding" : "\(count) findings")
            }
        }

        private func verify(file: String, _ known: JournalKeys?) throws {
            let verifies = known?.verifying
            let expected = expect.map { (number: $0.number, hash: $0.hash) }
            let report = try JournalCheck(path: file, expected: expected, verifies: verifies).run()
            let words = JournalWords(report, hasKeys: verifies != nil)
            Terminal.write(json ? words.json : words.text)
            guard report.findings.isEmpty else {
                let count = report.findings.count
                throw Failure(.journalBroken, file, count == 1 ? "1 finding" : "\(count) findings")
            }
        }
    }

    struct Head: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the newest sealed head as NUMBER:HASH, to keep elsewhere.")
        @Flag(help: "JSON, with the signature.")
        var json = false
        @Argument(help: "The store's file.")
        var file: String

        func run() throws {
            guard let head = try JournalCheck.newestHead(of: file) else {
                throw Failure(.apiNotFound, file, "no head is sealed yet")
            }
            let place = "\(head.statement.number):\(head.statement.hash.hexadecimal)"
            Terminal.say(json ? head.json.compactText : place)
        }
    }
}

/// `NUMBER:HASH`.
struct ExpectedRow: ExpressibleByArgument {
    let number: Int64
    let hash: Digest

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int64(parts[0]), number > 0, let hash = Digest(hexadecimal: parts[1])
        else { return nil }
        self.number = number
        self.hash = hash
    }
}

extension Digest {
    /// 64 hexadecimal digits, of either case.
    fileprivate init?(hexadecimal text: Substring) {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard text.utf8.count == 64, digits.count == 64 else { return nil }
        self.init(stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
    }
}

extension SealedHead {
    var json: JSONValue {
        var members = [
            JSONMember("store", .string(statement.store)), JSONMember("boot", .integer(statement.boot)),
            JSONMember("number", .integer(statement.number)), JSONMember("hash", .string(statement.hash.hexadecimal)),
            JSONMember("first", .integer(statement.first)),
            JSONMember("time", .string(Timestamp.text(of: statement.time))),
            JSONMember("statement", .string(String(decoding: statement.bytes, as: UTF8.self))),
        ]
        if let signature {
            let bytes = String(decoding: Base64URL.encode(signature.bytes), as: UTF8.self)
            members += [JSONMember("keyId", .string(signature.keyID)), JSONMember("signature", .string(bytes))]
        }
        return .object(members)
    }
}

extension JSONValue {
    var compactText: String { String(decoding: serialised(), as: UTF8.self) }
}
