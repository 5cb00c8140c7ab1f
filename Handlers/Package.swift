// swift-tools-version: 6.2
// HandlerKit alone, without the sidecar and all that it depends on: what a plugin in a package of its own builds with.
// `Handlers/new-handler` makes one; examples/3-hello-swift is one.
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "Handlers",
    products: [
        .library(name: "HandlerKit", targets: ["Kit", "ABI"]),
        .library(name: "HandlerTesting", targets: ["HandlerTesting"]),
    ],
    targets: [
        .target(name: "ABI", path: "ABI"),
        .target(name: "Kit", dependencies: ["ABI"], path: "Kit", swiftSettings: strict),
        .target(
            name: "HandlerTesting", dependencies: ["Kit"], path: "Testing", exclude: ["Conformance"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
