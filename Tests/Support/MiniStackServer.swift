/// A second server of SQS, EventBridge, DynamoDB and more, by other people than Moto's: MiniStack, on loopback.
public final class MiniStackServer: Sendable {
    /// `http://127.0.0.1:PORT`.
    public var endpoint: String { process.endpoint }
    private let process: ServerProcess

    private static let one = Result { try MiniStackServer() }

    /// One for all tests of a run, started by the first that asks.
    public static func shared() throws -> MiniStackServer { try one.get() }

    // Its own command listens on all interfaces. The port stands in the URLs of its queues, so it must be told.
    private init() throws {
        let port = TestServer.freePort()
        let server = ["hypercorn", "-w", "0", "-b", "127.0.0.1:\(port)", "ministack.app:app"]
        process = try ServerProcess(["env", "GATEWAY_PORT=\(port)"] + server)
    }
}
