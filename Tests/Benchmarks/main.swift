import Foundation

// Figures for design targets: what one event costs. Reported, never asserted.

let arguments = Array(CommandLine.arguments.dropFirst())
print(Machine.description)
if arguments.isEmpty || arguments[0] == "verify" { try VerifyBenchmark.run() }
if arguments.isEmpty || arguments[0] == "events" {
    let count = arguments.dropFirst().first.flatMap { Int($0) } ?? 20_000
    try await EventsBenchmark(count: count).run()
}
if arguments.isEmpty || arguments[0] == "cloud" { try await CloudBenchmark().run() }
if arguments.isEmpty || arguments[0] == "latency" { try await LatencyBenchmark.run() }
