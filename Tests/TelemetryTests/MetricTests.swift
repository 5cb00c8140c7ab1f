// Metrics: their text, their limits and their catalogue.
import Events
import Foundation
import Pipeline
import Support
import Telemetry
import Testing

struct MetricTests {
    @Test func theExpositionIsAsItWas() throws {
        let bench = Bench()
        bench.everything()
        let text = bench.telemetry.exposition(at: moment + .seconds(5))
        #expect(try Snapshot.difference(of: text, from: "Tests/Fixtures/telemetry/metrics.txt") == nil)
    }

    @Test func everyMetricOfTheCatalogueIsUsed() {
        let bench = Bench()
        bench.everything()
        for _ in 0..<20 { bench.telemetry.report(Failure(.keysRefused), at: moment) }
        for index in 0...Limits.seriesPerMetric { bench.telemetry.unknownKey("k\(index)") }
        let text = bench.telemetry.exposition(at: moment)
        for metric in Metric.all {
            #expect(text.contains("# TYPE \(metric.name) \(metric.kind.rawValue)\n"), "\(metric.name) is never set")
        }
    }

    /// Neighbours that are alike are counted at once; who comes in between is counted, too.
    @Test func oneNoteOfManyCountsLikeManyOfOne() {
        let (shipping, wait) = (PipelineEvent.Subject(handler: HandlerID("shipping")), Duration.milliseconds(70))
        let outcomes: [PipelineEvent.HandledOutcome] = [.done, .done, .retry, .done, .done, .done, .reject]
        let runs = outcomes.enumerated().map { place, outcome in
            PipelineEvent.Run(
                place == 3 ? shipping : Bench.subject, outcome, attempt: 1, waited: place % 2 == 0 ? wait : nil,
                took: .milliseconds(1 << place))
        }
        let ends = [PipelineEvent.SettledAs.done, .done, .duplicate, .done].enumerated().map { place, how in
            PipelineEvent.Settlement(Bench.subject, how, endToEnd: .milliseconds(3 << place))
        }
        let (once, oneByOne) = (Bench(), Bench())
        once.telemetry.note(.handled(runs), of: orders, at: moment)
        once.telemetry.note(.settled(ends), of: orders, at: moment)
        for run in runs { oneByOne.telemetry.note(.handled([run]), of: orders, at: moment) }
        for end in ends { oneByOne.telemetry.note(.settled([end]), of: orders, at: moment) }
        let text = once.telemetry.exposition(at: moment)
        #expect(text == oneByOne.telemetry.exposition(at: moment))
        #expect(text.contains(#"handled_total{queue="orders",handler="billing",outcome="done"} 4"#))
        #expect(text.contains(#"wait_seconds_count{queue="orders",handler="billing"} 4"#))
        #expect(text.contains(#"settled_total{queue="orders",as="done"} 3"#))
    }

    @Test func namesFollowTheRulesOfPrometheus() {
        #expect(Set(Metric.all.map(\.name)).count == Metric.all.count)
        for metric in Metric.all {
            #expect(metric.name.hasPrefix("outrigger_"))
            #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"), "\(metric.name)")
            #expect(metric.kind != .histogram || metric.name.hasSuffix("_seconds"), "\(metric.name)")
            #expect(metric.help.hasSuffix("."))
        }
        #expect(Metric.bounds == Metric.bounds.sorted() && Metric.bounds.first == 0.00005 && Metric.bounds.last == 60)
    }

    /// The reference implementations read it, where they are installed; `Tests/run` installs them.
    @Test func prometheusReadsTheExposition() throws {
        let bench = Bench()
        bench.everything()
        bench.telemetry.handlerCount(billing, "odd", [Attribute(name: "v", value: "a\"b\\c\nd\u{1B}ü")], add: 1)
        let folder = try TemporaryFolder()
        let file = folder.file("metrics.txt")
        try bench.telemetry.exposition(at: moment).write(toFile: file, atomically: true, encoding: .utf8)
        // handler_... are the handlers' own names, which need not follow promtool's taste.
        let script = """
            set -e
            if command -v promtool > /dev/null; then
                grep -v 'handler_billing' '\(file)' | promtool check metrics
            elif python3 -c 'import prometheus_client' 2> /dev/null; then
                :
            else
                echo 'install promtool or the Python package prometheus_client: see Tests/run'
                exit 1
            fi
            if python3 -c 'import prometheus_client' 2> /dev/null; then
                python3 - '\(file)' <<'END'
            import sys
            from prometheus_client.parser import text_string_to_metric_families as parse
            families = {family.name: family for family in parse(open(sys.argv[1], encoding='utf-8').read())}
            odd = families['handler_billing_odd'].samples[0].labels['v']
            assert odd == 'a"b\\\\c\\nd\\x1b\\u00fc', odd
            assert len(families) > 40
            END
            fi
            """
        let result = try Shell.run(script)
        #expect(result.status == 0, "\(result.output)")
    }

    // MARK: - limits

    @Test func labelSetsAreBounded() {
        let bench = Bench()
        for index in 0..<(Limits.seriesPerMetric + 50) { bench.telemetry.unknownKey("k\(index)") }
        bench.telemetry.unknownKey("k0")
        let text = bench.telemetry.exposition(at: moment)
        #expect(text.contains("outrigger_unknown_keys_total{key_set=\"other\"} 50\n"))
        #expect(text.contains("outrigger_unknown_keys_total{key_set=\"k0\"} 2\n"))
        #expect(text.contains("outrigger_series_dropped_total{metric=\"outrigger_unknown_keys_total\"} 50\n"))
    }

    @Test func aHandlersSeriesAreBounded() {
        let bench = Bench()
        for index in 0..<300 {
            bench.telemetry.handlerCount(billing, "n", [Attribute(name: "id", value: "\(index)")], add: 1)
        }
        bench.telemetry.handlerCount(billing, "n", [Attribute(name: "id", value: "0")], add: 1)
        let text = bench.telemetry.exposition(at: moment)
        #expect(text.ranges(of: "handler_billing_n{").count == Limits.seriesPerHandler)
        #expect(text.contains("handler_billing_n{id=\"0\"} 2\n"))
        #expect(text.contains("outrigger_handler_telemetry_dropped_total{handler=\"billing\",kind=\"sample\"} 100\n"))
    }

    @Test func whatIsNoMetricOfAHandlerIsDropped() {
        let bench = Bench()
        let label = { (name: String) in [Attribute(name: name, value: "x")] }
        for name in ["", "1a", "a-b", "a b", "a{", String(repeating: "a", count: 65)] {
            bench.telemetry.handlerCount(billing, name, [], add: 1)
        }
        for name in ["le", "__name__", "a b", ""] { bench.telemetry.handlerCount(billing, "n", label(name), add: 1) }
        bench.telemetry.handlerCount(billing, "n", label("a") + label("a"), add: 1)
        bench.telemetry.handlerObserve(billing, "h", [], counts: [1, 2], sum: 1)
        bench.telemetry.handlerObserve(
            billing, "h", [], counts: Array(repeating: 0, count: Metric.handlerBounds.count + 1), sum: .nan)
        let text = bench.telemetry.exposition(at: moment)
        #expect(!text.contains("handler_billing_"))
        #expect(text.contains("kind=\"sample\"} 13\n"))
    }

    @Test func twoHandlersDoNotShareAName() {
        let bench = Bench()
        bench.telemetry.handlerCount(HandlerID("a-b"), "c", [], add: 1)
        bench.telemetry.handlerCount(HandlerID("a"), "b_c", [], add: 5)
        var counts = [UInt64](repeating: 0, count: Metric.handlerBounds.count + 1)
        counts[0] = 1
        bench.telemetry.handlerObserve(HandlerID("a-b"), "c", [], counts: counts, sum: 0)
        let text = bench.telemetry.exposition(at: moment)
        #expect(text.contains("\nhandler_a_b_c 1\n"))
        #expect(text.contains("{handler=\"a\",kind=\"sample\"} 1\n"))
        #expect(text.contains("{handler=\"a-b\",kind=\"sample\"} 1\n"))
    }

    @Test func whatIsGoneIsNotShown() {
        let bench = Bench()
        bench.everything()
        bench.telemetry.handlerRemoved(billing)
        bench.telemetry.keySetRemoved("signing")
        let text = bench.telemetry.exposition(at: moment)
        #expect(!text.contains("handler_billing_"))
        #expect(!text.contains("outrigger_workers{"))
        #expect(!text.contains("outrigger_key_set_age_seconds{"))
        #expect(text.contains("outrigger_worker_starts_total{handler=\"billing\"} 2\n"))
    }

    @Test func agesAreThoseOfTheScrape() {
        let bench = Bench()
        bench.everything()
        let text = bench.telemetry.exposition(at: moment + .minutes(10))
        #expect(text.contains("outrigger_key_set_age_seconds{key_set=\"signing\"} 600\n"))
        #expect(text.contains("outrigger_outbox_oldest_age_seconds 630\n"))
    }

    @Test func aPauseEndsForAllItsReasons() {
        let bench = Bench()
        for code in [FailureCode.storeFull, .verifyKeysUnavailable] {
            bench.telemetry.note(.paused(Failure(code)), of: orders, at: moment)
        }
        bench.telemetry.note(.paused(Failure(.storeFull)), of: QueueName("other"), at: moment)
        bench.telemetry.note(.resumed, of: orders, at: moment)
        let text = bench.telemetry.exposition(at: moment)
        #expect(text.contains("outrigger_paused{queue=\"orders\",code=\"store.full\"} 0\n"))
        #expect(text.contains("outrigger_paused{queue=\"orders\",code=\"verify.keys-unavailable\"} 0\n"))
        #expect(text.contains("outrigger_paused{queue=\"other\",code=\"store.full\"} 1\n"))
    }

    @Test func samplesFallIntoTheirBuckets() {
        let bench = Bench()
        for took in [Duration.zero, .microseconds(50), .microseconds(51), .seconds(60), .seconds(61)] {
            bench.telemetry.storeCommitted(calls: 1, took: took)
        }
        let text = bench.telemetry.exposition(at: moment)
        let name = "outrigger_store_commit_seconds"
        #expect(
            text.contains("\(name)_bucket{le=\"0.00005\"} 2\n") || text.contains("\(name)_bucket{le=\"5e-05\"} 2\n"))
        #expect(text.contains("\(name)_bucket{le=\"0.0001\"} 3\n"))
        #expect(text.contains("\(name)_bucket{le=\"30\"} 3\n"))
        #expect(text.contains("\(name)_bucket{le=\"60\"} 4\n"))
        #expect(text.contains("\(name)_bucket{le=\"+Inf\"} 5\n"))
        #expect(text.contains("\(name)_count 5\n"))
    }

    @Test func manyThreadsLoseNoCount() async {
        let bench = Bench()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<500 { bench.telemetry.unknownKey("k") } }
            }
        }
        #expect(bench.telemetry.exposition(at: moment).contains("outrigger_unknown_keys_total{key_set=\"k\"} 4000\n"))
    }
}
