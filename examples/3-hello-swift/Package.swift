// swift-tools-version: 6.2
import PackageDescription

/// As in Sources/HelloPlugin/Plugin.swift. Each version is a module of its own, as far as the linker can see: two
/// versions may be in one process, and a stack trace says which one it was.
let version = "1.0.0"
let module = "Hello_" + version.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()

/// Outrigger's folder `Handlers`: the contract and HandlerKit, which depend on nothing.
let handlers = "\(Context.packageDirectory)/../../Handlers"

let package = Package(
    name: "hello-swift",
    products: [.library(name: "hello-swift", type: .dynamic, targets: ["HelloPlugin"])],
    dependencies: [.package(name: "Handlers", path: handlers)],
    targets: [
        // The logic, which tests import.
        .target(
            name: "Hello", dependencies: [.product(name: "HandlerKit", package: "Handlers")],
            swiftSettings: [.unsafeFlags(["-module-abi-name", module])]),
        // The library's one symbol. It brings its own Swift runtime, so that nothing need match where it runs; of the
        // linkers lld alone keeps Swift's metadata out of the dynamic symbol table.
        .target(
            name: "HelloPlugin", dependencies: ["Hello", .product(name: "HandlerKit", package: "Handlers")],
            linkerSettings: [
                .unsafeFlags([
                    "-static-stdlib", "-use-ld=lld", "-Xlinker", "--gc-sections",
                    "-Xlinker", "--version-script=\(handlers)/exports.map",
                ]),
                .unsafeFlags(["-Xlinker", "--strip-all"], .when(configuration: .release)),
            ]),
        .testTarget(
            name: "HelloTests", dependencies: ["Hello", .product(name: "HandlerTesting", package: "Handlers")]),
    ],
    swiftLanguageModes: [.v6]
)
