// Log lines, byte for byte.
import Events
import Foundation
import Logging
import Pipeline
import Support
import Synchronization
import Telemetry
import Testing

struct LogTests {
    @Test func everyEventHasItsLine() throws {
        let bench = Bench(.trace)
        bench.everything()
        #expect(try Snapshot.difference(of: bench.recorder.text, from: "Tests/Fixtures/telemetry/lines.jsonl") == nil)
    }

    @Test func everyLineIsOneJSONObject() throws {
        let bench = Bench(.trace)
        bench.everything()
        for line in bench.recorder.lines {
            #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any], "\(line)")
        }
    }

    @Test func theEventsWayIsSilentAtInfo() {
        let bench = Bench(.info)
        bench.telemetry.note(.verified([Bench.subject]), of: orders, at: moment)
        let run = Bench.run(.done, attempt: 1, waited: nil, took: .zero)
        bench.telemetry.note(.handled([run]), of: orders, at: moment)
        bench.telemetry.note(.settled([.init(Bench.subject, .done, endToEnd: .zero)]), of: orders, at: moment)
        #expect(bench.recorder.lines.isEmpty)
        bench.telemetry.writer.setLevel(.debug)
        bench.telemetry.note(.duplicate(Bench.subject), of: orders, at: moment)
        #expect(bench.recorder.lines.count == 1)
    }

    @Test func aLineNeverBreaksOut() throws {
        let bench = Bench()
        let hostile = "a\"b\\c\nd\r\u{1B}[31m\u{0}\u{85}\u{2028}\u{202E}\u{9B}e\u{E0001}\u{FFFE}ü漢😀"
        bench.telemetry.log(.info, hostile, [Attribute(name: hostile, value: hostile)], at: moment)
        let line = try #require(bench.recorder.raw.first)
        #expect(line.count { $0 == 0x0A } == 1 && line.last == 0x0A)
        let text = String(decoding: line, as: UTF8.self)
        #expect(
            text.contains(
                #""message":"a\"b\\c\nd\u000d\u001b[31m\u0000\u0085\u2028\u202e\u009be\udb40\udc01\ufffeü漢😀""#),
            "\(text)")
        let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
        #expect(object?["message"] as? String == hostile)
        #expect(object?["fields"] as? [String: String] == [hostile: hostile])
    }

    @Test func aLineFitsIntoOneWriteOfAPipe() throws {
        let long = String(repeating: "\u{1}", count: 10_000)
        for fields in [0, 1, 31, 500] {
            let bench = Bench()
            let many = (0..<fields).map { Attribute(name: "\($0)\(long)", value: long) }
            bench.telemetry.handlerLog(
                HandlerID(long), .error, long, many, eventID: long, traceParent: trace, at: moment)
            let line = try #require(bench.recorder.raw.first)
            #expect(line.count <= 4_096)
            let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
            #expect(object?["cut"] as? Bool == true)
            #expect(object?["level"] as? String == "error")
        }
    }

    @Test(arguments: [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", ""),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", ""), ("garbage", ""), ("", ""),
    ])
    func theTraceIDComesFromAValidParentAlone(_ parent: String, _ expected: String) {
        let bench = Bench()
        bench.telemetry.handlerLog(billing, .info, "x", traceParent: parent, at: moment)
        #expect(bench.recorder.text.contains("\"trace_id\":\"\(expected)\"") == !expected.isEmpty)
        #expect(bench.recorder.text.contains("trace_id") == !expected.isEmpty)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (1_795_222_923_456, "2026-11-21T01:02:03.456Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ])
    func timesAreRFC3339(_ milliseconds: Int64, _ expected: String) {
        let bench = Bench()
        bench.telemetry.log(.info, "x", at: Instant(unixMilliseconds: milliseconds))
        #expect(bench.recorder.text.hasPrefix("{\"time\":\"\(expected)\","))
    }

    // MARK: - rate

    @Test func linesOfOneCodeAreLimitedAndTheRestCounted() {
        let bench = Bench()
        func fail(_ count: Int, _ code: FailureCode, at now: Instant) {
            for index in 0..<count {
                bench.telemetry.note(.failed(Bench.subject, Failure(code, "m-\(index)")), of: orders, at: now)
            }
        }
        fail(250, .verifyBadSignature, at: moment)
        fail(3, .verifyMissing, at: moment)
        #expect(bench.recorder.lines.count == Limits.logLinesPerCode + 3)
        fail(1, .verifyMissing, at: moment + .seconds(1))
        #expect(bench.recorder.lines.count == Limits.logLinesPerCode + 5)
        #expect(
            bench.recorder.lines.suffix(2).first == #"{"time":"2026-11-21T01:02:04.456Z","level":"warning","#
                + #""message":"lines left out","stage":"verify","code":"verify.bad-signature","#
                + #""fields":{"count":"240"}}"#
        )
        fail(11, .verifyBadSignature, at: moment + .seconds(1))
        bench.telemetry.flush(at: moment + .seconds(2))
        #expect(bench.recorder.lines.last?.hasSuffix(#""fields":{"count":"1"}}"#) == true)
        #expect(
            bench.telemetry.exposition(at: moment).contains("outrigger_log_lines_dropped_total{reason=\"limit\"} 241\n")
        )
        #expect(
            bench.telemetry.exposition(at: moment)
                .contains("outrigger_failures_total{queue=\"orders\",code=\"verify.bad-signature\"} 261\n"))
    }

    @Test func aTalkativeHandlerIsLimitedAndOthersAreNot() {
        let bench = Bench()
        for _ in 0..<1_000 { bench.telemetry.handlerLog(billing, .info, "again", at: moment) }
        bench.telemetry.handlerLog(HandlerID("other"), .info, "once", at: moment)
        #expect(bench.recorder.lines.count == 201)
    }

    @Test func sourcesThemselvesAreBounded() {
        let bench = Bench()
        for index in 0..<5_000 {
            bench.telemetry.writer.write(at: moment, .info, from: .library("l\(index)"), LogLine(.info, "x"))
        }
        #expect(bench.recorder.lines.count <= 512 + Limits.logLinesPerCode)
    }

    @Test func aBlockedReaderLosesLinesAndTheyAreCounted() {
        let bench = Bench()
        bench.recorder.block()
        bench.telemetry.log(.error, "x", at: moment)
        #expect(
            bench.telemetry.exposition(at: moment).contains("outrigger_log_lines_dropped_total{reason=\"blocked\"} 1\n")
        )
    }

    // MARK: - the descriptor

    @Test func aFullPipeNeverBlocks() throws {
        let pipe = Pipe()
        let sink = DescriptorSink(pipe.fileHandleForWriting.fileDescriptor)
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 4_095) + [0x0A]
        var taken = 0
        while sink.write(line) { taken += 1 }
        #expect(taken > 0)
        let read = try #require(try pipe.fileHandleForReading.read(upToCount: taken * line.count))
        #expect([UInt8](read) == Array(Array(repeating: line, count: taken).joined()))
        #expect(sink.write(line))
    }

    @Test func linesOfManyThreadsAreWhole() async throws {
        let bench = Bench()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for index in 0..<100 { bench.telemetry.log(.info, "line \(task) \(index)", at: moment) }
                }
            }
        }
        #expect(Set(bench.recorder.lines).count == 800)
    }

    // MARK: - libraries

    @Test func librariesLogInOurLines() {
        let bench = Bench()
        let clock = StandingClock(moment)
        var logger = Logger(label: "hummingbird") { label in
            LibraryLogHandler(label: label, writer: bench.telemetry.writer, clock: clock)
        }
        logger[metadataKey: "port"] = "9464"
        logger.info("not shown")
        logger.error("bind\nfailed", metadata: ["errno": "98", "peers": .array(["a", "b"])])
        #expect(
            bench.recorder.text
                == #"{"time":"2026-11-21T01:02:03.456Z","level":"error","message":"bind\nfailed","fields":"#
                + #"{"library":"hummingbird","errno":"98","peers":"[\"a\", \"b\"]","port":"9464"}}"# + "\n")
    }
}
