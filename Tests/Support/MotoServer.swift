/// A real server of SQS, EventBridge, STS and more that others wrote: Moto, as a process of its own on loopback.
public final class MotoServer: Sendable {
    /// `http://127.0.0.1:PORT`.
    public var endpoint: String { process.endpoint }
    private let process: ServerProcess

    /// What to pass as credentials: Moto takes any.
    public static let environment = [
        "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    ]

    private static let one = Result { try MotoServer() }

    /// One for all tests of a run, started by the first that asks.
    public static func shared() throws -> MotoServer { try one.get() }

    /// One of the test's own, which it may end: whatever it held goes with it.
    public init() throws { process = try ServerProcess(["moto_server", "-H", "127.0.0.1", "-p", "0"]) }

    /// `kill -9`.
    public func kill() { process.kill() }
}
