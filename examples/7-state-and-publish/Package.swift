// swift-tools-version: 6.2
import PackageDescription

/// Outrigger's folder `Handlers`: the contract and HandlerKit, which depend on nothing.
let handlers = "\(Context.packageDirectory)/../../Handlers"
let kit = Target.Dependency.product(name: "HandlerKit", package: "Handlers")

let package = Package(
    name: "loyalty",
    products: [.library(name: "loyalty", type: .dynamic, targets: ["LoyaltyPlugin"])],
    dependencies: [.package(name: "Handlers", path: handlers)],
    targets: [
        .target(
            name: "LoyaltyPlugin", dependencies: [kit], path: "Sources",
            linkerSettings: [
                .unsafeFlags([
                    "-static-stdlib", "-use-ld=lld", "-Xlinker", "--gc-sections",
                    "-Xlinker", "--version-script=\(handlers)/exports.map",
                ]),
                .unsafeFlags(["-Xlinker", "--strip-all"], .when(configuration: .release)),
            ])
    ],
    swiftLanguageModes: [.v6]
)
