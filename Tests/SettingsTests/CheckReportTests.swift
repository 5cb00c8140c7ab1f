// What `outrigger check` prints, whole, for good and for bad.
import Events
import Settings
import Support
import Testing

struct CheckReportTests {
    private func queue(
        fifo: Bool = false, visibility: Duration = .seconds(30), retention: Duration = .days(4),
        size: Int = Limits.messageBytes, receives: Int? = nil
    ) -> QueueDescription {
        QueueDescription(
            isFIFO: fifo, visibilityTimeout: visibility, retention: retention, maximumMessageSize: size,
            redrive: receives.map {
                .init(target: "arn:aws:sqs:eu-central-1:123456789012:orders-dead", maximumReceives: $0)
            })
    }

    private func report(
        _ text: String = Base.yaml, _ queue: QueueDescription? = nil, _ deadLetters: QueueDescription? = nil
    ) -> CheckReport {
        let (configuration, problems) = Base.load(text)
        var report = CheckReport(file: "outrigger.yaml", configuration: configuration, problems: problems)
        if let queue { report.add(QueueName("orders"), queue, deadLetters: deadLetters) }
        return report
    }

    @Test func theReportsAreAsTheyWere() throws {
        var unreachable = report()
        unreachable.add(QueueName("orders"), Failure(.receiveDenied, "orders", "AccessDenied"))
        let cases: [(String, CheckReport)] = [
            ("good", report(Base.yaml, queue(receives: 100), queue(retention: .days(14)))),
            ("refused", report(Base.replacing("hold: 1m", "hold: 9h"))),
            ("queue not reachable", unreachable),
            ("few receives", report(Base.yaml, queue(receives: 5))),
            ("letters in two places", report(Base.replacing("orders-dead", "orders-lost"), queue(receives: 100))),
            ("short visibility", report(Base.yaml, queue(visibility: .seconds(5)))),
            ("long visibility", report(Base.yaml, queue(visibility: .hours(12)))),
            ("short retention", report(Base.yaml, queue(retention: .minutes(1)))),
            ("letters kept for less time", report(Base.yaml, queue(), queue(retention: .days(1)))),
            ("letters too large", report(Base.yaml, queue(), queue(retention: .days(14), size: 262_144))),
            ("letters of another kind", report(Base.yaml, queue(fifo: true), queue(retention: .days(14)))),
        ]
        let text = cases.map { "## \($0.0)\n" + $0.1.text + "\n" }.joined()
        #expect(try Snapshot.difference(of: text, from: "Tests/Fixtures/settings/reports.txt") == nil)
    }

    @Test func aReportIsGoodWithoutErrorsAlone() {
        #expect(report(Base.yaml, queue(receives: 5)).isGood)
        #expect(!report(Base.yaml, queue(), queue(size: 1024)).isGood)
        #expect(!report(Base.replacing("hold: 1m", "hold: 9h")).isGood)
    }

    @Test func theConfiguredVisibilityCountsBeforeTheQueuesOwn() {
        let text = Base.replacing("hold: 1m", "visibility: 60s")
        #expect(report(text, queue(visibility: .seconds(5))).problems.isEmpty)
    }
}
