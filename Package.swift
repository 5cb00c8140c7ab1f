// swift-tools-version: 6.2
import PackageDescription

// MARK: - strictness

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]
let strictC: [CSetting] = [
    .treatAllWarnings(as: .error), .enableWarning("all"), .enableWarning("extra"), .define("_GNU_SOURCE"),
]
let strictCXX: [CXXSetting] = [.treatAllWarnings(as: .error), .enableWarning("all"), .enableWarning("extra")]
/// What the simulation runs twenty thousand times in a test run is optimised in debug builds, too.
let simulated: [SwiftSetting] = strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]
/// Hot C code is optimised in debug builds, too: tests run thousands of verifications.
let optimised: [CSetting] = strictC + [.unsafeFlags(["-O2"])]

/// A plugin exports one symbol. Of the linkers lld alone keeps Swift's metadata out of the dynamic symbol table.
let onePluginSymbol: [LinkerSetting] = [
    .unsafeFlags([
        "-use-ld=lld", "-Xlinker", "--gc-sections",
        "-Xlinker", "--version-script=\(Context.packageDirectory)/Handlers/exports.map",
    ])
]
/// A Swift plugin brings its own Swift runtime: there is no toolchain to match.
let oneSwiftPluginSymbol: [LinkerSetting] = onePluginSymbol + [.unsafeFlags(["-static-stdlib"])]
/// C has no use for the Swift runtime that the driver would link: the worker must start without it, and a plugin must
/// load where there is none.
let withoutSwift: [LinkerSetting] = [.unsafeFlags(["-static-stdlib", "-nostartfiles"])]
/// The sidecar brings its Swift runtime, too, and an allocator that costs half of glibc's: Runtime/Decisions/0028. The
/// archives of Foundation want these in this order.
let ownRuntime: [LinkerSetting] =
    [.unsafeFlags(["-static-stdlib"])]
    + ["CoreFoundation", "_FoundationICU", "_FoundationCShims", "_FoundationCollections", "mimalloc"]
    .map { .linkedLibrary($0) }
let hiddenSymbols: [CSetting] = strictC + [.unsafeFlags(["-fvisibility=hidden"])]

// MARK: - what the targets are made of

func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
    settings: [SwiftSetting] = strict
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Runtime/\(name)", exclude: exclude, swiftSettings: settings)
}
func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: strict)
}
/// A handler is two targets: its logic, which tests import, and one file with the entry symbol, which nobody does.
func handler(_ name: String) -> [Target] {
    [
        .target(
            name: name, dependencies: ["Kit", "Vocabulary"], path: "Handlers/\(name)",
            exclude: ["Plugin", "README.md"], swiftSettings: strict),
        .target(
            name: "\(name)Plugin", dependencies: ["ABI", "Kit", .target(name: name)],
            path: "Handlers/\(name)/Plugin", swiftSettings: strict, linkerSettings: oneSwiftPluginSymbol),
    ]
}
func plugin(_ name: String, _ target: String) -> Product {
    .library(name: name, type: .dynamic, targets: [target])
}
func fixture(_ name: String) -> Target {
    .target(
        name: "Fixture\(name)", dependencies: ["ABI"], path: "Tests/Fixtures/Plugins/\(name)",
        publicHeadersPath: ".", cSettings: hiddenSymbols, cxxSettings: strictCXX, linkerSettings: withoutSwift)
}

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let nio = ["NIOCore", "NIOPosix"].map { Target.Dependency.product(name: $0, package: "swift-nio") }
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let fixtures = [
    "Counting", "Obedient", "Hostile", "Mistaken", "Foreign", "Calling", "Careless", "Nameless", "Ruled", "Stopwatch",
    "Scripted",
]

/// What is given hostile bytes: Tests/Fuzz.
let fuzzed = [
    "envelope", "token", "keyset", "frames", "settings", "bodies", "answers", "json", "schema", "worker",
]

/// What of the worker is only for a process of its own.
let confined = ["main.c", "sandbox.c", "namespaces.c", "landlock.c", "filter.c"]

// MARK: - the house

let package = Package(
    name: "outrigger",
    products: [
        .executable(name: "outrigger", targets: ["Sidecar"]),
        .executable(name: "outrigger-worker", targets: ["Worker"]),
        .executable(name: "outrigger-benchmarks", targets: ["Benchmarks"]),
        .executable(name: "outrigger-stages", targets: ["Stages"]),
        .executable(name: "outrigger-simulation", targets: ["Simulate"]),
        .executable(name: "ledger-service", targets: ["LedgerService"]),
        .library(name: "HandlerKit", targets: ["Kit", "ABI"]),
        .library(name: "HandlerTesting", targets: ["HandlerTesting"]),
        plugin("treasury", "TreasuryPlugin"), plugin("compliance", "CompliancePlugin"),
        plugin("notification", "NotificationPlugin"), plugin("token", "TokenPlugin"),
        plugin("hello-c", "HelloC"), plugin("hello-swift", "HelloSwiftPlugin"),
        plugin("outrigger-call", "CallPlugin"), plugin("fixture-plain", "FixturePlain"),
    ] + fixtures.map { plugin("fixture-\($0.lowercased())", "Fixture\($0)") },
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // The core: values and decisions.
        module("Events", settings: simulated),
        module("Pipeline", ["Events"], settings: simulated),

        // Tools: each wraps one library, and knows nothing of events.
        .target(
            name: "CSimdjson", path: "Runtime/JSON/CSimdjson", cxxSettings: strictCXX + [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("simdjson")]),
        .target(
            name: "CValijson", path: "Runtime/JSON/CValijson", cxxSettings: strictCXX + [.unsafeFlags(["-O2"])]),
        module("JSON", ["CSimdjson", "CValijson"], exclude: ["CSimdjson", "CValijson"]),
        .systemLibrary(
            name: "CCurl", path: "Runtime/HTTP/CCurl", pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev", "libssl-dev"])]),
        module("HTTP", ["CCurl", "Events"], exclude: ["CCurl"]),
        .target(
            name: "Cryptography", dependencies: ["Events", "CDilithium", crypto],
            path: "Runtime/Signatures/Cryptography", swiftSettings: strict),
        .target(name: "CDilithium", path: "Runtime/Signatures/CDilithium", cSettings: optimised),

        // Adapters: each implements ports of the pipeline, and none knows another.
        module("AWS", ["Events", "Pipeline", "HTTP", "JSON", "Cryptography", "StoreCommon"]),
        module(
            "Signatures", ["Events", "Pipeline", "HTTP", "JSON", "CDilithium", "Cryptography"],
            exclude: ["CDilithium", "Cryptography"]),
        module("Services", ["Events", "Pipeline", "HTTP", "JSON", "Cryptography"]),
        .target(
            name: "StoreCommon", dependencies: ["Events", "Pipeline", "JSON", "Cryptography"],
            path: "Runtime/Store/Common", swiftSettings: strict),
        .target(
            name: "CSQLite", path: "Runtime/Store/CSQLite", cSettings: strictC,
            linkerSettings: [.linkedLibrary("sqlite3")]),
        module(
            "Store", ["Events", "Pipeline", "JSON", "Cryptography", "StoreCommon", "CSQLite", grdb],
            exclude: ["Common", "CSQLite"]),
        .systemLibrary(
            name: "CPostgreSQL", path: "Runtime/PostgreSQL/CPostgreSQL", pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"])]),
        module(
            "PostgreSQL", ["Events", "Pipeline", "Cryptography", "StoreCommon", "CPostgreSQL"],
            exclude: ["CPostgreSQL"]),
        .target(name: "CProcess", path: "Runtime/Plugins/CProcess", cSettings: strictC),
        module(
            "Plugins", ["Events", "Pipeline", "JSON", "Cryptography", "CProcess", "WorkerInstance", "WorkerProtocol"],
            exclude: ["CProcess"]),
        .target(name: "WorkerProtocol", path: "Runtime/Worker/Protocol", cSettings: strictC),
        .target(
            name: "WorkerInstance", dependencies: ["ABI", "WorkerProtocol"], path: "Runtime/Worker",
            exclude: ["Protocol"] + confined, publicHeadersPath: "Inline", cSettings: optimised),
        .executableTarget(
            name: "Worker", dependencies: ["WorkerInstance", "ABI", "WorkerProtocol"], path: "Runtime/Worker",
            exclude: ["Protocol", "Inline"], sources: confined, cSettings: optimised, 
            linkerSettings: [.linkedLibrary("dl"), .linkedLibrary("pthread")] + withoutSwift),
        module(
            "LocalAPI",
            ["Events", "Pipeline", "JSON", "Cryptography", hummingbird, hummingbirdCore, lifecycle, logging] + nio),
        module("LocalCloud", ["Events", "JSON", "Cryptography", hummingbird, lifecycle, logging]),
        module("Telemetry", ["Events", "Pipeline", "JSON", logging]),
        module("Settings", ["Events", "JSON", yams]),

        // The composition root.
        .executableTarget(
            name: "Sidecar",
            dependencies: [
                "Events", "Pipeline", "JSON", "HTTP", "Cryptography", "AWS", "Signatures", "Services", "Store",
                "StoreCommon", "PostgreSQL", "Plugins", "LocalAPI", "LocalCloud", "Telemetry", "Settings",
                "Conformance", arguments, lifecycle, logging, signals,
            ],
            path: "Runtime/Sidecar", swiftSettings: strict, linkerSettings: ownRuntime),

        // For handler authors.
        .target(name: "ABI", path: "Handlers/ABI", cSettings: strictC),
        .target(name: "Kit", dependencies: ["ABI"], path: "Handlers/Kit", swiftSettings: strict),
        .systemLibrary(
            name: "CFFI", path: "Handlers/Call/CFFI", pkgConfig: "libffi", providers: [.apt(["libffi-dev"])]),
        .target(
            name: "Call", dependencies: ["Kit", "CFFI"], path: "Handlers/Call", exclude: ["CFFI", "Plugin"],
            swiftSettings: strict),
        .target(
            name: "CallPlugin", dependencies: ["ABI", "Kit", "Call"], path: "Handlers/Call/Plugin",
            swiftSettings: strict, linkerSettings: oneSwiftPluginSymbol),
        .target(name: "Vocabulary", dependencies: ["Kit"], path: "Handlers/Vocabulary", swiftSettings: strict),
        .target(
            name: "HandlerTesting", dependencies: ["Kit"], path: "Handlers/Testing", exclude: ["Conformance"],
            swiftSettings: strict),
        .target(
            name: "Conformance",
            dependencies: ["Events", "Pipeline", "JSON", "Plugins", "WorkerProtocol"],
            path: "Handlers/Testing/Conformance",
            swiftSettings: strict),
        .target(
            name: "HelloC", dependencies: ["ABI"], path: "examples/2-hello-c", exclude: ["README.md", "event.json"],
            publicHeadersPath: ".", cSettings: hiddenSymbols, linkerSettings: onePluginSymbol + withoutSwift),
        .target(
            name: "Hello", dependencies: ["Kit"], path: "examples/3-hello-swift/Sources/Hello", swiftSettings: strict),
        .target(
            name: "HelloSwiftPlugin", dependencies: ["ABI", "Kit", "Hello"],
            path: "examples/3-hello-swift/Sources/HelloPlugin", swiftSettings: strict,
            linkerSettings: oneSwiftPluginSymbol),

        .executableTarget(
            name: "LedgerService", dependencies: [hummingbird, grdb, arguments, logging],
            path: "examples/10-ledger-service/Sources", swiftSettings: strict),

        .target(
            name: "FixturePlain", path: "Tests/Fixtures/Plugins/Plain", publicHeadersPath: ".", cSettings: strictC,
            linkerSettings: withoutSwift),

        // Tests: one target a module, and those that hold the whole.
        .target(name: "Support", dependencies: ["Events"], path: "Tests/Support", swiftSettings: strict),
        tests("EventsTests", ["Events"]),
        tests("PipelineTests", ["Events", "Pipeline"]),
        .target(
            name: "Simulation", dependencies: ["Events", "Pipeline"], path: "Tests/Simulation",
            exclude: ["Command", "run"], swiftSettings: simulated),
        .executableTarget(
            name: "Simulate", dependencies: ["Simulation"], path: "Tests/Simulation/Command", swiftSettings: strict),
        tests("SimulationTests", ["Simulation"]),
        tests("JSONTests", ["JSON", "Support"]),
        tests("HTTPTests", ["HTTP", "CCurl", "Events", "Support"]),
        tests(
            "AWSTests",
            [
                "AWS", "HTTP", "JSON", "Cryptography", "StoreCommon", "StoreConformance", "Events", "Pipeline",
                "Support",
            ]),
        .target(
            name: "DilithiumDifferential", dependencies: ["CDilithium"], path: "Tests/Fuzz/dilithium",
            exclude: ["fuzz.c", "main.c", "run"],
            cSettings: optimised + [.headerSearchPath("../../../Runtime/Signatures/CDilithium")]),
        tests(
            "SignaturesTests",
            [
                "Signatures", "JSON", "HTTP", "CDilithium", "DilithiumDifferential", "Cryptography", "Events",
                "Pipeline", "Support",
            ]),
        tests("ServicesTests", ["Services", "HTTP", "JSON", "Events", "Pipeline", "Support"]),
        .target(
            name: "StoreConformance", dependencies: ["Events", "Pipeline", "Cryptography"],
            path: "Tests/StoreConformance", swiftSettings: strict),
        tests(
            "StoreTests",
            ["Store", "StoreCommon", "StoreConformance", "Cryptography", "Events", "Pipeline", "Support", grdb]),
        tests("PostgreSQLTests", ["PostgreSQL", "StoreConformance", "Events", "Pipeline", "Support"]),
        tests(
            "PluginsTests",
            ["Plugins", "Services", "HTTP", "Cryptography", "Events", "Pipeline", "Support", "WorkerProtocol"]),
        tests(
            "LocalAPITests",
            [
                "LocalAPI", "Store", "StoreCommon", "Events", "Pipeline", "JSON", "HTTP", "Support", hummingbird,
                logging, yams,
            ]),
        tests("LocalCloudTests", ["LocalCloud", "JSON", "HTTP", "Events", "Support", lifecycle, logging]),
        tests("TelemetryTests", ["Telemetry", "Events", "Pipeline", "Support"]),
        tests("SettingsTests", ["Settings", "JSON", "Events", "Support"]),
        tests(
            "HandlersTests",
            [
                "ABI", "Kit", "Vocabulary", "HandlerTesting", "Treasury", "Compliance", "Notification", "Token", "JSON",
                "Support", yams,
            ]),
        tests("ConformanceTests", ["Conformance", "Plugins", "Events", "JSON", "Support", yams]),
        tests(
            "EndToEndTests",
            ["Events", "Pipeline", "JSON", "HTTP", "Cryptography", "Signatures", "Store", "LocalCloud", "Support"]),
        tests("ExamplesTests", ["Support"]),
        .target(
            name: "WorkerConversation", dependencies: ["WorkerInstance", "WorkerProtocol"], path: "Tests/Fuzz/worker",
            exclude: ["Worker.swift", "corpus", "dictionary"], cSettings: strictC),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "AWS", "CDilithium", "Cryptography", "DilithiumDifferential", "Events", "HTTP", "JSON", "LocalAPI",
                "Pipeline", "Plugins", "Settings", "Signatures", "Support", "WorkerConversation", "WorkerProtocol",
            ],
            path: "Tests/Fuzz",
            exclude: ["README.md", "dilithium", "engine", "run", "sanitize", "worker/conversation.c", "worker/include"]
                + fuzzed.flatMap { ["\($0)/corpus", "\($0)/dictionary"] },
            swiftSettings: strict),
        tests("TidyTests", ["Support"]),
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "Events", "Pipeline", "HTTP", "JSON", "CDilithium", "Cryptography", "Signatures", "Store", "PostgreSQL",
                "AWS", "LocalCloud", "Support",
            ],
            path: "Tests/Benchmarks",
            exclude: ["profile", "run", "peers", "stages"], swiftSettings: strict),
        .executableTarget(
            name: "Stages",
            dependencies: [
                "Events", "Pipeline", "JSON", "HTTP", "Cryptography", "AWS", "Signatures", "Store", "Plugins",
                "Telemetry",
            ],
            path: "Tests/Benchmarks/stages", exclude: ["run", "thresholds"], swiftSettings: strict),
    ] + fixtures.map(fixture)
        + ["Treasury", "Compliance", "Notification", "Token"].flatMap(handler),
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11,
    cxxLanguageStandard: .cxx17
)
