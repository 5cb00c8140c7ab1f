import Foundation

// Figures for design targets: what one event costs. Reported, never asserted.

let arguments = Array(CommandLine.arguments.dropFirst())
print(Machine.description)
if arguments.isEmpty || arguments[0] == "verify" { try VerifyBenchmark.run() }
if arguments.isEmpty || arguments[0] == "events" {
    let count = arguments.dropFirst().first.flatMap { Int($0) } ?? 20_000
    try await EventsBenchmark(count: count).run()
    try await EventsBenchmark(count: count, isInline: true).run()
}
if arguments.isEmpty || arguments[0] == "cloud" { try await CloudBenchmark().run() }
if arguments.isEmpty || arguments[0] == "latency" { try await LatencyBenchmark.run() }
if arguments.isEmpty || arguments[0] == "memory" { try await MemoryBenchmark.run() }
if arguments.isEmpty || arguments[0] == "start" { try await StartBenchmark.run() }
if arguments.isEmpty || arguments[0] == "scale" { try await ScaleBenchmark.run() }
if arguments.isEmpty || arguments[0] == "reload" { try await ReloadBenchmark.run() }
if arguments.isEmpty || arguments[0] == "journal" {
    let count = arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000
    try await JournalBenchmark(count: count).run()
}
if arguments.isEmpty || arguments[0] == "publish" {
    try await PublishBenchmark(count: arguments.dropFirst().first.flatMap { Int($0) } ?? 10_000).run()
}
if arguments.isEmpty || arguments[0] == "store" {
    try await StoreBenchmark(count: arguments.dropFirst().first.flatMap { Int($0) } ?? 20_000).run()
}
if arguments.first == "peers" {
    try await PeersBenchmark(count: arguments.dropFirst().first.flatMap { Int($0) } ?? 6_000).run()
}
