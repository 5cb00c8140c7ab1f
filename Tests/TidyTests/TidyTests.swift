import Foundation
import Support
import Testing

/// Style is a test: the house stays as ARCHITECTURE.md draws it.
@Suite struct TidyTests {
    static let sources = Source.all()

    @Test func theTopLevelIsWhatWasAskedFor() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Fixtures.repository)
        let visible = Set(names.filter { !$0.hasPrefix(".") && $0 != "Package.resolved" })
        #expect(visible == ["Package.swift", "Runtime", "Handlers", "Tests", "examples", "config", "README.md"])
    }

    @Test func theStagesAreTheNumberedFiles() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Fixtures.repository + "/Runtime/Pipeline")
        let numbered = files.filter { $0.first?.isNumber == true }.sorted()
        #expect(numbered == [
            "0-Pipeline.swift", "1-Receive.swift", "2-Verify.swift", "3-Route.swift", "4-Dedup.swift",
            "5-Handle.swift", "6-Settle.swift",
        ])
    }

    @Test func noModuleHasMoreFilesThanOneCanKnow() {
        for (folder, files) in Dictionary(grouping: Self.sources.filter(\.isRuntime), by: \.folder) {
            #expect(files.count <= 24, "\(folder) has \(files.count) files")
        }
    }

    @Test func linesFitTheScreen() {
        for source in Self.sources {
            for (number, line) in source.lines.enumerated() where line.count > 120 {
                Issue.record("\(source.path):\(number + 1) has \(line.count) columns")
            }
        }
    }

    @Test func functionsFitTheScreen() {
        for source in Self.sources where source.isRuntime || source.isHandlers {
            for function in source.functions where function.lines > 70 {
                Issue.record("\(source.path):\(function.start) has \(function.lines) lines")
            }
        }
    }

    @Test func nothingIsForcedPrintedOrLeftForLater() {
        // Taken apart, so that this file does not find itself.
        let banned = ["try" + "!", " as" + "! ", "TO" + "DO", "FIX" + "ME", "fatal" + "Error("]
        for source in Self.sources where source.isRuntime || source.isHandlers {
            for (number, line) in source.lines.enumerated() {
                for word in banned where line.contains(word) {
                    Issue.record("\(source.path):\(number + 1) says '\(word.trimmingCharacters(in: .whitespaces))'")
                }
                let isPrinting = line.range(of: #"^\s*print\(""#, options: .regularExpression) != nil
                if isPrinting { Issue.record("\(source.path):\(number + 1) prints") }
            }
        }
    }

    /// The import table: who may know whom. The compiler's own check misses transitive imports.
    static let tools: Set<String> = ["Events", "JSON", "HTTP", "Cryptography"]
    static let allowed: [String: Set<String>] = [
        "Events": [],
        "Pipeline": ["Events"],
        "JSON": ["CSimdjson", "CValijson", "Foundation"],
        "HTTP": ["CCurl", "Events", "Foundation"],
        "Cryptography": ["Events", "Crypto", "CCryptoBoringSSL", "CDilithium", "Foundation"],
        "AWS": tools.union(["Pipeline", "StoreCommon", "Foundation"]),
        "Signatures": tools.union(["Pipeline", "CDilithium", "Foundation"]),
        "Services": tools.union(["Pipeline"]),
        "Store": tools.union(["Pipeline", "StoreCommon", "CSQLite", "GRDB", "GRDBSQLite", "Foundation"]),
        "PostgreSQL": tools.union(["Pipeline", "StoreCommon", "CPostgreSQL"]),
        "Plugins": tools.union(["Pipeline", "ABI", "CProcess", "WorkerInstance", "WorkerProtocol", "Foundation"]),
        "Conformance": ["Events", "Pipeline", "JSON", "Plugins", "WorkerProtocol"],
        "LocalAPI": [
            "Events", "Pipeline", "JSON", "Cryptography", "Hummingbird", "HummingbirdCore", "NIOCore", "NIOPosix",
            "Logging", "ServiceLifecycle",
        ],
        "LocalCloud": tools.union(["Hummingbird", "Logging", "ServiceLifecycle"]),
        "Telemetry": ["Events", "Pipeline", "JSON", "Logging", "Foundation"],
        "Settings": ["Events", "JSON", "Yams", "Foundation"],
    ]
    static let everybody: Set<String> = ["Synchronization", "Dispatch", "Glibc"]

    @Test(arguments: Self.allowed.keys.sorted())
    func importsFollowTheTable(module: String) {
        for source in Self.sources where source.module == module {
            for name in source.imports where Self.allowed[module]?.union(Self.everybody).contains(name) != true {
                Issue.record("\(source.path) imports \(name)")
            }
        }
    }

    @Test func onlyVerifyAndTheTimersMakeEvents() {
        // Conformance makes events that were never signed: they reach a worker of its own and nothing else.
        let makers = ["Events", "Signatures", "Store", "Conformance"]
        for source in Self.sources where source.isRuntime || source.isHandlers {
            guard source.text.contains("@_spi(Verification) ") else { continue }
            #expect(makers.contains(source.module), "\(source.path)")
        }
    }

    @Test func everyFileSaysWhatItIsFor() {
        for source in Self.sources where source.isRuntime {
            let opening = source.lines.prefix(30).joined(separator: "\n")
            #expect(opening.contains("///") || opening.contains("\n// ") || opening.hasPrefix("// "), "\(source.path)")
        }
    }
}

/// One Swift file of the repository, read as text.
struct Source: Sendable {
    let path: String
    let text: String
    let lines: [String]

    var folder: String { path.split(separator: "/").dropLast().joined(separator: "/") }
    var isRuntime: Bool { path.hasPrefix("Runtime/") }
    var isHandlers: Bool { path.hasPrefix("Handlers/") }
    var module: String {
        if path.contains("/Cryptography/") { return "Cryptography" }
        if path.contains("/Conformance/") { return "Conformance" }
        return path.split(separator: "/").dropFirst().first.map(String.init) ?? ""
    }

    var imports: [String] {
        lines.compactMap { line in
            var words = line.split(separator: " ").map(String.init)
            words.removeAll { $0.hasPrefix("@") || ["public", "internal", "private"].contains($0) }
            guard words.first == "import", words.count > 1 else { return nil }
            let kinds = ["struct", "class", "enum", "func", "protocol", "typealias", "var", "let"]
            let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
            return name.split(separator: ".").first.map(String.init)
        }
    }

    /// Where each function starts, and how many lines it has: from its `func` or `init` to the brace that closes it.
    var functions: [(start: Int, lines: Int)] {
        var found: [(Int, Int)] = []
        var open: (start: Int, indentation: Int)?
        for (number, line) in lines.enumerated() {
            let indentation = line.prefix { $0 == " " }.count
            let code = line.trimmingCharacters(in: .whitespaces)
            let declares = code.range(of: #"^([a-z@()]+ )*(func |init[(?])"#, options: .regularExpression) != nil
            if open == nil, declares, !code.hasSuffix("}") {
                open = (number, indentation)
            } else if let current = open, indentation == current.indentation, code.hasPrefix("}") {
                found.append((current.start + 1, number - current.start + 1))
                open = nil
            }
        }
        return found
    }

    static func all() -> [Source] {
        ["Runtime", "Handlers", "Tests", "examples"].flatMap { root -> [Source] in
            let base = Fixtures.repository + "/"
            guard let files = FileManager.default.enumerator(atPath: base + root) else { return [] }
            let names = files.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") && !$0.contains(".build/") }
            return names.sorted().compactMap { name in
                let path = root + "/" + name
                guard let text = try? String(contentsOfFile: base + path, encoding: .utf8) else { return nil }
                return Source(path: path, text: text, lines: text.components(separatedBy: "\n"))
            }
        }
    }
}
