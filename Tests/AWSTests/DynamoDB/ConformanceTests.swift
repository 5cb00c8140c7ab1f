import StoreConformance
import Support
import Testing

/// The promises of every store, on MiniStack: it takes one request after the other, as DynamoDB does for one item.
@Suite(.serialized) struct DynamoDBConformanceTests {
    /// MiniStack counts the four megabytes of a transaction in base64; DynamoDB counts the bytes.
    static let largest = "the largest effects that are allowed are committed"

    @Test(arguments: Check.all)
    func keepsThePromisesOfEveryStore(check: Check) async throws {
        let endpoint =
            check.name == Self.largest ? try MotoServer.shared().endpoint : try MiniStackServer.shared().endpoint
        try await check.run { clock in try await TableBench(clock, at: endpoint, isCut: check.need == .cutting) }
    }
}
