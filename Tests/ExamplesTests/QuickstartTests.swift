/// `outrigger dev`: the quickstart ends where it should, and what it says to try next works as it stands.

import Foundation
import Support
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct QuickstartTests {
    private let reader: Reader
    init() throws { reader = try Reader() }

    @Test func everyEventEndsWhereItShould() throws {
        let (status, output) = try reader.run("outrigger dev --once --events 100 2>&1")
        #expect(status == 0, "\(output)")
        #expect(output.contains("Every event ended where it should."))
        #expect(!output.contains("MISSING"), "\(output)")
    }

    /// Without the service next door handlers have stand-ins, and that is said.
    @Test func withoutTheServiceThereAreStandIns() throws {
        let script = """
            mkdir alone
            for file in '\(Fixtures.products)'/*; do
                case $file in */ledger-service) ;; *) ln -s "$file" alone/ ;; esac
            done
            rm alone/outrigger && cp '\(Fixtures.products)/outrigger' alone/
            alone/outrigger dev --once --events 20 2>&1
            """
        let (status, output) = try reader.run(script)
        #expect(status == 0, "\(output)")
        #expect(output.contains("ledger-service is not there") && output.contains("Every event ended"), "\(output)")
    }

    @Test func whatToTryNextWorksAsItStands() throws {
        // The stream would go on, so it is given a moment; the AWS CLI need not be there, and the log has no end.
        let script = """
            set -e
            outrigger dev --events 20 >said 2>&1 &
            until grep -q 'Ctrl-C ends it' said; do kill -0 $!; sleep 0.2; done
            sed -n 's/^  //p' said | sed -n '/^S=/,$p' | sed '/^tail/,$d; /metrics/d' >next
            sed 's/curl -sN/timeout 5 curl -sN/' next | sed '/^timeout/s/$/ >stream || true/' >next.sh
            set -x
            . ./next.sh
            cat stream
            """
        let (status, output) = try reader.run(script)
        #expect(status == 0, "\(output)")
        for expected in [
            #""correlationId":"TRY-1""#, "event: accepted", "event: done", #""outcome":"sent""#,
            #""state":"initiated""#, "QUEUE", "ready",
        ] { #expect(output.contains(expected), "\(expected): \(output)") }
    }
}
