import StoreConformance
import Testing

extension PostgreSQLTests {
    @Suite struct ConformanceTests {
        @Test(arguments: Check.all)
        func keepsThePromisesOfEveryStore(check: Check) async throws {
            try await check.run { clock in try await Bench(clock) }
        }
    }
}
