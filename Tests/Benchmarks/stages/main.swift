import Dispatch
import Foundation

// One stage of the hot path alone, for a number of events: what `run` counts instructions and allocations of, and what
// a profiler is pointed at. Prints the CPU time of the steps.

guard CommandLine.arguments.count == 3, let count = Int(CommandLine.arguments[2]), count > 0,
    let stage = stages[CommandLine.arguments[1]]
else {
    print("usage: outrigger-stages STAGE EVENTS\nstages: \(stages.keys.sorted().joined(separator: " "))")
    exit(64)
}
// The first thread waits here: an asynchronous main would leave it in a sigsuspend that Valgrind 3.19 dies of.
let meter = Meter()
let end = DispatchSemaphore(value: 0)
Task.detached {
    do {
        try await stage(count, meter)
        meter.report(events: count)
        exit(0)
    } catch {
        print("\(CommandLine.arguments[1]): \(error)")
        exit(1)
    }
}
end.wait()
