import Glibc
@testable import Plugins
import Testing

/// Which processes are workers: the local API refuses them by their pids.
@Suite struct WorkerListTests {
    @Test func aWorkerIsOneFromItsStartUntilItIsReaped() async throws {
        let test = try TestHost()
        _ = try await test.host.start(generation: 1, handlers: [TestHost.options("obedient", of: "obedient")])
        let worker = await test.recorder.first { if case .ready = $0 { true } else { false } }
        #expect(worker.process > 0)
        #expect(test.host.isWorker(worker.process))
        #expect(!test.host.isWorker(getpid()))
        #expect(!test.host.isWorker(0))
        await test.host.stop(within: .seconds(5))
        #expect(!test.host.isWorker(worker.process))
    }
}
