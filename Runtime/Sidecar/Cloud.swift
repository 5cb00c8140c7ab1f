import AWS
import Events
import HTTP
import Pipeline
import Settings

/// The queues and the bus of a configuration, as ports.
struct Cloud: Sendable {
    private let options: AWSOptions
    private let session: AWSSession
    private let client: HTTPClient
    private let clock: any WallClock

    /// - Parameter polls: for long polls; `client` by default.
    init(
        _ configuration: Configuration, environment: [String: String], client: HTTPClient, polls: HTTPClient? = nil,
        clock: any WallClock
    ) {
        self.client = client
        self.clock = clock
        options = AWSOptions(
            region: configuration.aws.region, queueEndpoint: configuration.aws.endpoint,
            busEndpoint: configuration.aws.endpoint, environment: environment)
        session = AWSSession(options, http: client, polls: polls, clock: clock)
    }

    /// Where the table of a shared store is.
    func session(of table: DynamoDBSettings) -> AWSSession {
        var elsewhere = options
        elsewhere.region = table.region ?? options.region
        elsewhere.tableEndpoint = table.endpoint ?? options.queueEndpoint
        return AWSSession(elsewhere, http: client, clock: clock)
    }

    func queue(_ url: String) -> SQSQueue { SQSQueue(session, queue: url) }
    /// For one visit.
    func deadLetterBox(_ url: String) -> SQSDeadLetterBox { SQSDeadLetterBox(session, queue: url) }
    func deadLetterQueue(_ url: String) -> SQSDeadLetterQueue { SQSDeadLetterQueue(session, queue: url) }

    func bus(_ settings: BusSettings) -> EventBusClient {
        guard let region = settings.region else { return EventBusClient(session, bus: settings.name) }
        var elsewhere = options
        elsewhere.region = region
        return EventBusClient(AWSSession(elsewhere, http: client, clock: clock), bus: settings.name)
    }
}
